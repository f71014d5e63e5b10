//! The stacks of some files, for commands that build on sound ones, and one that a cluster has.
use std::path::PathBuf;

use clap::ArgGroup;
use serde_json::Value;

use super::access::name_of;
use super::files::Files;
use super::output::Screen;
use super::report::{self, Told};
use crate::api::MicroserviceStack;
use crate::lint::{self, Severity};

/// One stack of the cluster, or those of files.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("either").args(["stack", "filename"]).required(true))]
pub struct Source {
    /// Stack of the cluster, as it is. Without it, the stacks of the files.
    #[arg(value_parser = name_of_stack)]
    pub stack: Option<String>,
    /// File, folder, or `-` for standard input; may be given several times.
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    filename: Vec<PathBuf>,
    /// Look into the folders of a folder, too.
    #[arg(short = 'R', long)]
    recursive: bool,
}

impl Source {
    /// The files; none where a stack is named.
    pub fn files(&self) -> Files {
        Files::new(self.filename.clone(), self.recursive)
    }
}

/// A stack has no dot in its name, and a file mostly has one.
fn name_of_stack(text: &str) -> Result<String, String> {
    if text.contains(['.', '/']) {
        return Err(format!("no stack is called so; `-f {text}` names a file"));
    }
    Ok(text.to_owned())
}

/// Reads the stacks; none where something is wrong with one of them, which is told on standard error as `mstack lint`
/// would tell it.
///
/// # Errors
/// When a file cannot be read, or no stack is in any of them.
pub fn read(files: &Files, screen: Screen) -> Result<Option<Vec<MicroserviceStack>>, String> {
    let mut stacks = Vec::new();
    let mut sound = true;
    for manifest in files.read()? {
        let mut report = lint::lint(&manifest.text);
        report.findings.retain(|finding| finding.severity == Severity::Error);
        sound &= report.findings.is_empty();
        eprint!("{}", report::text(&[Told { manifest: &manifest, report: &report }], screen));
        stacks.extend(report.stacks.into_iter().filter_map(|found| found.object));
    }
    if sound && stacks.is_empty() {
        return Err("no stack is in these files; `mstack init` writes one to begin with".to_owned());
    }
    Ok(sound.then_some(stacks))
}

/// A stack as a cluster has it, without its status.
///
/// # Errors
/// When this version of mstack does not know what is in it.
pub fn live(mut object: Value) -> Result<MicroserviceStack, String> {
    let name = name_of(&object).to_owned();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    serde_json::from_value(object)
        .map_err(|error| format!("the spec of {name} cannot be read by this version of mstack: {error}"))
}
