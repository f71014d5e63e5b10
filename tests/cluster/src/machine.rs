//! Whether this machine can run what is asked, before anything is started.

use std::path::Path;

use crate::Error;
use crate::command::{command, is_installed, run};

/// Real nodes need root, namespaces and cgroups; says what is missing and how to get it.
pub(crate) fn check_for_nodes() -> Result<(), Error> {
    check_root("the full profile makes network namespaces and containers", "; `--profile control-plane` works without root")?;
    check_cgroups()?;
    check_overlay()
}

/// Building images means files of several owners.
pub(crate) fn check_for_images() -> Result<(), Error> {
    check_root("building images makes files of several owners", "")?;
    if is_installed("cc") {
        return Ok(());
    }
    Err(Error::machine(
        "the image that holds a pod's namespaces is compiled from C, and there is no `cc`",
        "apt-get install gcc libc6-dev",
    ))
}

fn check_root(why: &str, otherwise: &str) -> Result<(), Error> {
    if is_root()? {
        return Ok(());
    }
    Err(Error::machine(format!("{why}, which only root may"), format!("run the same command with `sudo -E`{otherwise}")))
}

/// Whether this process may do everything.
pub(crate) fn is_root() -> Result<bool, Error> {
    Ok(run(&mut command("id", ["-u"]))?.trim() == "0")
}

fn check_cgroups() -> Result<(), Error> {
    let root = Path::new("/sys/fs/cgroup");
    if root.join("cgroup.controllers").exists() || root.join("memory/cgroup.procs").exists() {
        return Ok(());
    }
    Err(Error::machine(
        "the full profile limits containers by cgroups, and /sys/fs/cgroup has no memory controller",
        "mount -t cgroup2 none /sys/fs/cgroup",
    ))
}

fn check_overlay() -> Result<(), Error> {
    let known = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    if known.contains("overlay") || run(&mut command("modprobe", ["overlay"])).is_ok() {
        return Ok(());
    }
    Err(Error::machine("containers need the overlay file system, which this kernel lacks", "modprobe overlay"))
}
