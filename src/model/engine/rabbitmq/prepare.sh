# Runs before each start of a member.
set -eu
: "${RABBITMQ_ERLANG_COOKIE:?the Secret has no peer-password, which the members know each other by}"
host=${RABBITMQ_NODENAME#*@}

is_up() {
    timeout 2 bash -c "exec 3<> /dev/tcp/$1/25672" 2> /dev/null
}

# The server ends where its own name is not known yet.
until getent hosts "$host" > /dev/null; do
    echo "waiting for the name $host"
    sleep 1
done
[ ! -e "$RABBITMQ_MNESIA_DIR" ] || exit 0

# A new member looks for the others once: by then the first one is to be seen by all, or there would be two clusters.
first=${POD_NAME%-*}-0.${host#*.}
until [ "$host" = "$first" ] || is_up "$first"; do
    echo "waiting for $first"
    sleep 1
done

# The others may know a member of this name, whose volume is lost. They let no new one in until they have forgotten it.
for peer in $(sed -n 's/^cluster_formation.classic_config.*= //p' /mstack/rabbitmq.conf); do
    if [ "$peer" != "$RABBITMQ_NODENAME" ] && is_up "${peer#*@}" &&
        known=$(rabbitmqctl -q -n "$peer" cluster_status --formatter json 2> /dev/null); then
        case $known in
        *"\"$RABBITMQ_NODENAME\""*) rabbitmqctl -q -n "$peer" forget_cluster_node "$RABBITMQ_NODENAME" ;;
        esac
        break
    fi
done
