# Makes the roles of an instance whose server listens on its socket: a superuser that has no way in from the network, one
# that standbys follow with, and the consumers' own, which owns its database. What is there already stays.
set -eu
super=_mstack
answers() { PGHOST='' PGPASSWORD=$POSTGRES_PASSWORD psql -XAtq --no-password -U "$1" -d template1 -c "select 1" > /dev/null 2>&1; }
answers "$super" || super=$MSTACK_USER
PGHOST='' PGPASSWORD=$POSTGRES_PASSWORD psql -Xq --no-password -v ON_ERROR_STOP=1 -U "$super" -d template1 <<'SQL'
\set owner `printf %s "$MSTACK_USER"`
\set database `printf %s "$POSTGRES_DB"`
\set password `printf %s "$POSTGRES_PASSWORD"`
\set peers `printf %s "${MSTACK_PEER_PASSWORD:-$POSTGRES_PASSWORD}"`
select 'create role _mstack superuser login' where not exists (select from pg_roles where rolname = '_mstack') \gexec
select 'create role _mstack_replication replication login' where not exists (select from pg_roles where rolname = '_mstack_replication') \gexec
alter role _mstack_replication password :'peers';
select format('create role %I login password %L', :'owner', :'password') where not exists (select from pg_roles where rolname = :'owner') \gexec
select format('create database %I owner %I', :'database', :'owner') where not exists (select from pg_database where datname = :'database') \gexec
alter database :"database" owner to :"owner";
SQL
