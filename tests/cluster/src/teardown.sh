# Ends everything of the cluster whose folder is $1 and removes the folder. Runs alone and as the last act of a guard,
# so it knows only what the lists in the folder say. Doing it twice is fine.
folder=$1
[ -n "$folder" ] && [ -f "$folder/cluster.json" ] || { rm -rf "$folder"; exit 0; }

list() { [ -f "$folder/$1" ] && cat "$folder/$1"; }

# pid start: still the very process that was recorded, and not a zombie
is_ours() {
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  set -- "$2" ${stat##*)}
  [ "$2" != Z ] && [ "${21}" = "$1" ]
}

kill_recorded() {
  list processes | while read -r pid start name; do
    is_ours "$pid" "$start" && kill -KILL "$pid" 2>/dev/null
  done
}

recorded_are_gone() {
  list processes | while read -r pid start name; do
    is_ours "$pid" "$start" && echo "$name"
  done | grep -q . && return 1
  return 0
}

# Shims and what runs in containers are no children of ours: known by their socket and by their cgroup.
kill_containers() {
  for comm in /proc/[0-9]*/comm; do
    grep -q '^containerd-shim' "$comm" 2>/dev/null || continue
    process=${comm%/comm}
    tr '\0' ' ' < "$process/cmdline" 2>/dev/null | grep -qF " $folder/" && kill -KILL "${process#/proc/}" 2>/dev/null
  done
  list cgroups | while read -r cgroup; do
    find "$cgroup" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u | while read -r pid; do
      kill -KILL "$pid" 2>/dev/null
    done
  done
}

unmount_all() {
  awk -v below="$folder/" 'index($2, below) == 1 { print $2 }' /proc/self/mounts | sort -r | while read -r point; do
    umount -l "$point" 2>/dev/null
  done
}

kill_recorded
tries=0
until recorded_are_gone || [ $tries -ge 100 ]; do tries=$((tries + 1)); sleep 0.05; done
if [ -f "$folder/namespaces" ]; then
  kill_containers
  list namespaces | while read -r namespace; do
    ip netns pids "$namespace" 2>/dev/null | xargs -r kill -KILL 2>/dev/null
    ip netns delete "$namespace" 2>/dev/null
  done
  # The first `ip netns add` on a machine mounts this folder onto itself.
  rmdir /run/netns 2>/dev/null || { [ -z "$(ls -A /run/netns 2>/dev/null)" ] && umount /run/netns 2>/dev/null && rmdir /run/netns; }
  list links | while read -r link; do ip link delete "$link" 2>/dev/null; done
  unmount_all
  list cgroups | while read -r cgroup; do
    tries=0
    while [ -d "$cgroup" ] && [ $tries -lt 100 ]; do
      find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null
      [ -d "$cgroup" ] && sleep 0.05
      tries=$((tries + 1))
    done
  done
fi
list folders | while read -r other; do rm -rf "$other"; done
list reservation | while read -r mark; do
  [ "$(cat "$mark" 2>/dev/null)" = "$folder" ] && rm -f "$mark"
done
rm -rf "$folder"
