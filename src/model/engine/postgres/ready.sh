# Over TCP: while the image initialises, its server listens on the socket alone. A copy is ready when it follows, or when
# there is no primary to follow.
pg_isready -q -h 127.0.0.1 -p "${PGPORT:-5432}" -U "$MSTACK_USER" -d "$POSTGRES_DB" || exit 1
[ "${POD_NAME##*-}" != 0 ] || exit 0
follows=$(PGHOST='' psql -XAtq -U _mstack -d template1 -c "select count(*) from pg_stat_wal_receiver where status = 'streaming'")
[ "$follows" = 1 ] || ! pg_isready -q -t 2 -h "$MSTACK_PRIMARY" -p "${MSTACK_PRIMARY_PORT:-5432}" -U "$MSTACK_USER" -d "$POSTGRES_DB"
