# After the init files of the user. Without a password, no rule of anybody's lets the superuser in from the network.
PGHOST='' PGPASSWORD=$POSTGRES_PASSWORD psql -Xq --no-password -v ON_ERROR_STOP=1 -U _mstack -d template1 <<'SQL'
\set database `printf %s "$POSTGRES_DB"`
alter role _mstack in database :"database" reset role;
alter role _mstack password null;
SQL
touch "${PGDATA%/*}/.mstack-roles"
