package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

const (
	jobBudget   = 8 * time.Second
	leaveBudget = 2 * time.Second
)

// mailer confirms orders. It never touches their database: the service that owns it does, when called.
type mailer struct {
	jobs   *queue
	orders peer
}

// runMailer takes jobs until ctx ends; the jobs in hand are finished first.
func runMailer(ctx context.Context) error {
	env, err := required("JOBS_URI", "ORDERS_URL")
	if err != nil {
		return err
	}
	jobs, err := openQueue(env[0])
	if err != nil {
		return err
	}
	defer jobs.Close()
	m := mailer{jobs, peer{name: "orders", base: env[1]}}
	slog.Info("waiting for jobs")
	for ctx.Err() == nil {
		_ = retry(ctx, isOutage, func() error { return m.turn(ctx) })
	}
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveBudget)
	defer cancel()
	if err := jobs.leave(leaving, self.Instance); err != nil {
		slog.Warn("the queue keeps this consumer's name", "error", err)
	}
	return nil
}

// turn takes some jobs and does them. One that fails stays in the queue and comes again.
func (m mailer) turn(ctx context.Context) error {
	jobs, err := m.jobs.take(ctx, self.Instance)
	if err != nil {
		if ctx.Err() == nil {
			slog.Warn("the queue does not answer", "error", err)
		}
		return err
	}
	var failed error
	for _, j := range jobs {
		if ctx.Err() != nil && failed != nil {
			break
		}
		if err := m.confirm(context.WithoutCancel(ctx), j); err != nil {
			slog.Warn("not confirmed, stays in the queue", "order", j.order, "error", err)
			failed = err
		}
	}
	return failed
}

// confirm marks the order and writes the mail, which is a line of the log here.
func (m mailer) confirm(ctx context.Context, j job) error {
	ctx, cancel := context.WithTimeout(ctx, jobBudget)
	defer cancel()
	var confirmed order
	_, err := m.orders.call(ctx, http.MethodPost, "/orders/"+url.PathEscape(j.order)+"/confirm", nil, &confirmed)
	var refused *refusal
	switch {
	case errors.As(err, &refused) && refused.status == http.StatusNotFound:
		slog.Warn("dropped: no such order", "order", j.order)
	case err != nil:
		return err
	default:
		slog.Info("mail: your order is confirmed", "order", confirmed.ID, "product", confirmed.Product, "quantity", confirmed.Quantity)
	}
	return m.jobs.done(ctx, j)
}

// isOutage: whatever keeps a turn from succeeding passes with time.
func isOutage(error) bool { return true }
