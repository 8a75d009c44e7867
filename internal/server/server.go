// Package server serves the realms' endpoints over TLS: it mounts the packages below it, tells realms apart by host and path, picks
// certificates, and drains.
//
// It owns the listener, routing, metrics and readiness, and leaves each endpoint to its package and all knowledge of objects to
// internal/directory. Its invariant: a request is answered only as the realm whose issuer it was sent to, and no name in a request
// ever becomes part of an answer.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/watchword-io/watchword/internal/audit"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/server/clientauth"
	"github.com/watchword-io/watchword/internal/server/httpx"
	"github.com/watchword-io/watchword/internal/server/passwords"
	"github.com/watchword-io/watchword/internal/store"
)

// Hasher verifies passwords behind a bounded queue, and says how many wait.
type Hasher interface {
	passwords.Hasher
	Waiting() int64
}

// Config is what a Server needs. Fields without a default are required.
type Config struct {
	// Directory answers who exists. Follow fills it until its context ends; nil means that somebody else does.
	Directory *directory.Directory
	Follow    func(context.Context) error
	// Sessions, Once and Devices are what sign-in remembers, shared by all replicas.
	Sessions store.Sessions
	Once     store.Once
	Devices  store.Devices
	// Fetch and Cluster find the keys of clients' assertions.
	Fetch   clientauth.Fetcher
	Cluster clientauth.Cluster
	// Credentials are password records and counts of wrong passwords, Hasher verifies passwords.
	Credentials passwords.Accounts
	Hasher      Hasher
	// Audit is flushed at the end.
	Audit *audit.Log
	// Listen is the address, Listener a listener to use instead of one.
	Listen   string
	Listener net.Listener
	// Drain is how long requests under way may take after the context of Start has ended. Default: 15 seconds.
	Drain time.Duration
	// Registry receives the metrics.
	Registry prometheus.Registerer
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	Log logr.Logger
}

// Server is a runnable for controller-runtime's manager, or for nobody but a context.
type Server struct {
	Config

	edge     *httpx.Edge
	router   *router
	draining atomic.Bool
	// settle returns when what answered requests left to do is done.
	settle func()
}

// New makes a Server and registers its metrics. It opens nothing yet.
func New(config Config) (*Server, error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Drain == 0 {
		config.Drain = 15 * time.Second
	}
	observer, err := newMetrics(&config)
	if err != nil {
		return nil, err
	}
	s := &Server{Config: config, edge: httpx.NewEdge(config.Log)}
	s.router = s.mount(observer)
	return s, nil
}

// NeedLeaderElection implements manager.LeaderElectionRunnable: every replica serves.
func (s *Server) NeedLeaderElection() bool { return false }

// Start serves until ctx ends and every request under way is answered, at most Drain later. It implements manager.Runnable.
func (s *Server) Start(ctx context.Context) error {
	listener := s.Listener
	if listener == nil {
		var err error
		if listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", s.Listen); err != nil {
			return fmt.Errorf("listen on %q: %w", s.Listen, err)
		}
	}
	server := s.httpServer()
	// The directory outlives ctx, so that requests under way still see what changes.
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan error, 2)
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		if s.Follow != nil {
			if err := s.Follow(following); err != nil {
				ended <- fmt.Errorf("follow the API server: %w", err)
			}
		}
	}()
	go func() { ended <- server.ServeTLS(listener, "", "") }()
	s.Log.Info("serving realms", "address", listener.Addr().String())

	var failure error
	select {
	case failure = <-ended:
	case <-ctx.Done():
	}
	s.draining.Store(true)
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Drain)
	defer cancel()
	if err := server.Shutdown(draining); err != nil {
		failure = errors.Join(failure, fmt.Errorf("drain: %w", err), server.Close())
	}
	s.settle()
	stop()
	<-followed
	return errors.Join(failure, s.Audit.Flush())
}

// httpServer sets limits that no honest client meets: a slow or silent peer must not hold a connection for long.
func (s *Server) httpServer() *http.Server {
	return &http.Server{
		Handler:           s,
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.certificate, NextProtos: []string{"h2", "http/1.1"}},
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          connectionLog(s.Log),
	}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	requestID := s.edge.RequestID()
	s.edge.Secure(w.Header())
	defer s.edge.Recover(w, requestID)
	if err := s.serve(w, r, requestID); err != nil {
		s.edge.Fail(w, requestID, "", err)
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, requestID string) error {
	realm, e, err := s.router.route(r)
	if err != nil {
		return err
	}
	if !e.allows(r.Method) {
		return httpx.MethodNotAllowed(e.allow())
	}
	return e.serve(w, r, realm, requestID)
}
