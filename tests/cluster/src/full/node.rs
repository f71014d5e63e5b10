//! One node: containerd, kubelet and kube-proxy in a network and a mount namespace of their own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::network::{Network, Place};
use crate::command::{command, run, wait_until};
use crate::control_plane::ControlPlane;
use crate::pki::Identity;
use crate::state::State;
use crate::{Error, files, images, parts};

/// The address under which pods ask for names.
pub(super) const DNS_SERVICE: &str = "10.96.0.10";
const STARTS: Duration = Duration::from_mins(1);
const READY: Duration = Duration::from_mins(2);

/// Holds the node's mounts: `/run`, `/var/lib` and `/var/log` are the node's own, and the kernel settings that a kubelet
/// writes are copies, so nothing of the machine changes and everything vanishes with the namespace.
const HOLDER: &str = "\
set -e
mount --make-rshared /
for tunable in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops \
               kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
  mkdir -p \"$1/sys/${tunable%/*}\"
  cat \"/proc/sys/$tunable\" > \"$1/sys/$tunable\"
  mount --bind \"$1/sys/$tunable\" \"/proc/sys/$tunable\"
done
for folder in run var/lib var/log; do
  mkdir -p \"$1/$folder\"
  mount --bind \"$1/$folder\" \"/$folder\"
done
touch \"$1/held\"
exec sleep infinity
";

/// A node of a full cluster.
pub(super) struct Node {
    name: String,
    state: State,
    place: Place,
    network: Network,
    index: u32,
    folder: PathBuf,
}

impl Node {
    pub(super) fn new(state: &State, network: &Network, index: u32) -> Self {
        let name = format!("node-{index}");
        Self {
            folder: state.file("nodes").join(&name),
            place: network.node(index),
            state: state.clone(),
            network: network.clone(),
            index,
            name,
        }
    }

    /// Starts the node's processes; it registers itself.
    pub(super) fn start(&self, control_plane: &ControlPlane) -> Result<(), Error> {
        self.make_cgroup()?;
        self.hold_namespace()?;
        self.write_configuration(control_plane)?;
        self.state.start(&self.part("containerd"), &self.inside(&self.containerd())?)?;
        wait_until("containerd", STARTS, Duration::from_millis(50), || {
            self.state.check_running(&self.part("containerd"))?;
            run(command("ctr", ["--address"]).arg(self.socket()).args(["version"]))
        })?;
        load_into(&self.socket(), images::PAUSE)?;
        self.state.start(&self.part("kubelet"), &self.inside(&self.kubelet()?)?)?;
        self.state.start(&self.part("kube-proxy"), &self.inside(&self.kube_proxy(control_plane)?)?)
    }

    /// Waits until the API server says that the node is ready.
    pub(super) fn wait_until_ready(&self, control_plane: &ControlPlane) -> Result<(), Error> {
        let node = format!("node/{}", self.name);
        wait_until(&node, READY, Duration::from_millis(200), || {
            for process in ["containerd", "kubelet", "kube-proxy"] {
                self.state.check_running(&self.part(process))?;
            }
            control_plane.kubectl(&["wait", "--for=condition=Ready", "--timeout=5s", &node])
        })
        .map(drop)
    }

    fn part(&self, process: &str) -> String {
        format!("{process}-{}", self.name)
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("containerd.sock")
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }

    fn cgroup(&self) -> String {
        format!("mstack-{}-{}", self.state.name, self.name)
    }

    /// A cgroup for the pods of this node alone: a kubelet removes pods' groups that it does not know.
    fn make_cgroup(&self) -> Result<(), Error> {
        for hierarchy in cgroup_hierarchies() {
            let cgroup = hierarchy.join(self.cgroup());
            self.state.note("cgroups", &cgroup.to_string_lossy())?;
            files::make_folder(&cgroup)?;
        }
        Ok(())
    }

