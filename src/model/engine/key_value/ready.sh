# The answer itself counts: the client succeeds as well while the server still loads its data. A copy is ready when it
# follows, or when there is no primary to follow. The argument is the client's name.
client=$1
[ "$($client -p "${MSTACK_PORT:-6379}" ping)" = PONG ] || exit 1
case $($client -p "${MSTACK_PORT:-6379}" info replication) in
  *role:slave*master_link_status:up*) ;;
  *role:slave*) [ "$(timeout 2 "$client" -h "$MSTACK_PRIMARY" -p "${MSTACK_PRIMARY_PORT:-6379}" ping 2> /dev/null)" != PONG ] ;;
esac
