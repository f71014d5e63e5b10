//! Where the cluster keeps its files, and file operations whose errors name the file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::Error;

/// The folder for what is built once and kept: binaries, images.
pub(crate) fn cache() -> PathBuf {
    base("XDG_CACHE_HOME", ".cache").join("mstack-cluster")
}

/// The folder that holds one folder per cluster.
pub(crate) fn states() -> PathBuf {
    base("XDG_STATE_HOME", ".local/state").join("mstack-cluster")
}

fn base(variable: &str, below_home: &str) -> PathBuf {
    std::env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/root".into())).join(below_home), PathBuf::from)
}

fn named(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { action, path, source }
}

pub(crate) fn make_folder(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(named("create", path))
}

pub(crate) fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(named("read", path))
}

pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Error> {
    if let Some(parent) = path.parent() {
        make_folder(parent)?;
    }
    fs::write(path, content).map_err(named("write", path))
}

pub(crate) fn write_json(path: &Path, value: &serde_json::Value) -> Result<(), Error> {
    write(path, format!("{value:#}\n"))
}

/// Writes a file that only its owner may read: keys and credentials.
pub(crate) fn write_secret(path: &Path, content: &str) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    // Whole or not at all: a process that has started with the former content may read it now.
    let draft = path.with_extension("new");
    write(&draft, content)?;
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o600)).map_err(named("protect", &draft))?;
    fs::rename(&draft, path).map_err(named("write", path))
}

pub(crate) fn make_executable(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(named("make executable", path))
}

pub(crate) fn append_line(path: &Path, line: &str) -> Result<(), Error> {
    use std::io::Write;
    // In one write: nodes start at the same time, and half lines of two would mix.
    open_to_append(path)?.write_all(format!("{line}\n").as_bytes()).map_err(named("write", path))
}

pub(crate) fn open_to_append(path: &Path) -> Result<fs::File, Error> {
    if let Some(parent) = path.parent() {
        make_folder(parent)?;
    }
    fs::OpenOptions::new().create(true).append(true).open(path).map_err(named("open", path))
}

/// Removes a folder with everything below it; a missing one is fine.
pub(crate) fn remove_folder(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(named("remove", path)(error)),
        _ => Ok(()),
    }
}

pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    if let Some(parent) = to.parent() {
        make_folder(parent)?;
    }
    fs::rename(from, to).map_err(named("create", to))
}

/// The names in a folder, sorted; none when there is no such folder.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The last `lines` lines of a file, for error messages.
pub(crate) fn tail(path: &Path, lines: usize) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    last_lines(&text, lines)
}

pub(crate) fn last_lines(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// Holds the exclusive lock on a file until dropped, across processes.
pub(crate) fn lock(path: &Path) -> Result<fs::File, Error> {
    let file = open_to_append(path)?;
    if file.try_lock().is_err() {
        eprintln!("waiting for another process that holds {} ...", path.display());
        file.lock().map_err(named("lock", path))?;
    }
    Ok(file)
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_appended_at_the_same_time_stay_whole() {
        let path = std::env::temp_dir().join(format!("mstack-lines-{}", std::process::id()));
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let path = &path;
                scope.spawn(move || (0..200).for_each(|line| append_line(path, &format!("{writer}-{line}")).unwrap()));
            }
        });
        let written = read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(written.lines().count(), 8 * 200);
        assert!(written.lines().all(|line| line.matches('-').count() == 1), "{written}");
    }
}
