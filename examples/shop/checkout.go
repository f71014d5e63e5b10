package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

const checkoutBudget = time.Minute

var errUnconfirmed = errors.New("the order is placed and never confirmed")

// runCheckout is the stack's test: it buys one thing as a customer does, and waits until the order is confirmed.
func runCheckout(ctx context.Context) error {
	env, err := required("WEB_URL")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, checkoutBudget)
	defer cancel()
	web := peer{name: "web", base: env[0], key: self.Instance}
	bought, err := choose(ctx, web)
	if err != nil {
		return err
	}
	var placed orderAnswer
	if _, err := web.call(ctx, http.MethodPost, "/api/orders", wish{bought.ID, 1}, &placed); err != nil {
		return err
	}
	if placed.Order.Cents != bought.Cents {
		return fmt.Errorf("%s is offered for %d cents and sold for %d", bought.ID, bought.Cents, placed.Order.Cents)
	}
	slog.Info("bought", "product", bought.ID, "order", placed.Order.ID)
	return retry(ctx, notYet, func() error {
		_, err := web.call(ctx, http.MethodGet, "/api/orders/"+placed.Order.ID, nil, &placed)
		if err == nil && placed.Order.ConfirmedAt == nil {
			err = errUnconfirmed
		}
		return err
	})
}

// choose takes the first of the products, all of which have to cost something.
func choose(ctx context.Context, web peer) (product, error) {
	var offer productsAnswer
	if _, err := web.call(ctx, http.MethodGet, "/api/products", nil, &offer); err != nil {
		return product{}, err
	}
	for _, offered := range offer.Products {
		if offered.Cents <= 0 {
			return product{}, fmt.Errorf("%s is offered for %d cents: the shop gives nothing away", offered.ID, offered.Cents)
		}
	}
	if len(offer.Products) == 0 {
		return product{}, errors.New("there is nothing to buy")
	}
	return offer.Products[0], nil
}

func notYet(err error) bool { return errors.Is(err, errUnconfirmed) }