    fn hold_namespace(&self) -> Result<(), Error> {
        let part = self.part("mounts");
        files::make_folder(&self.folder)?;
        let mut holder = command("unshare", ["--mount", "--propagation=private", "sh", "-c", HOLDER, "holder"]);
        self.state.start(&part, holder.arg(&self.folder))?;
        wait_until("the mounts of the node", STARTS, Duration::from_millis(10), || {
            self.state.check_running(&part)?;
            files::read(&self.folder.join("held"))
        })
        .map(drop)
    }

    /// The command inside the node's namespaces.
    fn inside(&self, inner: &Command) -> Result<Command, Error> {
        let holder = self.part("mounts");
        let processes = self.state.processes();
        let pid = processes.iter().find(|process| process.name == holder).map(|process| process.pid);
        let pid = pid.ok_or_else(|| Error::machine(format!("{holder} is gone"), "`cluster down`, then `cluster up`"))?;
        let mut outer = command("nsenter", [format!("--mount=/proc/{pid}/ns/mnt")]);
        outer.arg(format!("--net=/run/netns/{}", self.place.namespace));
        outer.arg(inner.get_program()).args(inner.get_args());
        Ok(outer)
    }

    fn write_configuration(&self, control_plane: &ControlPlane) -> Result<(), Error> {
        files::write(&self.folder.join("containerd.toml"), self.containerd_configuration())?;
        files::write_json(&self.folder.join("cni/10-pods.conflist"), &self.cni_configuration())?;
        files::write(&self.folder.join("resolv.conf"), "")?;
        let user = format!("system:node:{}", self.name);
        self.state.kubeconfig_for(&user, &["system:nodes"], &control_plane.server())?;
        let hosts = [self.name.as_str(), self.place.address.as_str()];
        self.state.authority().issue(&self.name, &Identity { user: &user, groups: &["system:nodes"], hosts: &hosts })?;
        files::write_json(&self.folder.join("kubelet.json"), &self.kubelet_configuration())
    }

    fn containerd_configuration(&self) -> String {
        format!(
            r#"version = 2
root = "{root}"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]

[grpc]
address = "{socket}"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
restrict_oom_score_adj = true
max_container_log_line_size = 262144

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "{snapshotter}"

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{cni}"
"#,
            root = self.file("containerd"),
            socket = self.socket().display(),
            pause = images::PAUSE,
            snapshotter = if is_overlay(&self.folder) { "native" } else { "overlayfs" },
            cni = self.file("cni"),
        )
    }

    /// Point-to-point links rather than a bridge: answers between two pods of a node then pass the node's address
    /// translation also where the kernel does not send bridged packets through iptables.
    fn cni_configuration(&self) -> serde_json::Value {
        json!({
            "cniVersion": "0.4.0",
            "name": "pods",
            "plugins": [
                {
                    "type": "ptp",
                    "ipMasq": false,
                    "ipam": {
                        "type": "host-local",
                        "ranges": [[{ "subnet": self.network.pods_of(self.index) }]],
                        "routes": [{ "dst": "0.0.0.0/0" }],
                    },
                },
                { "type": "portmap", "capabilities": { "portMappings": true } },
            ],
        })
    }

    fn kubelet_configuration(&self) -> serde_json::Value {
        let pki = |name: String| self.state.file("pki").join(name);
        json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": { "enabled": false },
                "webhook": { "enabled": true },
                "x509": { "clientCAFile": pki("ca.crt".into()) },
            },
            "authorization": { "mode": "Webhook" },
            "tlsCertFile": pki(format!("{}.crt", self.name)),
            "tlsPrivateKeyFile": pki(format!("{}.key", self.name)),
            "containerRuntimeEndpoint": format!("unix://{}", self.socket().display()),
            "clusterDNS": [DNS_SERVICE],
            "clusterDomain": "cluster.local",
            "resolvConf": self.file("resolv.conf"),
            "failCgroupV1": false,
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": format!("/{}", self.cgroup()),
            "enforceNodeAllocatable": [],
            "localStorageCapacityIsolation": false,
            "failSwapOn": false,
            "maxPods": 200,
            "imageGCHighThresholdPercent": 100,
            "evictionHard": { "memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
            "nodeStatusUpdateFrequency": "5s",
        })
    }

    fn containerd(&self) -> Command {
        command("containerd", ["--config".to_owned(), self.file("containerd.toml")])
    }

    fn kubelet(&self) -> Result<Command, Error> {
        let kubeconfig = self.state.file("kubeconfigs").join(format!("system_node_{}", self.name));
        let mut kubelet = command(parts::path("kubelet")?, ["--config", &self.file("kubelet.json")]);
        kubelet.arg(format!("--kubeconfig={}", kubeconfig.display()));
        kubelet.arg(format!("--root-dir={}", self.file("kubelet")));
        kubelet.arg(format!("--cert-dir={}", self.file("kubelet-pki")));
        kubelet.arg(format!("--hostname-override={}", self.name));
        kubelet.arg(format!("--node-ip={}", self.place.address));
        Ok(kubelet)
    }

    fn kube_proxy(&self, control_plane: &ControlPlane) -> Result<Command, Error> {
        let kubeconfig = self.state.kubeconfig_for("system:kube-proxy", &[], &control_plane.server())?;
        // Zero leaves the machine's own limits for tracked connections as they are.
        let untouched = ["max-per-core", "tcp-timeout-established", "tcp-timeout-close-wait"];
        let mut proxy = command(parts::path("kube-proxy")?, ["--proxy-mode=iptables"]);
        proxy.args(untouched.map(|setting| format!("--conntrack-{setting}=0")));
        proxy.arg(format!("--kubeconfig={}", kubeconfig.display()));
        proxy.arg(format!("--hostname-override={}", self.name));
        proxy.arg(format!("--cluster-cidr={}", self.network.pods()));
        Ok(proxy)
    }
}

