package main

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	firstPause = 50 * time.Millisecond
	maxPause   = 2 * time.Second
)

// retry runs op until it succeeds, fails for good, or ctx ends, and gives back op's last error.
// The pauses double from 50 ms to 2 s, with jitter so that instances do not return in step.
func retry(ctx context.Context, transient func(error) bool, op func() error) error {
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := op()
		if err == nil || ctx.Err() != nil || !transient(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
	}
}

// wait pauses for a while and says whether ctx is still open.
func wait(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}
