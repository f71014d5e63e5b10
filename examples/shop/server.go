package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// maxConnectionAge makes kept-alive clients connect anew, so that added instances get their share.
	maxConnectionAge = 5 * time.Second
	shutdownBudget   = 15 * time.Second
	maxBody          = 64 << 10
)

// server is one HTTP service with its health endpoints and a lossless way to stop.
type server struct {
	routes   http.Handler
	ready    func() error
	draining atomic.Bool
}

// serve answers requests until ctx ends. It then turns unready, goes on answering for SHOP_DRAIN (default 2s)
// while load balancers look away, and returns once the requests in flight are answered.
func serve(ctx context.Context, routes *http.ServeMux, ready func() error) error {
	drain, err := duration("SHOP_DRAIN", 2*time.Second)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", setting("SHOP_LISTEN", ":8080"))
	if err != nil {
		return fmt.Errorf("cannot listen (SHOP_LISTEN sets the address): %w", err)
	}
	s := &server{routes: routes, ready: ready}
	routes.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	routes.HandleFunc("GET /healthz", s.health)
	httpServer := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 5 * time.Second,
		// Longer than any client keeps an idle connection: the client closes first, so no request meets a closing one.
		IdleTimeout: 10 * time.Minute,
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, connectionBirth{}, time.Now())
		},
	}
	failed := make(chan error, 1)
	go func() { failed <- httpServer.Serve(listener) }()
	slog.Info("serving", "address", listener.Addr().String())

	select {
	case err := <-failed:
		return fmt.Errorf("cannot serve: %w", err)
	case <-ctx.Done():
	}
	slog.Info("draining", "for", drain.String())
	s.draining.Store(true)
	time.Sleep(drain)
	closing, cancel := context.WithTimeout(context.Background(), shutdownBudget)
	defer cancel()
	if err := httpServer.Shutdown(closing); err != nil {
		return fmt.Errorf("requests still in flight after %s: %w", shutdownBudget, err)
	}
	return nil
}

type connectionBirth struct{}

// ServeHTTP names the instance on every answer and ends connections that are old or about to be closed.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Shop-Instance", self.Instance)
	w.Header().Set("Shop-Version", self.Version)
	born, _ := r.Context().Value(connectionBirth{}).(time.Time)
	if s.draining.Load() || time.Since(born) > maxConnectionAge {
		w.Header().Set("Connection", "close")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	s.routes.ServeHTTP(w, r)
}

// health is the readiness probe: this instance can answer, whatever state other services are in.
func (s *server) health(w http.ResponseWriter, _ *http.Request) {
	err := s.ready()
	if s.draining.Load() {
		err = errors.New("draining")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

func alwaysReady() error { return nil }
