package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// peerAnswering is a real HTTP server that gives these statuses one after the other, the last one for ever.
func peerAnswering(t *testing.T, statuses ...int) (peer, *atomic.Int64) {
	t.Helper()
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := int(calls.Add(1))
		w.Header().Set("Shop-Instance", "peer-1")
		write(w, statuses[min(n, len(statuses))-1], problem{Error: "because"})
	}))
	t.Cleanup(server.Close)
	return peer{name: "orders", base: server.URL}, &calls
}

func TestACallOutlivesAShortOutage(t *testing.T) {
	p, calls := peerAnswering(t, http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusOK)
	instance, err := p.call(t.Context(), http.MethodGet, "/", nil, &problem{})
	if err != nil || instance != "peer-1" || calls.Load() != 3 {
		t.Errorf("%q %v after %d calls", instance, err, calls.Load())
	}
}

func TestARefusalIsPassedOnAtOnce(t *testing.T) {
	for told, want := range map[int]int{
		http.StatusNotFound:            http.StatusNotFound,
		http.StatusConflict:            http.StatusConflict,
		http.StatusInternalServerError: http.StatusBadGateway,
	} {
		p, calls := peerAnswering(t, told)
		_, err := p.call(t.Context(), http.MethodGet, "/", nil, &problem{})
		var refused *refusal
		if !errors.As(err, &refused) || refused.status != want || calls.Load() != 1 {
			t.Errorf("%d: %v after %d calls", told, err, calls.Load())
		}
	}
}
