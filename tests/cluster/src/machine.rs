//! Whether this machine can run what is asked, before anything is started.

use std::path::Path;

use crate::Error;
use crate::command::{command, run};

/// Real nodes need root, namespaces and cgroups; says what is missing and how to get it.
pub(crate) fn check_for_nodes() -> Result<(), Error> {
    check_root()?;
    check_cgroups()?;
    check_overlay()
}

fn check_root() -> Result<(), Error> {
    let user = run(&mut command("id", ["-u"]))?;
    if user.trim() == "0" {
        return Ok(());
    }
    Err(Error::machine(
        "the full profile makes network namespaces and containers, which only root may",
        "run the same command with `sudo -E`; `--profile control-plane` works without root",
    ))
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
