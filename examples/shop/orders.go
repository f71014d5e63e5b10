package main

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
)

const maxQuantity = 1000

// order is one sale; the price is the product's in cents at the time of the sale.
type order struct {
	ID          string     `json:"id"`
	Product     string     `json:"product"`
	Quantity    int        `json:"quantity"`
	Cents       int        `json:"cents"`
	Placed      time.Time  `json:"placed"`
	ConfirmedAt *time.Time `json:"confirmedAt"`
}

// sale is what a caller says about a new order.
type sale struct {
	Product  string `json:"product"`
	Quantity int    `json:"quantity"`
	Cents    int    `json:"cents"`
}

type orderList struct {
	identity
	Total     int     `json:"total"`
	Confirmed int     `json:"confirmed"`
	Orders    []order `json:"orders"` // the newest 50
}

const orderColumns = `id, product, quantity, cents, placed_at, confirmed_at`

var orderID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

type orders struct {
	db     *database
	outbox *outbox
}

// runOrders keeps the orders in the database `purchases` and asks the mailer, through the queue, to confirm them.
func runOrders(ctx context.Context) error {
	env, err := required("PURCHASES_URI", "JOBS_URI")
	if err != nil {
		return err
	}
	db, err := openDatabase(env[0])
	if err != nil {
		return err
	}
	defer db.pool.Close()
	jobs, err := openQueue(env[1])
	if err != nil {
		return err
	}
	defer jobs.Close()

	beating, stop := context.WithCancel(context.Background())
	defer stop()
	go db.beat(beating)
	box := newOutbox(db, jobs)
	emptied := make(chan struct{})
	go func() { box.run(beating); close(emptied) }()

	o := orders{db, box}
	routes := http.NewServeMux()
	routes.HandleFunc("GET /orders", handle(http.StatusOK, o.list))
	routes.HandleFunc("GET /orders/{id}", handle(http.StatusOK, o.get))
	routes.HandleFunc("PUT /orders/{id}", handle(http.StatusOK, o.place))
	routes.HandleFunc("POST /orders/{id}/confirm", handle(http.StatusOK, o.confirm))
	err = serve(ctx, routes, db.ready)
	stop()
	<-emptied
	return err
}

// place stores an order under the caller's id, so that a repeated request stays one order.
func (o orders) place(r *http.Request) (any, error) {
	var wanted sale
	if err := read(r, &wanted); err != nil {
		return nil, err
	}
	id := r.PathValue("id")
	switch {
	case !orderID.MatchString(id):
		return nil, refuse(http.StatusBadRequest, "an order's id has 1 to 64 letters, digits, - or _")
	case wanted.Product == "" || wanted.Cents < 0:
		return nil, refuse(http.StatusUnprocessableEntity, "an order names a product and its price in cents")
	case wanted.Quantity < 1 || wanted.Quantity > maxQuantity:
		return nil, refuse(http.StatusUnprocessableEntity, "quantity is %d: order 1 to %d", wanted.Quantity, maxQuantity)
	}
	err := o.db.do(r.Context(), func(ctx context.Context) error {
		_, err := o.db.pool.Exec(ctx, `insert into orders (id, product, quantity, cents) values ($1, $2, $3, $4)
			on conflict (id) do nothing`, id, wanted.Product, wanted.Quantity, wanted.Cents)
		return err
	})
	if err != nil {
		return nil, err
	}
	o.outbox.wake()
	stored, err := o.find(r.Context(), id)
	if err == nil && (stored.Product != wanted.Product || stored.Quantity != wanted.Quantity) {
		return nil, refuse(http.StatusConflict, "order %s exists with another content: take a new id", id)
	}
	return stored, err
}

func (o orders) get(r *http.Request) (any, error) {
	return o.find(r.Context(), r.PathValue("id"))
}

// confirm marks an order as confirmed; the first time counts.
func (o orders) confirm(r *http.Request) (any, error) {
	id := r.PathValue("id")
	err := o.db.do(r.Context(), func(ctx context.Context) error {
		_, err := o.db.pool.Exec(ctx,
			`update orders set confirmed_at = now() where id = $1 and confirmed_at is null`, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return o.find(r.Context(), id)
}

func (o orders) find(ctx context.Context, id string) (found order, err error) {
	err = o.db.do(ctx, func(ctx context.Context) error {
		rows, err := o.db.pool.Query(ctx, `select `+orderColumns+` from orders where id = $1`, id)
		if err != nil {
			return err
		}
		found, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[order])
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return found, refuse(http.StatusNotFound, "there is no order %q", id)
	}
	return found, err
}

func (o orders) list(r *http.Request) (any, error) {
	found := orderList{identity: self}
	err := o.db.do(r.Context(), func(ctx context.Context) error {
		err := o.db.pool.QueryRow(ctx, `select count(*), count(confirmed_at) from orders`).
			Scan(&found.Total, &found.Confirmed)
		if err != nil {
			return err
		}
		rows, err := o.db.pool.Query(ctx, `select `+orderColumns+` from orders order by placed_at desc limit 50`)
		if err != nil {
			return err
		}
		found.Orders, err = pgx.CollectRows(rows, pgx.RowToStructByPos[order])
		return err
	})
	return found, err
}
