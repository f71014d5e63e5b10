#!/bin/bash
# Starts MariaDB and, on an empty data folder, makes the database and the user that the environment describes.
set -eu -o pipefail

socket=/run/mysqld/mysqld.sock

start_on_socket() {
  mariadbd --no-defaults --datadir="$data" --skip-networking --socket="$socket" &
  server=$!
  until mariadb-admin --no-defaults --protocol=socket --socket="$socket" --user=root --silent ping; do
    kill -0 "$server"
    sleep 0.2
  done
}

stop() {
  kill "$server"
  wait "$server"
}

quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/\\\\'/g")"; }

initialise() {
  mkdir -p "$data"
  mariadb-install-db --no-defaults --datadir="$data" --auth-root-authentication-method=normal --skip-test-db > /dev/null
  start_on_socket
  [ "$MARIADB_ALLOW_EMPTY_ROOT_PASSWORD" = 1 ] && [ "$MARIADB_ROOT_HOST" = localhost ]
  mariadb --no-defaults --protocol=socket --socket="$socket" --user=root <<SQL
create database \`$MARIADB_DATABASE\`;
create user $(quoted "$MARIADB_USER")@'%' identified by $(quoted "$MARIADB_PASSWORD");
grant all on \`${MARIADB_DATABASE//_/\\_}\`.* to $(quoted "$MARIADB_USER")@'%';
SQL
  for file in /docker-entrypoint-initdb.d/*.sql; do
    [ ! -e "$file" ] || mariadb --no-defaults --protocol=socket --socket="$socket" --user=root "$MARIADB_DATABASE" < "$file"
  done
  stop
}

upgrade() {
  start_on_socket
  mariadb-upgrade --no-defaults --protocol=socket --socket="$socket" --user=root > /dev/null
  stop
}

case ${1:-} in -*) set -- mariadbd "$@" ;; esac
data=$(mariadbd --no-defaults "${@:2}" --verbose --help 2> /dev/null | awk '$1 == "datadir" { print $2; exit }')
if [ ! -d "$data/mysql" ]; then initialise; elif [ "${MARIADB_AUTO_UPGRADE:-}" ]; then upgrade; fi
exec "$1" --no-defaults --skip-name-resolve --socket="$socket" "${@:2}"
