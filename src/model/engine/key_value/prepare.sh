# Runs before the server, with its image and as its user: the first instance is the primary, each other one follows it.
set -eu
umask 077
folder=${MSTACK_DATA:-/data}
{
  echo "# Written anew before each start; arguments of the container come after it."
  if [ "${POD_NAME##*-}" != 0 ]; then
    echo "replicaof $MSTACK_PRIMARY ${MSTACK_PRIMARY_PORT:-6379}"
  fi
} > "$folder/mstack.conf"
