package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	attemptBudget   = time.Second
	databaseBudget  = 3 * time.Second
	heartbeatPeriod = time.Second
	// readinessGrace is how long the database may be silent before its service turns unready: a restart passes unseen.
	readinessGrace = 10 * time.Second
)

// database is a service's own PostgreSQL: a pool that outlives the server's restarts.
type database struct {
	pool     *pgxpool.Pool
	lastBeat atomic.Pointer[time.Time]
}

// openDatabase does not wait for the server: the heartbeat connects, and readiness says when.
func openDatabase(uri string) (*database, error) {
	config, err := pgxpool.ParseConfig(uri)
	if err != nil {
		return nil, fmt.Errorf("the database's URI: %w", err)
	}
	config.MaxConns = 8
	config.ConnConfig.ConnectTimeout = attemptBudget
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, fmt.Errorf("the database's URI: %w", err)
	}
	return &database{pool: pool}, nil
}

// do runs op within 3 s, again after each transient failure. op must be safe to repeat.
func (d *database) do(ctx context.Context, op func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, databaseBudget)
	defer cancel()
	err := retry(ctx, transientDatabase, func() error {
		attempt, cancel := context.WithTimeout(ctx, attemptBudget)
		defer cancel()
		return op(attempt)
	})
	if err != nil && transientDatabase(err) {
		return fmt.Errorf("%w: %w", refuse(http.StatusServiceUnavailable, "the database does not answer; try again"), err)
	}
	return err
}

// beat keeps readiness true to the server's state until ctx ends. It has a connection of its own: a pool that is
// merely busy is no outage.
func (d *database) beat(ctx context.Context) {
	up := true
	var own *pgx.Conn
	for open := true; open; open = wait(ctx, heartbeatPeriod) {
		var err error
		if own, err = d.ping(ctx, own); ctx.Err() != nil {
			break
		}
		if err == nil {
			now := time.Now()
			d.lastBeat.Store(&now)
		} else {
			// Connections to a server that went away without a word would each cost a caller one timeout.
			d.pool.Reset()
		}
		if up != (err == nil) {
			up = !up
			slog.Info("database", "answers", up, "error", err)
		}
	}
	hangUp(own)
}

// ping connects where there is no connection and gives back the one to use next time: none after a failure.
func (d *database) ping(ctx context.Context, conn *pgx.Conn) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptBudget)
	defer cancel()
	if conn == nil {
		return pgx.ConnectConfig(ctx, d.pool.Config().ConnConfig)
	}
	if err := conn.Ping(ctx); err != nil {
		hangUp(conn)
		return nil, err
	}
	return conn, nil
}

func hangUp(conn *pgx.Conn) {
	if conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), attemptBudget)
	defer cancel()
	_ = conn.Close(ctx)
}

func (d *database) ready() error {
	last := d.lastBeat.Load()
	if last == nil {
		return errors.New("the database has not answered yet")
	}
	if silent := time.Since(*last); silent > readinessGrace {
		return fmt.Errorf("the database has not answered for %s", silent.Round(time.Second))
	}
	return nil
}

// transientDatabase tells an outage (connection lost, server starting, stopping or full) from a wrong statement.
func transientDatabase(err error) bool {
	var answered *pgconn.PgError
	if errors.As(err, &answered) {
		return strings.HasPrefix(answered.Code, "57P") || strings.HasPrefix(answered.Code, "08") || answered.Code == "53300"
	}
	var network net.Error
	var connecting *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connecting) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded)
}
