package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
)

// refusal is an error whose status and text are meant for the caller.
type refusal struct {
	status  int
	message string
}

func (r *refusal) Error() string { return r.message }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

type problem struct {
	identity
	Error string `json:"error"`
}

// handle turns a function from request to answer into a handler: JSON with this status, or the error in words.
func handle(status int, h func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := h(r)
		if err == nil {
			write(w, status, answer)
			return
		}
		var refused *refusal
		if !errors.As(err, &refused) {
			slog.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
			refused = &refusal{http.StatusInternalServerError, "internal error; the log of " + self.Instance + " has the cause"}
		}
		if refused.status == http.StatusServiceUnavailable {
			slog.Warn("dependency is out", "method", r.Method, "path", r.URL.Path, "error", err)
			w.Header().Set("Retry-After", "1")
		}
		write(w, refused.status, problem{self, refused.message})
	}
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		slog.Warn("answer not delivered", "error", err)
	}
}

// read decodes a request's JSON body and refuses fields that nobody would look at.
func read(r *http.Request, into any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return refuse(http.StatusBadRequest, "the body is not what is expected here: %v", err)
	}
	return nil
}
