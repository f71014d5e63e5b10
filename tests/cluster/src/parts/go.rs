//! Parts from Go modules: a small module of our own per tool, so that their dependencies do not meet.

use std::path::{Path, PathBuf};

use super::Part;
use crate::command::{command, is_installed, run};
use crate::{Error, files};

const KUBERNETES: &str = "k8s.io/kubernetes";
const STAGING: &str = "=> ./staging/src/k8s.io/";

/// Builds `module/package` into `target/NAME`.
pub(super) fn build(part: &Part, module: &str, package: &str, target: &Path) -> Result<(), Error> {
    let package = if package.is_empty() { module.to_owned() } else { format!("{module}/{package}") };
    let manifest = manifest(module, part.version, &[]);
    compile(part, &manifest, &package, "-s -w", target)
}

/// Builds one command of Kubernetes into `target/NAME`.
pub(super) fn build_kubernetes(part: &Part, target: &Path) -> Result<(), Error> {
    let own = files::read(&download(KUBERNETES, part.version)?.join("go.mod"))?;
    let manifest = manifest(KUBERNETES, part.version, &staging_modules(&own));
    let package = format!("{KUBERNETES}/cmd/{}", part.name);
    compile(part, &manifest, &package, &version_flags(part.version), target)
}

/// Copies files and the content of folders of a module into `target`.
pub(super) fn copy_files(part: &Part, module: &str, paths: &[&str], target: &Path) -> Result<(), Error> {
    let root = download(module, part.version)?;
    for path in paths {
        let from = root.join(path);
        let into = if from.is_dir() && paths.len() > 1 { target.join(path) } else { target.to_owned() };
        files::make_folder(&into)?;
        let from = if from.is_dir() { from.join(".") } else { from };
        run(command("cp", ["-r", "--no-preserve=mode"]).arg(from).arg(into))?;
    }
    // Not an object: neither kubectl nor kwok can read it beside the others.
    run(command("find", [target]).args(["-name", "kustomization.yaml", "-delete"])).map(drop)
}

fn compile(part: &Part, manifest: &str, package: &str, flags: &str, target: &Path) -> Result<(), Error> {
    let folder = files::cache().join("src").join(format!("{}-{}", part.name, part.version));
    files::write(&folder.join("go.mod"), manifest)?;
    files::write(&folder.join("tools.go"), format!("//go:build tools\n\npackage parts\n\nimport _ \"{package}\"\n"))?;
    run(go()?.args(["mod", "tidy"]).current_dir(&folder))?;
    let output = target.join(part.name);
    run(go()?.args(["build", "-trimpath", "-ldflags", flags, "-o"]).arg(&output).arg(package).current_dir(&folder))?;
    files::remove_folder(&folder)
}

fn manifest(module: &str, version: &str, staging: &[String]) -> String {
    let version_of_staging = staging_version(version);
    let replaced = staging
        .iter()
        .fold(String::new(), |text, name| format!("{text}replace k8s.io/{name} => k8s.io/{name} v{version_of_staging}\n"));
    let godebug = if staging.is_empty() { "" } else { "godebug default=go1.26\n\n" };
    format!("module parts\n\ngo 1.26\n\n{godebug}require {module} v{version}\n\n{replaced}")
}

/// Names of the modules that Kubernetes keeps in its own tree, read from its `go.mod`.
fn staging_modules(go_mod: &str) -> Vec<String> {
    go_mod.lines().filter_map(|line| line.split_once(STAGING)).map(|(_, name)| name.trim().to_owned()).collect()
}

/// The staging modules of Kubernetes 1.x.y are published as 0.x.y.
fn staging_version(version: &str) -> String {
    version.replacen("1.", "0.", 1)
}

fn version_flags(version: &str) -> String {
    let mut numbers = version.split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let stamps = [("gitVersion", format!("v{version}")), ("gitMajor", major.into()), ("gitMinor", minor.into())];
    let stamped = stamps.map(|(name, value)| format!(" -X k8s.io/component-base/version.{name}={value}"));
    format!("-s -w{}", stamped.concat())
}

fn download(module: &str, version: &str) -> Result<PathBuf, Error> {
    let answer = run(go()?.args(["mod", "download", "-json"]).arg(format!("{module}@v{version}")))?;
    let folder =
        serde_json::from_str::<serde_json::Value>(&answer).ok().and_then(|answer| answer["Dir"].as_str().map(PathBuf::from));
    folder.ok_or_else(|| {
        Error::machine(format!("Go did not say where it put {module}"), "look at `go mod download -json` of that module")
    })
}

fn go() -> Result<std::process::Command, Error> {
    if !is_installed("go") {
        return Err(Error::machine(
            "the parts of the cluster are built from source, and there is no `go` on the search path",
            "install Go 1.26 or newer from your distribution or from go.dev/dl, then run this again",
        ));
    }
    let mut go = command("go", [""; 0]);
    go.env("CGO_ENABLED", "0").env("GOFLAGS", "-mod=mod -buildvcs=false").env("GO111MODULE", "on").env("GOWORK", "off");
    Ok(go)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_staging_module_of_kubernetes_gets_its_own_version() {
        let theirs =
            "replace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n\tk8s.io/client-go => ./staging/src/k8s.io/client-go\n)\n";
        let ours = manifest(KUBERNETES, "1.37.2", &staging_modules(theirs));
        assert!(ours.contains("require k8s.io/kubernetes v1.37.2"), "{ours}");
        assert!(ours.contains("replace k8s.io/client-go => k8s.io/client-go v0.37.2"), "{ours}");
        assert_eq!(ours.matches("replace ").count(), 2);
    }

    #[test]
    fn commands_know_their_version() {
        let flags = version_flags("1.37.2");
        assert!(flags.contains("version.gitVersion=v1.37.2"), "{flags}");
        assert!(flags.contains("version.gitMinor=37"), "{flags}");
    }
}
