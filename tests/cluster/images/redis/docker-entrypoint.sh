#!/bin/bash
# Starts Redis as its own user; options and configuration files may be given without the command's name.
set -eu

case ${1:-} in -* | *.conf) set -- redis-server "$@" ;; esac
if [ "${1:-}" = redis-server ]; then
  if [ "$(id -u)" = 0 ]; then
    find . \! -user redis -exec chown redis {} +
    exec setpriv --reuid redis --regid redis --init-groups "$0" "$@"
  fi
  [ "$(umask)" = 0022 ] && umask 0077
  # In a container the network is the boundary: without this only the container itself could connect.
  if ! grep -qsw protected-mode "${2:-}" && [[ " $* " != *protected-mode* ]]; then
    set -- "$@" --protected-mode no
  fi
fi
exec "$@"
