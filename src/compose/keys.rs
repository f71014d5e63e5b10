//! Every key that Compose knows, and what becomes of it. The notes and the documentation are made from this table.
use super::notes::Notes;
use super::tree::Item;
use super::words;

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is converted, to this.
    Converted(&'static str),
    /// It needs no counterpart, for this reason.
    Needless(&'static str),
    /// It is left out: why, and what to do.
    Left(&'static str, &'static str),
}
use Fate::{Converted, Left, Needless};

const HOST: &str = "a stack has no access to the node that it runs on";
const OWN_OBJECT: &str = "run it as a workload of its own, outside of the stack";
const IMAGE: &str = "set it in the image";

/// Keys of a service.
pub const OF_SERVICES: &[(&str, Fate)] = &[
    ("annotations", Needless("labels and annotations of containers have no reader in a cluster")),
    ("attach", Needless("it is for `docker compose up`")),
    ("blkio_config", Left("there are no weights for disks", "")),
    ("build", Converted("`image` with the name that `--registry` gives; building is left to you")),
    ("cap_add", Left("no capability can be added", OWN_OBJECT)),
    ("cap_drop", Needless("`security.profile: Restricted` drops all")),
    ("cgroup", Left(HOST, OWN_OBJECT)),
    ("cgroup_parent", Left(HOST, OWN_OBJECT)),
    ("command", Converted("`args`")),
    ("configs", Converted("`files`")),
    ("container_name", Converted("another name by which others call it")),
    ("cpu_count", Left("it counts processors of Windows", "set `resources.cpu`")),
    ("cpu_percent", Left("it is for Windows", "set `resources.cpu`")),
    ("cpu_period", Left("there is one limit for processors", "set `resources.limits.cpu`")),
    ("cpu_quota", Left("there is one limit for processors", "set `resources.limits.cpu`")),
    ("cpu_rt_period", Left(HOST, "")),
    ("cpu_rt_runtime", Left(HOST, "")),
    ("cpu_shares", Left("shares are relative to others", "set `resources.cpu`")),
    ("cpus", Converted("`resources.limits.cpu`")),
    ("cpuset", Left(HOST, "")),
    ("credential_spec", Left("it is for Windows", "")),
    ("depends_on", Converted("`uses`; with `required: false`, and for what has no order, `usesOptional`")),
    ("deploy", Converted("`replicas` and `resources`")),
    ("develop", Needless("it is for work on the source")),
    ("device_cgroup_rules", Left(HOST, OWN_OBJECT)),
    ("devices", Left(HOST, OWN_OBJECT)),
    ("dns", Left("pods ask the cluster's DNS", "")),
    ("dns_opt", Left("pods ask the cluster's DNS", "")),
    ("dns_search", Left("pods ask the cluster's DNS", "")),
    ("domainname", Needless("pods have the names that the cluster gives")),
    ("driver_opts", Left("it is for Docker's network driver", "")),
    ("entrypoint", Converted("`command`")),
    ("env_file", Converted("`config`")),
    ("environment", Converted("`config` and `bindings`")),
    ("expose", Converted("`port` or `ports`")),
    ("extends", Converted("what it extends, written out")),
    ("external_links", Left("it is outside of this project", "use its full name in the cluster in `config`")),
    ("extra_hosts", Left("pods have no hosts file of their own", "use the address itself in `config`")),
    ("gpus", Left("there is no field for devices", OWN_OBJECT)),
    ("group_add", Left("there are no further groups", IMAGE)),
    ("healthcheck", Converted("`health`")),
    ("hostname", Converted("another name by which others call it")),
    ("image", Converted("`image`, or a database of its engine")),
    ("init", Needless("a pod's first process is waited for by its runtime")),
    ("ipc", Left(HOST, OWN_OBJECT)),
    ("isolation", Left("it is for Windows", "")),
    ("label_file", Needless("labels of containers have no reader in a cluster")),
    ("labels", Converted("`expose`, where they are Traefik's rule for a host; else they have no reader")),
    ("links", Converted("`uses`, and another name by which it is called")),
    ("logging", Needless("the cluster collects what containers print")),
    ("mac_address", Left("pods have the addresses that the cluster gives", "")),
    ("mem_limit", Converted("`resources.limits.memory`")),
    ("mem_reservation", Converted("`resources.memory`")),
    ("mem_swappiness", Left("there is no field for swap", "")),
    ("memswap_limit", Left("there is no field for swap", "")),
    ("models", Left("a stack has no models", "")),
    ("network_mode", Left(HOST, "let the services reach each other by their names")),
    ("networks", Converted("other names by which others call it; who may reach whom follows from `uses`")),
    ("oom_kill_disable", Left(HOST, "")),
    ("oom_score_adj", Left(HOST, "")),
    ("pid", Left(HOST, OWN_OBJECT)),
    ("pids_limit", Left("the cluster sets it for all pods", "")),
    ("platform", Left("the cluster chooses the node", "build the image for the nodes of the cluster")),
    ("ports", Converted("`port` or `ports`, and `expose`")),
    ("post_start", Left("nothing runs beside a container's start", IMAGE)),
    ("pre_stop", Left("an instance is drained before it is stopped; nothing else runs then", IMAGE)),
    ("privileged", Left("no pod of a stack is privileged", OWN_OBJECT)),
    ("profiles", Converted("`profiles`")),
    ("provider", Left("there is no plugin of Compose in a cluster", "use `engine: external` for what is there already")),
    ("pull_policy", Needless("an image with a version is pulled once")),
    (
        "read_only",
        Left(
            "only `security.profile: Restricted` makes the image read-only",
            "add it, with `scratch` for the folders that are written to",
        ),
    ),
    ("restart", Needless("what ends is started again")),
    ("runtime", Left(HOST, OWN_OBJECT)),
    ("scale", Converted("`replicas`")),
    ("secrets", Converted("`secrets`: variables instead of files")),
    ("security_opt", Needless("every pod runs under seccomp and without a way to more privilege")),
    ("shm_size", Left("there is no field for shared memory", "use a `scratch` folder where the program allows it")),
    ("stdin_open", Needless("nobody types into a pod")),
    ("stop_grace_period", Left("an instance has 30 s to end", "")),
    ("stop_signal", Left("the image's own signal is sent", IMAGE)),
    ("storage_opt", Left(HOST, "")),
    ("sysctls", Left(HOST, OWN_OBJECT)),
    ("tmpfs", Converted("`scratch`")),
    ("tty", Needless("nobody types into a pod")),
    ("ulimits", Left("the node sets them", "")),
    ("use_api_socket", Left(HOST, OWN_OBJECT)),
    ("user", Converted("`security.runAsUser` and `runAsGroup`, where it is a number")),
    ("userns_mode", Left(HOST, "")),
    ("uts", Left(HOST, "")),
    ("volumes", Converted("`storage`, `files`, `init` or `scratch`")),
    ("volumes_from", Left("services share no volumes", "")),
    ("working_dir", Left("there is no field for it", IMAGE)),
];

/// Keys at the top of the file.
pub const OF_FILES: &[(&str, Fate)] = &[
    ("configs", Converted("`files` of the services that mount them")),
    ("include", Converted("what it includes, laid under the file")),
    ("models", Left("a stack has no models", "")),
    ("name", Converted("the stack's name")),
    ("networks", Needless("who may reach whom follows from `uses`")),
    ("secrets", Converted("`secrets` of the services that use them")),
    ("services", Converted("`services` and `databases`")),
    ("version", Needless("Compose does not look at it either")),
    ("volumes", Converted("`storage` of the databases that mount them")),
];

/// Tells keys at the top of the file that are left out.
pub fn judge_top(root: &Item, notes: &mut Notes) {
    judge(root, OF_FILES, "", notes);
}

/// Tells keys of a service that are left out.
pub fn judge_service(service: &Item, path: &str, notes: &mut Notes) {
    judge(service, OF_SERVICES, path, notes);
}

fn judge(item: &Item, known: &[(&str, Fate)], path: &str, notes: &mut Notes) {
    for (key, value) in item.entries().iter().filter(|(key, value)| !key.starts_with("x-") && !is_nothing(value)) {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match known.iter().find(|(name, _)| name == key) {
            Some((_, Left(why, fix))) => notes.left(&value.place, path, *why, *fix),
            Some(_) => {}
            None => {
                let near = crate::model::did_you_mean(key, known.iter().map(|(name, _)| *name), "");
                notes.left(
                    &value.place,
                    path,
                    format!("{} is no key of Compose that is known here", words::list([key.as_str()])),
                    near,
                );
            }
        }
    }
}

/// What says nothing: an empty value, or a switch that is off.
fn is_nothing(value: &Item) -> bool {
    value.is_null() || value.text() == Some("false") || value.text().is_none() && value.items().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_in_the_table_once_and_in_order() {
        for table in [OF_SERVICES, OF_FILES] {
            assert!(table.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }
}
