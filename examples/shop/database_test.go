package main

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func TestAnOutageIsToldFromAWrongStatement(t *testing.T) {
	for _, outage := range []error{
		&pgconn.PgError{Code: "57P01"}, // the server is stopped
		&pgconn.PgError{Code: "57P03"}, // it is starting
		&pgconn.PgError{Code: "53300"}, // it has no connection left
		&pgconn.PgError{Code: "08006"}, // the connection broke
		fmt.Errorf("read: %w", io.ErrUnexpectedEOF),
		context.DeadlineExceeded,
	} {
		if !transientDatabase(outage) {
			t.Errorf("%v would not be tried again", outage)
		}
	}
	for _, wrong := range []error{
		&pgconn.PgError{Code: "42P01"}, // no such table
		&pgconn.PgError{Code: "23514"}, // a check is violated
		&pgconn.PgError{Code: "57014"}, // the statement was cancelled
		pgx.ErrNoRows,
	} {
		if transientDatabase(wrong) {
			t.Errorf("%v would be tried again", wrong)
		}
	}
}

func TestADatabaseIsReadyWhileItsSilenceIsShort(t *testing.T) {
	var d database
	if d.ready() == nil {
		t.Error("ready before the first answer")
	}
	recent := time.Now().Add(-readinessGrace / 2)
	if d.lastBeat.Store(&recent); d.ready() != nil {
		t.Errorf("unready within the grace: %v", d.ready())
	}
	long := time.Now().Add(-2 * readinessGrace)
	if d.lastBeat.Store(&long); d.ready() == nil {
		t.Error("ready after a long silence")
	}
}
