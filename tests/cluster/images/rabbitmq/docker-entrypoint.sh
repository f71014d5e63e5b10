#!/bin/bash
# Starts RabbitMQ as its own user with the cookie that the environment gives.
set -eu

write_cookie() {
  local file=/var/lib/rabbitmq/.erlang.cookie
  if [ -e "$file" ] && [ "$(cat "$file")" != "$RABBITMQ_ERLANG_COOKIE" ]; then
    echo "warning: $file holds another cookie than RABBITMQ_ERLANG_COOKIE; the environment wins" >&2
  fi
  rm -f "$file"
  (umask 0377 && printf '%s' "$RABBITMQ_ERLANG_COOKIE" > "$file")
}

case ${1:-} in
  rabbitmq*)
    if [ "$(id -u)" = 0 ]; then
      if [ "$1" = rabbitmq-server ]; then
        find /var/lib/rabbitmq \! -user rabbitmq -exec chown rabbitmq {} +
      fi
      exec setpriv --reuid rabbitmq --regid rabbitmq --init-groups "$0" "$@"
    fi
    [ -z "${RABBITMQ_ERLANG_COOKIE:-}" ] || write_cookie
    ;;
esac
exec "$@"
