# `make demo` shows mstack on a real cluster, `make test` proves it. `make` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VERSION := $(shell sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
IMAGE := localhost/mstack:$(VERSION)
SHOP_IMAGE := localhost/shop:1
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
TRIPLE = $(shell rustc -vV | sed -n 's/^host: //p')
# The command of tests/cluster; a way to call it that builds nothing once the tests are built.
CLUSTER ?= cargo run --quiet --locked --package cluster --

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo demo-down
demo: ## Bring up a real cluster, install mstack, run the shop on it, show what happens
	@demo/run

demo-down: ## Remove what `make demo` made
	@demo/down

# Each step needs less time than the next one, and those that start a cluster run alone.
.PHONY: test
test: ## Check everything (the first run builds Kubernetes from source: about an hour on 2 cores)
	@begun=$$SECONDS; \
	for step in lint test-rust test-prometheus test-shop test-recipes test-ui test-cluster test-typed test-journey; do \
	    echo "== $$step (after $$((SECONDS - begun)) s)"; \
	    $(MAKE) $$step; \
	done; \
	echo "== all passed in $$((SECONDS - begun)) s"

.PHONY: lint
lint: ## Formatting and clippy, without a warning
	cargo fmt --all --check
	cargo clippy --quiet --locked --workspace --all-targets -- --deny warnings
	test -z "$$(gofmt -l examples/shop | tee /dev/stderr)"

.PHONY: test-rust
test-rust: ## Unit, golden and architecture tests, and behaviour on a real control plane
	: 'Tests of the operator mostly wait; those of the cluster measure how fast it starts.'
	cargo test --locked --workspace --exclude cluster --no-fail-fast -- --test-threads=3
	cargo test --locked --workspace --exclude mstack -- --test-threads=1

.PHONY: test-prometheus
test-prometheus: ## The chart's alerts and the operator's metrics, by a real Prometheus
	@if ! type prometheus promtool >/dev/null 2>&1; then \
	    apt-get update -qq; \
	    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus; \
	fi
	promtool check rules charts/mstack/files/alerts.yaml
	promtool test rules tests/alerts.yaml
	cargo test --locked --test behaviour prometheus -- --ignored

.PHONY: test-shop
test-shop: ## The example application against real PostgreSQL and Redis servers
	@if ! ls /usr/lib/postgresql/*/bin/postgres /usr/bin/redis-server >/dev/null 2>&1; then \
	    apt-get update -qq; \
	    : 'RUNLEVEL=1 keeps the packages from starting their servers.'; \
	    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql-15 redis-server; \
	fi
	cd examples/shop && go vet ./... && SHOP_E2E=required go test ./...

RECIPE_SERVERS := /usr/lib/postgresql/15/bin/postgres /usr/bin/redis-server /usr/sbin/mariadbd /usr/sbin/rabbitmq-server /usr/bin/memcached
RECIPE_PACKAGES := postgresql-15 redis-server mariadb-server rabbitmq-server memcached python3-pika
NATS_SERVER := github.com/nats-io/nats-server/v2@v2.11.10

.PHONY: test-recipes
test-recipes: ## The recipes of engines, with real servers as they are rendered
	@if ! ls $(RECIPE_SERVERS) /usr/lib/python3/dist-packages/pika >/dev/null 2>&1; then \
	    apt-get update -qq; \
	    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(RECIPE_PACKAGES); \
	fi
	GOBIN=$(abspath $(TARGET_DIR))/tmp/servers go install $(NATS_SERVER)
	cargo test --locked --test recipes -- --ignored --test-threads=1

.PHONY: test-cluster
test-cluster: ## The local cluster with real nodes
	cargo test --locked --workspace --test full -- --ignored --test-threads=1

# The web server of examples/minimal.yaml, of which there is no other version among Go's modules.
PODINFO := github.com/stefanprodan/podinfo/cmd/podinfo@v1.8.1-0.20250910200901-e86405a8674e
PODINFO_IMAGE = $(shell sed -n 's/^ *image: \(.*podinfo.*\)/\1/p' examples/minimal.yaml | head -1)

.PHONY: test-typed
test-typed: ## Every line of a shell that the documents show, on the cluster of `make demo`
	GOBIN=$(abspath $(TARGET_DIR))/tmp/podinfo CGO_ENABLED=0 go install $(PODINFO)
	$(CLUSTER) build-image -t $(PODINFO_IMAGE) -f tests/typed/podinfo.Dockerfile $(TARGET_DIR)/tmp/podinfo
	cargo test --locked --workspace --test typed -- --ignored --nocapture

.PHONY: test-journey
test-journey: images ## The shop's whole life on real nodes
	@if ! type psql >/dev/null 2>&1; then \
	    apt-get update -qq; \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql-client; \
	fi
	cargo test --locked --workspace --test journey -- --ignored --nocapture --test-threads=1

.PHONY: test-crashes
test-crashes: ## The operator dies once at each of its writes, before it and after it (`make test` tries some of them)
	MSTACK_CRASH_EVERY=1 cargo test --locked --test crashes -- --nocapture

.PHONY: test-ui
test-ui: ## The operator's page in a real browser
	@if ! type chromium >/dev/null 2>&1; then \
	    apt-get update -qq; \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; \
	fi
	cargo test --locked --test pages -- --ignored --nocapture --test-threads=1

KRO := github.com/kubernetes-sigs/kro
KRO_VERSION := 0.9.4

.PHONY: compare
compare: binary ## What mstack, kro and Helm take to keep the same applications (builds kro)
	GOBIN=$(abspath $(TARGET_DIR))/tmp/peers go install $(KRO)/cmd/controller@v$(KRO_VERSION)
	MSTACK_BINARY=$(abspath $(TARGET_DIR))/image/mstack \
	KRO_BINARY=$(abspath $(TARGET_DIR))/tmp/peers/controller KRO_VERSION=$(KRO_VERSION) \
	KRO_DEFINITIONS=$$(go env GOMODCACHE)/$(KRO)@v$(KRO_VERSION)/helm/crds \
	    cargo test --locked --test peers -- --ignored --nocapture

.PHONY: speed
speed: ## How long lint, render and graph take for the largest stack
	cargo test --locked --release --test speed -- --nocapture

.PHONY: binary
binary: ## Build the binary as it is in the image
	RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --release --target $(TRIPLE) --bin mstack
	install -D $(TARGET_DIR)/$(TRIPLE)/release/mstack $(TARGET_DIR)/image/mstack

.PHONY: images image shop-image
images: image shop-image

image: binary ## Build the operator's image, localhost/mstack
	$(CLUSTER) build-image -t $(IMAGE) -f Dockerfile --target local --build-arg VERSION=$(VERSION) $(TARGET_DIR)/image

shop-image: ## Build the example's image, localhost/shop
	examples/shop/build.sh
	$(CLUSTER) build-image -t $(SHOP_IMAGE) -f examples/shop/Dockerfile --target local examples/shop

.PHONY: generate
generate: ## Write the generated files anew: the CRD, its copy in the chart, the golden files
	UPDATE=1 cargo test --quiet --locked --test generated --test golden --test chart --test pages
