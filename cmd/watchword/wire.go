package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/watchword-io/watchword/controllers"
	"github.com/watchword-io/watchword/internal/audit"
	"github.com/watchword-io/watchword/internal/cluster"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/fetch"
	"github.com/watchword-io/watchword/internal/hasher"
	"github.com/watchword-io/watchword/internal/server"
	"github.com/watchword-io/watchword/internal/store/kube"
)

// hashQueue is how many passwords may wait for each worker: at about 25 ms a hash, half a second's worth. What comes beyond is told
// to come again, sooner than its deadline would.
const hashQueue = 20

// start wires the components into a manager and runs it until ctx ends.
func start(ctx context.Context, o options, log logr.Logger, stdout io.Writer) error {
	config, err := o.restConfig()
	if err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := controllers.AddToScheme(scheme); err != nil {
		return fmt.Errorf("register kinds: %w", err)
	}
	drain := o.drain + 5*time.Second
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme, Logger: log,
		HealthProbeBindAddress:  o.healthListen,
		Metrics:                 metricsserver.Options{BindAddress: o.metricsListen},
		GracefulShutdownTimeout: &drain,
	})
	if err != nil {
		return fmt.Errorf("make manager: %w", err)
	}
	if err := manager.AddHealthzCheck("process", healthz.Ping); err != nil {
		return fmt.Errorf("add health check: %w", err)
	}
	passwords, err := newHasher(o)
	if err != nil {
		return err
	}
	defer passwords.Close()
	if o.has(componentControllers) {
		l := &leader{options: o, config: config, scheme: scheme, passwords: passwords, drain: drain, log: log}
		if err := manager.Add(l); err != nil {
			return fmt.Errorf("add controllers: %w", err)
		}
	}
	if o.has(componentServer) {
		if err := addServer(manager, o, config, passwords, log, stdout); err != nil {
			return err
		}
	}
	go keepHeap(ctx)
	if err := manager.Start(ctx); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	return nil
}

// addServer wires the token service. It uses nothing of the manager but its life cycle: the read model has reflectors of its own.
func addServer(manager ctrl.Manager, o options, config *rest.Config, passwords *hasher.Pool, log logr.Logger, stdout io.Writer) error {
	source, err := directory.NewSource(config)
	if err != nil {
		return err
	}
	kept, err := kube.New(config, time.Now)
	if err != nil {
		return err
	}
	issuer, err := cluster.New(config)
	if err != nil {
		return err
	}
	log = log.WithName("server")
	model := directory.New(directory.Config{Namespaces: o.namespaces, Log: log})
	service, err := server.New(server.Config{
		Directory:   model,
		Follow:      func(ctx context.Context) error { return model.Run(ctx, source) },
		Sessions:    kept.Sessions(),
		Once:        kept.Once(),
		Devices:     kept.Devices(),
		Fetch:       fetch.Getter{},
		Cluster:     issuer,
		Credentials: source,
		Hasher:      passwords,
		Audit:       audit.New(stdout),
		Listen:      o.listen,
		Drain:       o.drain,
		Registry:    metrics.Registry,
		Log:         log,
	})
	if err != nil {
		return err
	}
	if err := manager.AddReadyzCheck("token-service", service.Ready); err != nil {
		return fmt.Errorf("add readiness check: %w", err)
	}
	if err := manager.Add(service); err != nil {
		return fmt.Errorf("add token service: %w", err)
	}
	return nil
}

// newHasher makes the one pool of the process: the server verifies with it, the controllers hash with it. It starts nothing before the
// first password.
func newHasher(o options) (*hasher.Pool, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, which hashes passwords too: %w", err)
	}
	return hasher.New(hasher.Config{
		Workers: o.hashWorkers, Queue: o.hashWorkers * hashQueue, Params: credential.DefaultParams(), Command: []string{self, hashCommand},
	}), nil
}
