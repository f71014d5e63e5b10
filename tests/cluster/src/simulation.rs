//! Simulated nodes: pods become ready on them without any container, and their volumes bind.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::command::{command, run, run_with_input, wait_until};
use crate::control_plane::ControlPlane;
use crate::{Error, files, machine, parts};

const PART: &str = "kwok";
const READY: Duration = Duration::from_secs(90);
/// Enough addresses for a million pods; the default has 256.
const PODS: &str = "10.0.0.0/12";

/// Starts the simulator and waits until its nodes take pods.
pub(crate) fn start(control_plane: &ControlPlane, nodes: u32) -> Result<(), Error> {
    let mut apply = control_plane.kubectl_command(&["apply", "--server-side", "--filename", "-"])?;
    run_with_input(&mut apply, &objects(nodes))?;
    control_plane.state.start(PART, &simulator(control_plane)?)?;
    wait_until("the simulated nodes", READY, Duration::from_millis(100), || {
        control_plane.state.check_running(PART)?;
        control_plane.kubectl(&["wait", "--for=condition=Ready", "--timeout=2s", "node", "--selector=type=simulated"])
    })
    .map(drop)
}

fn objects(nodes: u32) -> String {
    let mut text = include_str!("../manifests/simulation.yaml").to_owned();
    for index in 1..=nodes {
        let node = include_str!("../manifests/simulated-node.yaml").replace("${INDEX}", &index.to_string());
        let _ = write!(text, "---\n{node}");
    }
    text
}

fn simulator(control_plane: &ControlPlane) -> Result<Command, Error> {
    let user = control_plane.state.kubeconfig_for("system:kwok", &["system:masters"], &control_plane.server())?;
    let mut kwok = command(parts::path(PART)?, ["--manage-all-nodes", "--node-lease-duration-seconds=40", "--cidr", PODS]);
    kwok.args(["--node-ip=10.0.0.1", "--v=WARN"]).arg("--kubeconfig").arg(user);
    for stage in stages(&parts::path("kwok-stages")?) {
        kwok.arg("--config").arg(stage);
    }
    let of_jobs = control_plane.state.file("pods-of-jobs.yaml");
    files::write(&of_jobs, include_str!("../manifests/pods-of-jobs.yaml"))?;
    kwok.arg("--config").arg(of_jobs);
    Ok(kwok)
}

/// The files that say what becomes of simulated nodes and pods; folders and notes beside them say nothing, and pods of Jobs
/// have stages of our own.
fn stages(folder: &Path) -> Vec<std::path::PathBuf> {
    let found = run(command("find", [folder]).args([
        "-name",
        "*.yaml",
        "-not",
        "-path",
        "*/testdata/*",
        "-not",
        "-name",
        "pod-complete.yaml",
    ]))
    .unwrap_or_default();
    found.lines().map(Into::into).collect()
}

/// The command with a folder of its own in place of the one where the volume controller makes volumes for good.
pub(crate) fn with_own_volumes(control_plane: &ControlPlane, inner: &Command) -> Result<Command, Error> {
    let volumes = control_plane.state.file("volumes");
    files::make_folder(&volumes)?;
    let mut outer = command("unshare", ["--mount"]);
    if !machine::is_root()? {
        outer.args(["--user", "--map-root-user"]);
    }
    outer.args(["sh", "-c", "mkdir -p /tmp/hostpath_pv && mount --bind \"$0\" /tmp/hostpath_pv && exec \"$@\""]).arg(volumes);
    outer.arg(inner.get_program()).args(inner.get_args());
    Ok(outer)
}
