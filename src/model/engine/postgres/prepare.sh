# Runs before the server, with its image and as its user. The first instance is the primary. Each other one becomes a copy
# of it, once, and follows it: a folder that holds anything is never emptied, and nothing is promoted here.
set -eu
umask 077
ordinal=${POD_NAME##*-}
volume=${PGDATA%/*}
replicator=_mstack_replication
slot=mstack_$ordinal

fail() {
  echo "$*" >&2
  echo "$*" 2> /dev/null > "${TERMINATION_LOG:-/dev/termination-log}" || true
  exit 1
}

write_password_file() {
  password=$(printf %s "${MSTACK_PEER_PASSWORD:-$POSTGRES_PASSWORD}" | sed 's/[\\:]/\\&/g')
  rm -f "$volume/.mstack-pgpass"
  printf '*:*:*:%s:%s\n' "$replicator" "$password" > "$volume/.mstack-pgpass"
}

# A standby that admits fewer connections than its primary once did would not start.
connections() {
  wanted=${MSTACK_MAX_CONNECTIONS:-100}
  if [ "$ordinal" != 0 ] && [ -e "$PGDATA/PG_VERSION" ]; then
    had=$(LC_ALL=C pg_controldata -D "$PGDATA" | sed -n 's/^max_connections setting: *//p')
    [ "${had:-0}" -le "$wanted" ] || wanted=$had
  fi
  echo "$wanted"
}

# What a standby that is away may hold back on the primary: a fifth of the volume, at most 16 GB.
kept_megabytes() {
  df -Pm "$volume" | awk 'NR == 2 { kept = int($2 / 5); print (kept > 16384 ? 16384 : (kept < 64 ? 64 : kept)) }'
}

write_configuration() {
  {
    echo "# Written anew before each start. The image's own settings come first, arguments of the container last."
    echo "include_if_exists '$PGDATA/postgresql.conf'"
    echo "listen_addresses = '*'"
    echo "hba_file = '${MSTACK_RECIPE:-/mstack}/pg_hba.conf'"
    echo "max_connections = $(connections)"
    echo "wal_level = replica"
    echo "max_wal_senders = 20"
    echo "max_replication_slots = 20"
    echo "max_slot_wal_keep_size = $(kept_megabytes)MB"
    echo "hot_standby = on"
    if [ "$ordinal" != 0 ]; then
      echo "primary_conninfo = 'host=$MSTACK_PRIMARY port=${MSTACK_PRIMARY_PORT:-5432} user=$replicator passfile=$volume/.mstack-pgpass application_name=$POD_NAME'"
      echo "primary_slot_name = '$slot'"
    fi
  } > "$volume/mstack.conf"
}

ask_primary() {
  psql -XAtq "host=$MSTACK_PRIMARY port=${MSTACK_PRIMARY_PORT:-5432} user=$replicator passfile=$volume/.mstack-pgpass dbname=replication replication=true connect_timeout=5" -c "$1"
}

wait_for_primary() {
  tries=0
  until ask_primary IDENTIFY_SYSTEM > /dev/null; do
    tries=$((tries + 1))
    [ "$tries" -lt 150 ] || fail "the primary $MSTACK_PRIMARY does not answer, so this instance cannot be made as its copy; it is tried again"
    sleep 2
  done
}

# Into a folder beside the data, which takes its place once it is whole.
clone() {
  if [ -e "$PGDATA" ] && ! rmdir "$PGDATA" 2> /dev/null; then
    fail "DataMismatch: $PGDATA is not empty and holds no database; an instance that is to be a copy empties no folder. Delete the volume claim of this instance if it may go"
  fi
  wait_for_primary
  draft=$volume/mstack-clone
  rm -rf "$draft"
  ask_primary "DROP_REPLICATION_SLOT $slot" 2> /dev/null || true
  PGPASSFILE=$volume/.mstack-pgpass pg_basebackup --host="$MSTACK_PRIMARY" --port="${MSTACK_PRIMARY_PORT:-5432}" \
    --username="$replicator" --no-password --pgdata="$draft" --wal-method=stream --checkpoint=fast --create-slot --slot="$slot"
  touch "$draft/standby.signal"
  chmod 0700 "$draft"
  sync
  mv "$draft" "$PGDATA"
  sync
  echo "copied from $MSTACK_PRIMARY"
}

# A volume from before there were these roles.
add_roles() {
  pg_ctl -D "$PGDATA" -o "-c config_file=$volume/mstack.conf -c listen_addresses=''" -t 86400 -w start > /dev/null
  sh "${MSTACK_RECIPE:-/mstack}/roles.sh"
  touch "$volume/.mstack-roles"
  pg_ctl -D "$PGDATA" -m fast -t 86400 -w stop > /dev/null
}

# The server wants its folder for itself; what owns volumes for a group may have opened it.
if [ -e "$PGDATA/PG_VERSION" ]; then chmod 0700 "$PGDATA"; fi
write_password_file
if [ "$ordinal" = 0 ]; then
  [ ! -e "$PGDATA/standby.signal" ] || fail "DataMismatch: the volume of the first instance is the copy of another primary; if it is to be the primary, delete the file pgdata/standby.signal on it"
  write_configuration
  if [ -e "$PGDATA/PG_VERSION" ] && [ ! -e "$volume/.mstack-roles" ]; then add_roles; fi
else
  if [ -e "$PGDATA/PG_VERSION" ]; then
    [ -e "$PGDATA/standby.signal" ] || fail "DataMismatch: the data of this instance was promoted, so it is no copy of $MSTACK_PRIMARY any more; delete its volume claim if its data may go"
    # Where the slot was let go meanwhile; the primary may be away as well.
    ask_primary "CREATE_REPLICATION_SLOT $slot PHYSICAL RESERVE_WAL" > /dev/null 2>&1 || true
  else
    clone
  fi
  write_configuration
fi
