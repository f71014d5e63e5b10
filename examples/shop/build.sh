#!/bin/sh
# Builds the static binary bin/shop; SHOP_VERSION (default 1) is the version it reports.
set -eu
cd "$(dirname "$0")"
CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${SHOP_VERSION:-1}" -o bin/shop .
