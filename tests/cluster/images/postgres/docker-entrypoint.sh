#!/bin/bash
# Starts PostgreSQL and, on an empty data folder, makes the database that the environment describes.
set -eu -o pipefail

fail() { echo "error: $*" >&2; exit 1; }

# NAME or the content of the file that NAME_FILE names; the second argument is the default.
setting() {
  local file_variable="$1_FILE"
  if [ -n "${!1:-}" ] && [ -n "${!file_variable:-}" ]; then fail "$1 and $file_variable exclude each other"; fi
  if [ -n "${!file_variable:-}" ]; then export "$1=$(cat "${!file_variable}")"; else export "$1=${!1:-${2:-}}"; fi
}

prepare_folders_as_root() {
  mkdir -p "$PGDATA" /var/run/postgresql
  chmod 0700 "$PGDATA"
  find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres {} +
}

check_password() {
  [ -n "$POSTGRES_PASSWORD" ] || [ "$POSTGRES_HOST_AUTH_METHOD" = trust ] ||
    fail "the data folder is empty and POSTGRES_PASSWORD is not set; set it, or POSTGRES_HOST_AUTH_METHOD=trust to do without"
}

initialise() {
  mkdir -p "$PGDATA"
  chmod 0700 "$PGDATA"
  eval 'initdb --username="$POSTGRES_USER" --pwfile=<(printf "%s\n" "$POSTGRES_PASSWORD")' "$POSTGRES_INITDB_ARGS"
  printf '\nhost all all all %s\n' "$POSTGRES_HOST_AUTH_METHOD" >> "$PGDATA/pg_hba.conf"
  PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w start
  if [ "$POSTGRES_DB" != postgres ]; then
    query postgres --set database="$POSTGRES_DB" <<< 'CREATE DATABASE :"database";'
  fi
  run_init_files
  PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -m fast -w stop
}

query() {
  local database=$1
  shift
  PGHOST='' PGPASSWORD=$POSTGRES_PASSWORD psql --no-psqlrc -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --no-password --dbname "$database" "$@"
}

run_init_files() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh) echo "running $file"; if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
      *.sql) echo "running $file"; query "$POSTGRES_DB" -f "$file" ;;
      *.sql.gz) echo "running $file"; gunzip -c "$file" | query "$POSTGRES_DB" ;;
      *) if [ -e "$file" ]; then echo "ignoring $file"; fi ;;
    esac
  done
}

case ${1:-} in -*) set -- postgres "$@" ;; esac
if [ "${1:-}" = postgres ]; then
  if [ "$(id -u)" = 0 ]; then
    prepare_folders_as_root
    exec setpriv --reuid postgres --regid postgres --init-groups "$0" "$@"
  fi
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    setting POSTGRES_USER postgres
    setting POSTGRES_PASSWORD
    setting POSTGRES_DB "$POSTGRES_USER"
    setting POSTGRES_INITDB_ARGS
    export POSTGRES_HOST_AUTH_METHOD=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
    check_password
    initialise
  fi
fi
exec "$@"
