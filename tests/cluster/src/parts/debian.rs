//! Parts that the distribution packages.

use std::sync::OnceLock;

use super::Part;
use crate::Error;
use crate::command::{command, is_installed, run};

static LISTS_UPDATED: OnceLock<()> = OnceLock::new();

/// Installs the package of this name; the lists are updated once per process.
pub(super) fn install(part: &Part) -> Result<(), Error> {
    if !is_installed("apt-get") {
        return Err(Error::machine(
            format!("the full profile needs {}, and this machine has no apt-get to install it", part.name),
            format!("install {} with your distribution's package manager", part.name),
        ));
    }
    if LISTS_UPDATED.set(()).is_ok() {
        run(&mut command("apt-get", ["update", "-qq"]))?;
    }
    let mut install = command("apt-get", ["install", "-y", "-qq", "--no-install-recommends", part.name]);
    run(install.env("DEBIAN_FRONTEND", "noninteractive")).map(drop)
}
