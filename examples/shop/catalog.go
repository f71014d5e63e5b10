package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/jackc/pgx/v5"
)

// product is one thing for sale; the price is in cents.
type product struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Cents int    `json:"cents"`
}

type productList struct {
	identity
	Products []product `json:"products"`
}

type catalog struct {
	db       *database
	discount int // percent off every price
}

// runCatalog serves the products of the database `products`.
func runCatalog(ctx context.Context) error {
	env, err := required("PRODUCTS_URI")
	if err != nil {
		return err
	}
	discount, err := percent("SHOP_DISCOUNT")
	if err != nil {
		return err
	}
	db, err := openDatabase(env[0])
	if err != nil {
		return err
	}
	defer db.pool.Close()
	beating, stop := context.WithCancel(context.Background())
	defer stop()
	go db.beat(beating)

	c := catalog{db, discount}
	routes := http.NewServeMux()
	routes.HandleFunc("GET /products", handle(http.StatusOK, c.list))
	routes.HandleFunc("GET /products/{id}", handle(http.StatusOK, c.get))
	return serve(ctx, routes, db.ready)
}

// offer is a product at today's price; the first argument is the discount.
const offer = `id, name, cents * (100 - $1::integer) / 100`

func (c catalog) list(r *http.Request) (any, error) {
	found := productList{identity: self}
	err := c.db.do(r.Context(), func(ctx context.Context) error {
		rows, err := c.db.pool.Query(ctx, `select `+offer+` from products order by name`, c.discount)
		if err != nil {
			return err
		}
		found.Products, err = pgx.CollectRows(rows, pgx.RowToStructByPos[product])
		return err
	})
	return found, err
}

func (c catalog) get(r *http.Request) (any, error) {
	var found product
	id := r.PathValue("id")
	err := c.db.do(r.Context(), func(ctx context.Context) error {
		return c.db.pool.QueryRow(ctx, `select `+offer+` from products where id = $2`, c.discount, id).
			Scan(&found.ID, &found.Name, &found.Cents)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, refuse(http.StatusNotFound, "there is no product %q", id)
	}
	return found, err
}
