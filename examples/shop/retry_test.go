package main

import (
	"context"
	"errors"
	"testing"
	"time"
)

var errOut, errWrong = errors.New("out"), errors.New("wrong")

func isOut(err error) bool { return errors.Is(err, errOut) }

func TestRetryEndsAtSuccess(t *testing.T) {
	tries := 0
	err := retry(t.Context(), isOut, func() error {
		if tries++; tries < 3 {
			return errOut
		}
		return nil
	})
	if err != nil || tries != 3 {
		t.Errorf("%v after %d tries", err, tries)
	}
}

func TestRetryDoesNotRepeatWhatFailsForGood(t *testing.T) {
	tries := 0
	err := retry(t.Context(), isOut, func() error { tries++; return errWrong })
	if !errors.Is(err, errWrong) || tries != 1 {
		t.Errorf("%v after %d tries", err, tries)
	}
}

func TestRetryGivesTheCauseWhenItsTimeIsUp(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := retry(ctx, isOut, func() error { return errOut }); !errors.Is(err, errOut) {
		t.Errorf("%v", err)
	}
}
