//! A backup of all that the API server knows, and its restore as the documentation of Kubernetes and etcd has it.

use std::path::{Path, PathBuf};

use crate::command::{command, run};
use crate::control_plane::ControlPlane;
use crate::{Error, files, parts};

/// How far the revisions jump: every watch from before ends and begins anew, though it has seen later ones than the backup.
const JUMP: &str = "1000000000";

/// A copy of etcd's database.
#[derive(Clone, Debug)]
pub struct Backup {
    database: PathBuf,
}

impl ControlPlane {
    /// Copies what etcd holds; API server and etcd stop for that moment.
    pub(crate) fn save(&self) -> Result<Backup, Error> {
        let backup = Backup { database: self.state.file("backup.db") };
        self.without_etcd(|data| run(command("cp", [data.join("member/snap/db")]).arg(&backup.database)).map(drop))?;
        Ok(backup)
    }

    /// Puts a backup in the place of what etcd holds.
    pub(crate) fn restore(&self, backup: &Backup) -> Result<(), Error> {
        let etcdutl = parts::provide("etcdutl")?;
        self.without_etcd(|data| {
            files::remove_folder(data)?;
            let mut restore = command(&etcdutl, ["snapshot", "restore", "--skip-hash-check", "--mark-compacted"]);
            restore.args(["--bump-revision", JUMP]).arg("--data-dir").arg(data).arg(&backup.database);
            restore.args(self.membership());
            run(&mut restore).map(drop)
        })
    }

    fn without_etcd(&self, act: impl FnOnce(&Path) -> Result<(), Error>) -> Result<(), Error> {
        self.stop_api_server()?;
        self.stop("etcd", "TERM")?;
        act(&self.etcd_data())?;
        self.start_etcd()?;
        self.start_api_server()
    }
}
