//! `mstack volume-guard`: runs before a database opens its volume. An empty volume is given its identity once; with a
//! recorded identity, nothing initialises an empty volume again (rule 10).
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

const MARKER: &str = ".mstack-identity";
const DRAFT: &str = ".mstack-identity.new";
const TERMINATION_LOG: &str = "/dev/termination-log";

/// Options of `mstack volume-guard`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder that the volume is mounted at.
    #[arg(long)]
    path: PathBuf,
    /// Identity of the data that the volume must hold.
    #[arg(long)]
    identity: String,
    /// Identity that was recorded when the data had been initialised; empty or absent before.
    #[arg(long, env = "MSTACK_RECORDED_IDENTITY", default_value = "")]
    recorded: String,
}

/// Judges the volume, and marks an empty one.
///
/// # Errors
/// When the volume must not be opened: the first word is the reason.
pub fn run(args: &Args) -> Result<(), String> {
    judge(&args.path, &args.identity, &args.recorded).inspect_err(|message| {
        let _ = fs::write(TERMINATION_LOG, message);
    })
}

fn judge(path: &Path, identity: &str, recorded: &str) -> Result<(), String> {
    let marker = path.join(MARKER);
    match fs::read_to_string(&marker) {
        Ok(found) if found.trim() == identity => Ok(()),
        Ok(found) => Err(format!(
            "DataMismatch: the volume holds the data {}, not {identity}; mount the volume that belongs to this database",
            found.trim()
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => initialise(path, &marker, identity, recorded),
        Err(error) => {
            Err(format!("VolumeUnreadable: {}: {error}; check the user and group that the database runs as", marker.display()))
        }
    }
}

fn initialise(path: &Path, marker: &Path, identity: &str, recorded: &str) -> Result<(), String> {
    if !recorded.is_empty() {
        return Err(format!(
            "DataLost: the data {recorded} was initialised before, and this volume does not hold it; restore the volume, or delete the record (the ConfigMap <database>-identity) to start with empty data"
        ));
    }
    let entries = fs::read_dir(path).map_err(|error| format!("VolumeUnreadable: {}: {error}", path.display()))?;
    let is_foreign = |name: &OsString| name != "lost+found" && name != DRAFT;
    let foreign: Vec<_> = entries.flatten().map(|entry| entry.file_name()).filter(is_foreign).collect();
    if let Some(name) = foreign.first() {
        return Err(format!(
            "DataMismatch: the volume is not empty ({} and {} more) and has no identity; write {identity} into {MARKER} if it is this database's data",
            name.display(),
            foreign.len() - 1
        ));
    }
    mark(path, marker, identity).map_err(|error| {
        format!("VolumeUnreadable: {}: {error}; check the user and group that the database runs as", marker.display())
    })
}

/// Writes the marker whole or not at all, also when the node loses power.
fn mark(path: &Path, marker: &Path, identity: &str) -> std::io::Result<()> {
    let draft = path.join(DRAFT);
    let mut file = fs::File::create(&draft)?;
    file.write_all(identity.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, marker)?;
    fs::File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("mstack-guard-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn first_word(result: Result<(), String>) -> String {
        result.unwrap_err().split(':').next().unwrap().to_owned()
    }

    #[test]
    fn rule_10_an_empty_volume_is_given_its_identity_once_and_opens_again_with_it() {
        let path = volume("first");
        assert_eq!(judge(&path, "data-1", ""), Ok(()));
        assert_eq!(judge(&path, "data-1", "data-1"), Ok(()));
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn rule_10_with_a_recorded_identity_nothing_initialises_an_empty_volume_again() {
        let path = volume("lost");
        assert_eq!(first_word(judge(&path, "data-1", "data-1")), "DataLost");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn rule_10_a_volume_of_other_data_is_not_opened() {
        let path = volume("other");
        judge(&path, "data-2", "").unwrap();
        assert_eq!(first_word(judge(&path, "data-1", "")), "DataMismatch");
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn rule_10_a_volume_with_files_and_without_identity_is_not_opened() {
        let path = volume("files");
        fs::write(path.join("PG_VERSION"), "17").unwrap();
        assert_eq!(first_word(judge(&path, "data-1", "")), "DataMismatch");
        fs::remove_dir_all(path).unwrap();
    }
}
