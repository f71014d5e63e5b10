package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// version is set at build time with -ldflags "-X main.version=...".
var version = "dev"

// identity says which instance answered; it is part of every answer.
type identity struct {
	Instance string `json:"instance"`
	Version  string `json:"version"`
}

var self = identity{
	Instance: setting("POD_NAME", hostname()),
	Version:  setting("SHOP_VERSION", version),
}

// setting reads an optional environment variable.
func setting(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}

// duration reads an optional environment variable such as 500ms or 5s.
func duration(name string, fallback time.Duration) (time.Duration, error) {
	text := os.Getenv(name)
	if text == "" {
		return fallback, nil
	}
	value, err := time.ParseDuration(text)
	if err != nil || value < 0 {
		return 0, fmt.Errorf("%s is %q: write a duration such as 500ms or 5s", name, text)
	}
	return value, nil
}

// percent reads an optional environment variable between 0 (default) and 100.
func percent(name string) (int, error) {
	text := setting(name, "0")
	value, err := strconv.Atoi(text)
	if err != nil || value < 0 || value > 100 {
		return 0, fmt.Errorf("%s is %q: write a number between 0 and 100", name, text)
	}
	return value, nil
}

// required reads environment variables that a component under `uses` brings, and names all missing ones together.
func required(names ...string) ([]string, error) {
	values := make([]string, len(names))
	var missing []string
	for i, name := range names {
		if values[i] = os.Getenv(name); values[i] == "" {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		return nil, fmt.Errorf("%s not set: list the component of that name under `uses` of this service in the stack",
			strings.Join(missing, ", "))
	}
	return values, nil
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}