/// Imports images that were built here into every node of the cluster, all nodes at once.
pub(crate) fn load(state: &State, tags: &[&str]) -> Result<(), Error> {
    on_every_node(state, |socket| tags.iter().try_for_each(|tag| load_into(socket, tag)))
}

/// Gives an image of every node another name beside its own.
pub(crate) fn alias(state: &State, tag: &str, other: &str) -> Result<(), Error> {
    on_every_node(state, |socket| run(images_of(socket).args(["tag", "--force", tag, other])).map(drop))
}

/// Does something with the images of each node, which its containerd's socket leads to.
fn on_every_node(state: &State, work: impl Fn(&Path) -> Result<(), Error> + Sync) -> Result<(), Error> {
    let nodes = files::names_in(&state.file("nodes"));
    if nodes.is_empty() {
        let what = format!("the cluster `{}` has no real nodes to load images into", state.name);
        return Err(Error::request(what, "`cluster up --profile full` makes one that has"));
    }
    at_once(&nodes, |node| work(&state.file("nodes").join(node).join("containerd.sock")))
}

/// Does the same for all, each in a thread of its own, and returns the first error.
pub(super) fn at_once<T: Sync>(all: &[T], work: impl Fn(&T) -> Result<(), Error> + Sync) -> Result<(), Error> {
    std::thread::scope(|scope| {
        let running: Vec<_> = all.iter().map(|one| scope.spawn(|| work(one))).collect();
        running.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

fn load_into(socket: &Path, tag: &str) -> Result<(), Error> {
    run(images_of(socket).arg("import").arg(images::built_archive(tag)?)).map(drop)
}

fn images_of(socket: &Path) -> Command {
    let mut ctr = command("ctr", ["--address"]);
    ctr.arg(socket).args(["--namespace", "k8s.io", "images"]);
    ctr
}

/// Where a cgroup has to be made: one folder per controller, or the single one of version 2.
fn cgroup_hierarchies() -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    if root.join("cgroup.controllers").exists() {
        return vec![root.to_owned()];
    }
    let folders = files::names_in(root).into_iter().map(|name| root.join(name));
    folders.filter(|folder| !folder.is_symlink() && folder.join("cgroup.procs").exists()).collect()
}

/// Layers cannot be stacked on a file system that is itself stacked, as inside another container.
fn is_overlay(folder: &Path) -> bool {
    let kind = run(command("stat", ["--file-system", "--format=%T"]).arg(folder));
    kind.is_ok_and(|kind| kind.trim() == "overlayfs")
}
