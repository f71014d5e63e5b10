# Before the init files of the user: they run as the role that owns the database, so that it owns what they make.
sh "${MSTACK_RECIPE:-/mstack}/roles.sh"
PGHOST='' PGPASSWORD=$POSTGRES_PASSWORD psql -Xq --no-password -v ON_ERROR_STOP=1 -U _mstack -d template1 <<'SQL'
\set owner `printf %s "$MSTACK_USER"`
\set database `printf %s "$POSTGRES_DB"`
alter role _mstack in database :"database" set role = :'owner';
SQL
