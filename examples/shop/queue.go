package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	stream = "confirmations"
	group  = "mailer"
	// abandonedAfter is when a job of an instance that went away in the middle is another one's.
	abandonedAfter = 15 * time.Second
	takeWait       = 2 * time.Second
)

// job is an order that waits to be confirmed.
type job struct {
	entry string
	order string
}

// queue is a Redis stream with one consumer group: a job stays until it is done.
type queue struct{ *redis.Client }

func openQueue(uri string) (*queue, error) {
	options, err := redis.ParseURL(uri)
	if err != nil {
		return nil, fmt.Errorf("the queue's URI: %w", err)
	}
	options.DialTimeout = time.Second
	options.ContextTimeoutEnabled = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return &queue{redis.NewClient(options)}, nil
}

func (q *queue) add(ctx context.Context, orders []string) error {
	_, err := q.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, id := range orders {
			p.XAdd(ctx, &redis.XAddArgs{Stream: stream, Values: []string{"order", id}})
		}
		return nil
	})
	return err
}

// take waits up to 2 s for jobs; those left behind by a consumer that went away come first.
func (q *queue) take(ctx context.Context, consumer string) ([]job, error) {
	left, _, err := q.XAutoClaim(ctx, &redis.XAutoClaimArgs{
		Stream: stream, Group: group, Consumer: consumer, MinIdle: abandonedAfter, Start: "0", Count: 10,
	}).Result()
	if err != nil {
		return nil, q.withGroup(ctx, err)
	}
	if len(left) > 0 {
		return jobsOf(left), nil
	}
	fresh, err := q.XReadGroup(ctx, &redis.XReadGroupArgs{
		Streams: []string{stream, ">"}, Group: group, Consumer: consumer, Count: 10, Block: takeWait,
	}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, q.withGroup(ctx, err)
	}
	return jobsOf(fresh[0].Messages), nil
}

// withGroup makes the consumer group where there is none yet: on a new queue, or one that came back empty.
func (q *queue) withGroup(ctx context.Context, err error) error {
	if !redis.HasErrorPrefix(err, "NOGROUP") {
		return err
	}
	err = q.XGroupCreateMkStream(ctx, stream, group, "0").Err()
	if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
		return err
	}
	return nil
}

// done removes a job for good.
func (q *queue) done(ctx context.Context, j job) error {
	_, err := q.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.XAck(ctx, stream, group, j.entry)
		p.XDel(ctx, stream, j.entry)
		return nil
	})
	return err
}

// leave takes a consumer's name off the group, unless it still holds jobs that another one should claim.
func (q *queue) leave(ctx context.Context, consumer string) error {
	held, err := q.XPendingExt(ctx, &redis.XPendingExtArgs{
		Stream: stream, Group: group, Start: "-", End: "+", Count: 1, Consumer: consumer,
	}).Result()
	if err != nil || len(held) > 0 {
		return err
	}
	return q.XGroupDelConsumer(ctx, stream, group, consumer).Err()
}

func jobsOf(messages []redis.XMessage) []job {
	jobs := make([]job, 0, len(messages))
	for _, m := range messages {
		order, _ := m.Values["order"].(string)
		jobs = append(jobs, job{entry: m.ID, order: order})
	}
	return jobs
}
