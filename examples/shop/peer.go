package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

const (
	callBudget        = 6 * time.Second
	callAttemptBudget = 4 * time.Second
)

// peer is another service of the stack, called over HTTP.
type peer struct {
	name string
	base string
	key  string // sent as Idempotency-Key, where calls are not safe to repeat by themselves
}

var transport = &http.Transport{
	DialContext:         (&net.Dialer{Timeout: time.Second}).DialContext,
	MaxIdleConnsPerHost: 32,
	IdleConnTimeout:     30 * time.Second,
}

// call sends a JSON request that is safe to repeat, decodes the answer, and says which instance gave it.
// A refusal by the peer (4xx) is passed on as it is; an outage is retried for 6 s and then reported as one.
func (p peer) call(ctx context.Context, method, path string, in, out any) (instance string, err error) {
	ctx, cancel := context.WithTimeout(ctx, callBudget)
	defer cancel()
	err = retry(ctx, transientCall, func() error {
		attempt, cancel := context.WithTimeout(ctx, callAttemptBudget)
		defer cancel()
		instance, err = p.attempt(attempt, method, path, in, out)
		return err
	})
	if err != nil && transientCall(err) {
		return "", fmt.Errorf("%w: %w", refuse(http.StatusServiceUnavailable, "%s does not answer; try again", p.name), err)
	}
	return instance, err
}

func (p peer) attempt(ctx context.Context, method, path string, in, out any) (string, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, method, p.base+path, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	if p.key != "" {
		request.Header.Set("Idempotency-Key", p.key)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return "", &outage{err}
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		return "", p.refused(response)
	}
	if err := json.NewDecoder(response.Body).Decode(out); err != nil {
		return "", &outage{fmt.Errorf("answer of %s cut short: %w", p.name, err)}
	}
	return response.Header.Get("Shop-Instance"), nil
}

func (p peer) refused(response *http.Response) error {
	var told problem
	if err := json.NewDecoder(response.Body).Decode(&told); err != nil {
		told.Error = response.Status
	}
	switch response.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return &outage{fmt.Errorf("%s: %s", p.name, told.Error)}
	}
	if response.StatusCode >= 500 {
		return refuse(http.StatusBadGateway, "%s: %s", p.name, told.Error)
	}
	return refuse(response.StatusCode, "%s", told.Error)
}

// outage is a call that was not answered by the peer itself.
type outage struct{ cause error }

func (o *outage) Error() string { return o.cause.Error() }
func (o *outage) Unwrap() error { return o.cause }

func transientCall(err error) bool {
	var out *outage
	return errors.As(err, &out)
}
