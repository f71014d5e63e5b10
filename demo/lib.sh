# Words and tools that the scripts of the demo share.

OURS="cargo run --quiet --locked --package cluster --"
NAMESPACE=mstack-system

# say TEXT - what happens next, and why.
say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

# show COMMAND... - prints a command as one would type it, then runs it.
show() {
    local word line=''
    for word; do
        [[ $word =~ ^[A-Za-z0-9_./:=,@%+-]+$ ]] || word="'$word'"
        line+=" $word"
    done
    typed "${line# }"
    "$@"
}

# typed TEXT - a line that one would type.
typed() { printf '\033[2m$ %s\033[0m\n' "$*"; }

# fail WHAT NEXT - ends the demo with what is wrong and what to do.
fail() {
    printf 'error: %s\n  next: %s\n' "$1" "$2" >&2
    exit 1
}

# is_own - whether the demo works on the local cluster that it brings up itself.
is_own() { [[ -z ${KUBECONFIG:-} || $KUBECONFIG == "$($OURS kubeconfig 2>/dev/null)" ]]; }

# use_own_tools - kubectl and helm in the versions of the local cluster.
use_own_tools() {
    local tool
    for tool in kubectl helm; do PATH="$(dirname "$($OURS path $tool)"):$PATH"; done
    KUBECONFIG=$($OURS kubeconfig)
    export PATH KUBECONFIG
}

# need TOOL... - ends the demo when a command is missing.
need() {
    local tool
    for tool; do
        type "$tool" >/dev/null 2>&1 || fail "there is no $tool on the search path" "install $tool (the local cluster, used when KUBECONFIG is not set, brings its own kubectl and helm)"
    done
}
