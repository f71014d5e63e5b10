package main

import (
	"maps"
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
		Services map[string]component
		Tests    map[string]component
	}
}

// component is a service or a test.
type component struct {
	Args []string
	Port int
	Uses []string
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

func TestTheStackRunsEverySubcommandOfTheBinary(t *testing.T) {
	spec := readStack(t).Spec
	declared := maps.Clone(spec.Services)
	maps.Copy(declared, spec.Tests)
	for name, component := range declared {
		if programs[strings.Join(component.Args, " ")] == nil {
			t.Errorf("%s runs %q, which the binary does not know", name, component.Args)
		}
	}
	if len(declared) != len(programs) {
		t.Errorf("the stack runs %d programs, the binary has %d", len(declared), len(programs))
	}
}
