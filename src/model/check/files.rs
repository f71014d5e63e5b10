//! Folders and files of containers: absolute, apart from each other, within what a ConfigMap holds.
use std::collections::BTreeMap;

use super::super::Violations;
use crate::codes::Code;

/// What a ConfigMap holds at most, less what its metadata takes.
const MOST_BYTES: usize = 1_000_000;

/// Files by absolute path, apart from the writable folders.
pub fn files(
    path: &str,
    files: &BTreeMap<String, String>,
    scratch: &[String],
    found: &mut Violations,
) -> BTreeMap<String, String> {
    for file in files.keys() {
        let path = format!("{path}[{file}]");
        judge_absolute(&path, file, found);
        if let Some(folder) = scratch.iter().find(|folder| is_inside(file, folder)) {
            let reason = format!("the folder `{folder}` of `scratch` is empty at each start, and would hold this file");
            found.add(Code::FileInScratch, &path, reason, "move the file, or choose another scratch folder");
        }
        if let Some(other) = files.keys().find(|other| *other != file && is_inside(file, other)) {
            found.add(Code::FileInFile, &path, format!("`{other}` is a file, so nothing lies inside it"), "move one of the two");
        }
    }
    judge_size(path, files, found);
    files.clone()
}

/// Writable folders.
pub fn scratch(path: &str, folders: &[String], found: &mut Violations) -> Vec<String> {
    for (n, folder) in folders.iter().enumerate() {
        let path = format!("{path}[{n}]");
        judge_absolute(&path, folder, found);
        if folders[..n].contains(folder) {
            found.add(Code::ScratchTwice, &path, format!("`{folder}` is given twice"), "remove one of the two");
        }
    }
    folders.to_vec()
}

/// Files by name that an engine runs at its first initialisation.
pub fn init(path: &str, files: &BTreeMap<String, String>, runs: bool, found: &mut Violations) -> BTreeMap<String, String> {
    if !files.is_empty() && !runs {
        found.add(Code::NoInit, path, "this engine runs no files at its first initialisation", "remove `init`");
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    for name in files.keys() {
        if name.is_empty() || name.len() > 253 || !name.chars().all(is_plain) || name.starts_with('.') {
            let reason = format!("`{name}` cannot be the name of an init file");
            found.add(
                Code::InitName,
                format!("{path}[{name}]"),
                reason,
                "use letters, digits, `-`, `_` and `.`, such as `01-schema.sql`",
            );
        }
    }
    judge_size(path, files, found);
    files.clone()
}

/// Judges a path inside a container.
pub fn judge_absolute(path: &str, place: &str, found: &mut Violations) {
    let whole = place.starts_with('/') && place.len() > 1 && !place.ends_with('/');
    let plain = place.split('/').skip(1).all(|part| !part.is_empty() && part != "." && part != "..");
    if !whole || !plain || place.contains(':') || place.contains('\0') {
        let fix = "write it like `/etc/app/app.toml`, without `..`, `//`, `:` and a `/` at the end";
        found.add(Code::FilePath, path, format!("`{place}` is not an absolute path inside a container"), fix);
    }
}

fn is_inside(place: &str, folder: &str) -> bool {
    place.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn judge_size(path: &str, files: &BTreeMap<String, String>, found: &mut Violations) {
    let bytes: usize = files.iter().map(|(name, text)| name.len() + text.len()).sum();
    if bytes > MOST_BYTES {
        let reason = format!("the files have {bytes} bytes together, and a ConfigMap holds {MOST_BYTES}");
        found.add(Code::FilesTooLarge, path, reason, "put large files into the image");
    }
}
