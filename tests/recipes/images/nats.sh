#!/bin/sh
# The image has the server alone, and no shell.
exec nats-server "$@"
