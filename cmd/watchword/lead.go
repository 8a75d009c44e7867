package main

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/controllers"
	"github.com/watchword-io/watchword/internal/hasher"
)

// standAgain is how long a replica waits before it stands for election again.
const standAgain = 2 * time.Second

// leader runs the controllers while this replica leads. They have a manager of their own, because one that loses the lease ends: after
// ten seconds without an API server that would take the token service down with it, which needs none.
type leader struct {
	options   options
	config    *rest.Config
	scheme    *runtime.Scheme
	passwords *hasher.Pool
	drain     time.Duration
	log       logr.Logger
}

// NeedLeaderElection implements manager.LeaderElectionRunnable: to the process's manager, standing for election is no leader's work.
func (l *leader) NeedLeaderElection() bool { return false }

// Start stands for election until ctx ends, again and again. It returns an error if the controllers cannot run at all: when the
// first manager fails before it led.
func (l *leader) Start(ctx context.Context) error {
	for first := true; ; first = false {
		led, err := l.term(ctx)
		switch {
		case ctx.Err() != nil:
			return err
		case !l.options.leaderElect, first && !led:
			return err
		}
		l.log.Info("the controllers have ended; standing for election again", "reason", fmt.Sprint(err))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(standAgain):
		}
	}
}

// term stands for election and runs the controllers until the lease is lost or ctx ends. It tells whether they ever ran.
func (l *leader) term(ctx context.Context) (led bool, err error) {
	manager, err := ctrl.NewManager(l.config, ctrl.Options{
		Scheme: l.scheme, Logger: l.log,
		Cache:                         controllers.CacheOptions(l.options.namespaces),
		Client:                        controllers.ClientOptions(),
		Controller:                    config.Controller{SkipNameValidation: ptr.To(true)}, // each term has the same controllers
		LeaderElection:                l.options.leaderElect,
		LeaderElectionID:              "watchword." + v1alpha1.GroupName,
		LeaderElectionNamespace:       l.options.operatorNamespace,
		LeaderElectionReleaseOnCancel: true, // nothing writes once Start has returned
		HealthProbeBindAddress:        "0",
		Metrics:                       metricsserver.Options{BindAddress: "0"},
		GracefulShutdownTimeout:       &l.drain,
	})
	if err != nil {
		return false, fmt.Errorf("make manager of the controllers: %w", err)
	}
	if err := controllers.Add(manager, controllers.Options{Namespaces: l.options.namespaces, Passwords: l.passwords}); err != nil {
		return false, fmt.Errorf("add controllers: %w", err)
	}
	err = manager.Start(ctx)
	select {
	case <-manager.Elected():
		led = true
	default:
	}
	if err != nil {
		err = fmt.Errorf("run controllers: %w", err)
	}
	return led, err
}
