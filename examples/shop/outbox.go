package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	outboxPeriod = 2 * time.Second
	outboxBatch  = 100
	outboxBudget = 5 * time.Second
)

// due finds unconfirmed orders that the queue does not have, or had for long: after 30 s an order is queued again,
// then after twice the time it has waited so far, so that a lost queue is refilled and a slow mailer not flooded.
const due = `select id from orders
	where confirmed_at is null
	  and (queued_at is null or now() - queued_at > greatest(interval '30 seconds', queued_at - placed_at))
	order by placed_at limit $1 for update skip locked`

// outbox carries orders from the database to the queue. An order is stored first and queued after, so that
// neither an outage of the queue nor the end of this process between the two loses a confirmation.
type outbox struct {
	db    *database
	jobs  *queue
	knock chan struct{}
}

func newOutbox(db *database, jobs *queue) *outbox {
	return &outbox{db: db, jobs: jobs, knock: make(chan struct{}, 1)}
}

// wake has the outbox look at once and not at its next round.
func (o *outbox) wake() {
	select {
	case o.knock <- struct{}{}:
	default:
	}
}

// run carries orders over until ctx ends, with a last round then for what was placed while draining.
func (o *outbox) run(ctx context.Context) {
	failing := false
	for ctx.Err() == nil {
		err := o.empty(ctx)
		if failing != (err != nil) && ctx.Err() == nil {
			failing = !failing
			slog.Info("outbox", "queueing", !failing, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(outboxPeriod):
		case <-o.afterKnock(failing):
		}
	}
	if err := o.empty(context.WithoutCancel(ctx)); err != nil {
		slog.Warn("orders left to the other instances' outbox", "error", err)
	}
}

// afterKnock is silent while the queue or the database is out: the period is the retry.
func (o *outbox) afterKnock(failing bool) <-chan struct{} {
	if failing {
		return nil
	}
	return o.knock
}

func (o *outbox) empty(ctx context.Context) error {
	for {
		carried, err := o.carry(ctx)
		if err != nil || carried < outboxBatch {
			return err
		}
	}
}

// carry queues one batch; the rows stay locked meanwhile, so that instances share the work.
func (o *outbox) carry(ctx context.Context) (carried int, err error) {
	ctx, cancel := context.WithTimeout(ctx, outboxBudget)
	defer cancel()
	err = pgx.BeginFunc(ctx, o.db.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, due, outboxBatch)
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := o.jobs.add(ctx, ids); err != nil {
			return err
		}
		carried = len(ids)
		_, err = tx.Exec(ctx, `update orders set queued_at = now() where id = any($1)`, ids)
		return err
	})
	return carried, err
}
