package main

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"net/http"
	"net/url"
)

//go:embed index.html
var page []byte

// web is the front: the page and the JSON API, made from what catalog and orders answer.
type web struct {
	catalog peer
	orders  peer
}

// served adds to a peer's answer which of its instances gave it.
type served struct {
	identity
	Backend string `json:"backend"`
}

type productsAnswer struct {
	served
	Products []product `json:"products"`
}

type ordersAnswer struct {
	served
	Total     int     `json:"total"`
	Confirmed int     `json:"confirmed"`
	Orders    []order `json:"orders"`
}

type orderAnswer struct {
	served
	Order order `json:"order"`
}

// wish is what a customer sends.
type wish struct {
	Product  string `json:"product"`
	Quantity int    `json:"quantity"`
}

// runWeb serves the shop's front.
func runWeb(ctx context.Context) error {
	env, err := required("CATALOG_URL", "ORDERS_URL")
	if err != nil {
		return err
	}
	w := web{catalog: peer{name: "catalog", base: env[0]}, orders: peer{name: "orders", base: env[1]}}
	routes := http.NewServeMux()
	routes.HandleFunc("GET /{$}", index)
	routes.HandleFunc("GET /api/products", handle(http.StatusOK, w.products))
	routes.HandleFunc("GET /api/orders", handle(http.StatusOK, w.list))
	routes.HandleFunc("GET /api/orders/{id}", handle(http.StatusOK, w.order))
	routes.HandleFunc("POST /api/orders", handle(http.StatusCreated, w.place))
	return serve(ctx, routes, alwaysReady)
}

func index(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(page)
}

func (w web) products(r *http.Request) (any, error) {
	var found productList
	backend, err := w.catalog.call(r.Context(), http.MethodGet, "/products", nil, &found)
	return productsAnswer{served{self, backend}, found.Products}, err
}

func (w web) list(r *http.Request) (any, error) {
	var found orderList
	backend, err := w.orders.call(r.Context(), http.MethodGet, "/orders", nil, &found)
	return ordersAnswer{served{self, backend}, found.Total, found.Confirmed, found.Orders}, err
}

func (w web) order(r *http.Request) (any, error) {
	var found order
	backend, err := w.orders.call(r.Context(), http.MethodGet, "/orders/"+url.PathEscape(r.PathValue("id")), nil, &found)
	return orderAnswer{served{self, backend}, found}, err
}

// place buys at today's price. The order's id is chosen here (or by the caller, as Idempotency-Key), before the
// order exists: a request that has to be repeated stays one order.
func (w web) place(r *http.Request) (any, error) {
	var wanted wish
	if err := read(r, &wanted); err != nil {
		return nil, err
	}
	var bought product
	_, err := w.catalog.call(r.Context(), http.MethodGet, "/products/"+url.PathEscape(wanted.Product), nil, &bought)
	var refused *refusal
	if errors.As(err, &refused) && refused.status == http.StatusNotFound {
		return nil, refuse(http.StatusUnprocessableEntity, "there is no product %q: GET /api/products lists them", wanted.Product)
	}
	if err != nil {
		return nil, err
	}
	id := r.Header.Get("Idempotency-Key")
	if id == "" {
		id = rand.Text()
	}
	var placed order
	backend, err := w.orders.call(r.Context(), http.MethodPut, "/orders/"+url.PathEscape(id),
		sale{Product: bought.ID, Quantity: wanted.Quantity, Cents: bought.Cents}, &placed)
	return orderAnswer{served{self, backend}, placed}, err
}
