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
    /// Paths in the volume of which one is there once the data was initialised.
    #[arg(long, env = "MSTACK_PROOF", value_delimiter = ',')]
    proof: Vec<PathBuf>,
    /// Whether every instance but the first is a copy of it: an empty volume is filled from there, and initialises nothing.
    #[arg(long, env = "MSTACK_FOLLOWS")]
    follows: bool,
    /// Name of the pod, which ends in the number of the instance.
    #[arg(long, env = "POD_NAME", default_value = "")]
    pod: String,
}

impl Args {
    /// The record of this database, where the pod's name tells whose it is.
    fn record(&self) -> String {
        let base = self.pod.rsplit_once('-').map_or("<database>", |(base, _)| base);
        format!("{base}-identity")
    }

    fn is_copy(&self) -> bool {
        self.follows && self.pod.rsplit('-').next() != Some("0")
    }
}

/// Judges the volume, and marks an empty one.
///
/// # Errors
/// When the volume must not be opened: the first word is the reason.
pub fn run(args: &Args) -> Result<(), String> {
    judge(args).inspect_err(|message| {
        let _ = fs::write(TERMINATION_LOG, message);
    })
}

fn judge(args: &Args) -> Result<(), String> {
    let Args { path, identity, .. } = args;
    let marker = path.join(MARKER);
    match fs::read_to_string(&marker) {
        Ok(found) if found.trim() == identity => holds(args),
        Ok(found) => Err(format!(
            "DataMismatch: the volume holds the data {}, not {identity}; mount the volume that belongs to this database",
            found.trim()
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => initialise(args, &marker),
        Err(error) => {
            Err(format!("VolumeUnreadable: {}: {error}; check the user and group that the database runs as", marker.display()))
        }
    }
}

/// A volume that has its marker has its data too, once that was initialised: an engine would start anew without it.
fn holds(args: &Args) -> Result<(), String> {
    let Args { path, recorded, proof, .. } = args;
    let has_data = proof.is_empty() || proof.iter().any(|proof| path.join(proof).exists());
    if has_data || recorded.is_empty() || args.is_copy() {
        return Ok(());
    }
    let proof: Vec<_> = proof.iter().map(|proof| proof.display().to_string()).collect();
    Err(format!(
        "DataLost: the data {recorded} was initialised before, and the volume has no {} any more; restore it, or delete the record (the ConfigMap {}) and then this pod to start with empty data",
        proof.join(" or "),
        args.record()
    ))
}

fn initialise(args: &Args, marker: &Path) -> Result<(), String> {
    let Args { path, identity, recorded, .. } = args;
    if !recorded.is_empty() && !args.is_copy() {
        return Err(format!(
            "DataLost: the data {recorded} was initialised before, and this volume does not hold it; restore the volume, or delete the record (the ConfigMap {}) and then this pod to start with empty data",
            args.record()
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

    fn judged(path: &Path, identity: &str, recorded: &str) -> Result<(), String> {
        judge(&args(path, identity, recorded))
    }

    fn args(path: &Path, identity: &str, recorded: &str) -> Args {
        let [identity, recorded] = [identity, recorded].map(str::to_owned);
        Args { path: path.to_owned(), identity, recorded, proof: Vec::new(), follows: false, pod: String::new() }
    }

    #[test]
    fn rule_10_a_marked_volume_whose_data_is_gone_is_not_initialised_again() {
        let path = volume("proof");
        let judged = |recorded, pod: &str| {
            let proof = vec![PathBuf::from("pgdata/PG_VERSION")];
            judge(&Args { proof, follows: true, pod: pod.to_owned(), ..args(&path, "data-1", recorded) })
        };
        assert_eq!(judged("", "orders-0"), Ok(()), "before the first initialisation");
        let lost = judged("data-1", "orders-0");
        assert!(lost.as_ref().unwrap_err().contains("the ConfigMap orders-identity"), "{lost:?}");
        assert_eq!(first_word(lost), "DataLost");
        assert_eq!(judged("data-1", "orders-1"), Ok(()), "a copy is filled from the primary");
        fs::create_dir(path.join("pgdata")).unwrap();
        fs::write(path.join("pgdata/PG_VERSION"), "17").unwrap();
        assert_eq!(judged("data-1", "orders-0"), Ok(()));
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn rule_10_a_new_copy_starts_empty_and_a_folder_that_is_not_empty_is_never_made_one() {
        let path = volume("copy");
        let copy = |identity| Args { follows: true, pod: "orders-2".to_owned(), ..args(&path, identity, "data-1") };
        fs::write(path.join("PG_VERSION"), "17").unwrap();
        assert_eq!(first_word(judge(&copy("data-1"))), "DataMismatch");
        fs::remove_file(path.join("PG_VERSION")).unwrap();
        assert_eq!(judge(&copy("data-1")), Ok(()));
        assert_eq!(first_word(judge(&copy("data-2"))), "DataMismatch", "a copy follows no other identity");
        fs::remove_dir_all(path).unwrap();
    }

    fn first_word(result: Result<(), String>) -> String {
        result.unwrap_err().split(':').next().unwrap().to_owned()
    }

    #[test]
    fn rule_10_an_empty_volume_is_given_its_identity_once_and_opens_again_with_it() {
        let path = volume("first");
        assert_eq!(judged(&path, "data-1", ""), Ok(()));
        assert_eq!(judged(&path, "data-1", "data-1"), Ok(()));
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn rule_10_with_a_recorded_identity_nothing_initialises_an_empty_volume_again() {
        let path = volume("lost");
        assert_eq!(first_word(judged(&path, "data-1", "data-1")), "DataLost");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn rule_10_a_volume_of_other_data_is_not_opened() {
        let path = volume("other");
        judged(&path, "data-2", "").unwrap();
        assert_eq!(first_word(judged(&path, "data-1", "")), "DataMismatch");
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn rule_10_a_volume_with_files_and_without_identity_is_not_opened() {
        let path = volume("files");
        fs::write(path.join("PG_VERSION"), "17").unwrap();
        assert_eq!(first_word(judged(&path, "data-1", "")), "DataMismatch");
        fs::remove_dir_all(path).unwrap();
    }
}
