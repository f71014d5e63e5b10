package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func ask(s *server, path string, born time.Time) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodGet, path, nil)
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, request.WithContext(context.WithValue(request.Context(), connectionBirth{}, born)))
	return answer
}

func TestAConnectionEndsWhenItIsOldOrTheInstanceDrains(t *testing.T) {
	s := &server{routes: http.NotFoundHandler(), ready: alwaysReady}
	if closing := ask(s, "/", time.Now()).Header().Get("Connection"); closing != "" {
		t.Errorf("a young connection: %q", closing)
	}
	if closing := ask(s, "/", time.Now().Add(-2*maxConnectionAge)).Header().Get("Connection"); closing != "close" {
		t.Errorf("an old connection: %q", closing)
	}
	s.draining.Store(true)
	if closing := ask(s, "/", time.Now()).Header().Get("Connection"); closing != "close" {
		t.Errorf("a draining instance: %q", closing)
	}
}

func TestHealthIsTheInstancesOwnState(t *testing.T) {
	var state error
	s := &server{ready: func() error { return state }}
	s.routes = http.HandlerFunc(s.health)
	if code := ask(s, "/healthz", time.Now()).Code; code != http.StatusOK {
		t.Errorf("ready: %d", code)
	}
	state = errors.New("the database has not answered yet")
	if code := ask(s, "/healthz", time.Now()).Code; code != http.StatusServiceUnavailable {
		t.Errorf("not ready: %d", code)
	}
	state = nil
	s.draining.Store(true)
	if code := ask(s, "/healthz", time.Now()).Code; code != http.StatusServiceUnavailable {
		t.Errorf("draining: %d", code)
	}
}
