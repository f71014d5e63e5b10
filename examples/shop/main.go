// Command shop is a small web shop made of four services and their test, one subcommand each.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// programs is the one table of what this binary can be: the services of the stack, and its test.
var programs = map[string]func(context.Context) error{
	"web":      runWeb,
	"catalog":  runCatalog,
	"orders":   runOrders,
	"mailer":   runMailer,
	"checkout": runCheckout,
}

func main() {
	run, known := programs[strings.Join(os.Args[1:], " ")]
	if !known {
		names := make([]string, 0, len(programs))
		for name := range programs {
			names = append(names, name)
		}
		slices.Sort(names)
		fmt.Fprintf(os.Stderr, "usage: shop %s\n", strings.Join(names, "|"))
		os.Exit(2)
	}
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, nil)).With(
		"service", os.Args[1], "instance", self.Instance, "version", self.Version))

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		slog.Error("failed", "error", err)
		os.Exit(1)
	}
	slog.Info("stopped")
}
