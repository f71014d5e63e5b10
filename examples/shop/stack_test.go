package main

import (
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// stack is what the tests need of stack.yaml: they run what users apply.
type stack struct {
	Spec struct {
		Config    map[string]string
		Databases map[string]struct {
			Engine string
			Init   map[string]string
		}
		Services map[string]struct {
			Args []string
			Port int
			Uses []string
		}
	}
}

func readStack(t *testing.T) stack {
	t.Helper()
	text, err := os.ReadFile("stack.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var s stack
	if err := yaml.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// envName is the discovery variable of a component, as injected for `uses`.
func envName(component, suffix string) string {
	return strings.ToUpper(strings.ReplaceAll(component, "-", "_")) + "_" + suffix
}

func TestEveryServiceOfTheStackIsASubcommandOfTheBinary(t *testing.T) {
	declared := readStack(t).Spec.Services
	for name, service := range declared {
		if services[strings.Join(service.Args, " ")] == nil {
			t.Errorf("service %s runs %q, which the binary does not know", name, service.Args)
		}
	}
	if len(declared) != len(services) {
		t.Errorf("the stack has %d services, the binary %d", len(declared), len(services))
	}
}
