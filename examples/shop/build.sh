#!/bin/sh
# Builds the static binary bin/shop, the same bytes from the same sources; SHOP_VERSION (default 1) is what it reports.
set -eu
cd "$(dirname "$0")"
CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${SHOP_VERSION:-1}" -o bin/shop .
