//! The folder of one cluster: what was started, under which ports, and where its files are.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::command::{command, run};
use crate::{Error, files, kubeconfig, pki, process};

/// Held while a user's certificate is made and put into a kubeconfig.
static ISSUING: Mutex<()> = Mutex::new(());
const TEARDOWN: &str = include_str!("teardown.sh");
/// Names the process with which the cluster ends; clusters of the command line have none.
const OWNER: &str = "owner";
const FIRST_PORT: u16 = 20_000;
const PORTS_PER_CLUSTER: u16 = 10;
const BLOCKS: u16 = 100;

/// The state folder of one cluster.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// Name of the cluster.
    pub(crate) name: String,
    /// Its folder; everything below it belongs to this cluster.
    pub(crate) folder: PathBuf,
    /// Which block of ports and addresses it has.
    pub(crate) block: u16,
}

impl State {
    /// Makes the folder of a new cluster and reserves its ports; whatever was left under this name is ended first.
    pub(crate) fn create(name: &str) -> Result<Self, Error> {
        check_name(name)?;
        end_abandoned();
        let folder = files::states().join(name);
        teardown(&folder)?;
        files::make_folder(&folder)?;
        let state = Self { name: name.to_owned(), block: reserve(&folder)?, folder };
        files::write_json(&state.file("cluster.json"), &json!({ "block": state.block }))?;
        state.note("reservation", &mark(state.block).to_string_lossy())?;
        Ok(state)
    }

    /// The state of an existing cluster.
    pub(crate) fn open(name: &str) -> Result<Self, Error> {
        let folder = files::states().join(name);
        let recorded = files::read(&folder.join("cluster.json")).map_err(|_| {
            Error::request(format!("there is no cluster `{name}`"), "`cluster status` lists them, `cluster up` makes one")
        })?;
        let recorded: Value = serde_json::from_str(&recorded).unwrap_or_default();
        let block = recorded["block"].as_u64().and_then(|block| u16::try_from(block).ok()).unwrap_or_default();
        Ok(Self { name: name.to_owned(), folder, block })
    }

    /// Every cluster on this machine.
    pub(crate) fn all() -> Vec<Self> {
        let names = files::names_in(&files::states()).into_iter().filter(|name| !name.starts_with('.'));
        names.filter_map(|name| Self::open(&name).ok()).collect()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.file("kubeconfig")
    }

    pub(crate) fn log(&self, part: &str) -> PathBuf {
        self.file("logs").join(format!("{part}.log"))
    }

    pub(crate) fn authority(&self) -> pki::Authority {
        pki::Authority::open(&self.file("pki"))
    }

    /// The `index`th port of this cluster.
    pub(crate) fn port(&self, index: u16) -> u16 {
        port(self.block, index)
    }

    /// The start of all addresses that belong to this cluster alone, `10.N.`.
    pub(crate) fn network(&self) -> String {
        network(self.block)
    }

    /// Notes something that the teardown has to remove: a line in the list of this kind.
    pub(crate) fn note(&self, list: &str, line: &str) -> Result<(), Error> {
        files::append_line(&self.file(list), line)
    }

    /// Writes a kubeconfig for a user and returns its path.
    pub(crate) fn kubeconfig_for(&self, user: &str, groups: &[&str], server: &str) -> Result<PathBuf, Error> {
        // Nodes ask for the same user at the same time, and a certificate and its key belong together.
        let _alone = ISSUING.lock().unwrap_or_else(PoisonError::into_inner);
        let certificate = self.authority().issue(&file_name(user), &pki::Identity { user, groups, hosts: &[] })?;
        let path = self.file("kubeconfigs").join(file_name(user));
        kubeconfig::write(&path, &self.name, server, &self.authority(), &certificate)?;
        Ok(path)
    }

    /// Starts a part that keeps running, with its output in its log.
    pub(crate) fn start(&self, part: &str, command: &Command) -> Result<(), Error> {
        let started = process::start(part, command, &self.log(part))?;
        self.note("processes", &started.to_string())
    }

    /// The processes that were started, the newest of each name.
    pub(crate) fn processes(&self) -> Vec<process::Process> {
        let lines = files::read(&self.file("processes")).unwrap_or_default();
        let mut newest: Vec<process::Process> = Vec::new();
        for process in lines.lines().filter_map(process::Process::parse) {
            newest.retain(|known| known.name != process.name);
            newest.push(process);
        }
        newest
    }

    /// Whether everything that was started still runs and the cluster was once complete.
    pub(crate) fn is_healthy(&self) -> bool {
        self.file("ready").exists() && self.processes().iter().all(process::Process::is_running)
    }

    /// Whether containers run on it.
    pub(crate) fn has_real_nodes(&self) -> bool {
        self.file("nodes").exists()
    }

    /// The API server's URL, as the administrator's kubeconfig has it.
    pub(crate) fn server(&self) -> Result<String, Error> {
        let kubeconfig: Value = serde_json::from_str(&files::read(&self.kubeconfig())?).unwrap_or_default();
        Ok(kubeconfig["clusters"][0]["cluster"]["server"].as_str().unwrap_or_default().to_owned())
    }

    /// Fails with the end of the log when the part is not running any more.
    pub(crate) fn check_running(&self, part: &str) -> Result<(), Error> {
        if self.processes().iter().any(|process| process.name == part && process.is_running()) {
            return Ok(());
        }
        let log = self.log(part);
        Err(Error::Ended { part: part.to_owned(), tail: files::tail(&log, 15), log })
    }
}

/// Ends everything of the cluster in `folder` and removes the folder; a missing folder is fine.
pub(crate) fn teardown(folder: &Path) -> Result<(), Error> {
    if folder.exists() { run(&mut teardown_command(folder)).map(drop) } else { Ok(()) }
}

fn teardown_command(folder: &Path) -> Command {
    let mut sh = command("sh", ["-c", TEARDOWN, "teardown"]);
    sh.arg(folder);
    sh
}

/// Ends clusters whose owner died together with their guard.
fn end_abandoned() {
    for state in State::all() {
        let owner = files::read(&state.file(OWNER)).ok().as_deref().and_then(process::Process::parse);
        if owner.is_some_and(|owner| !owner.is_running()) {
            // Whoever else notices may be ending it just now; what is left is found the next time.
            drop(teardown(&state.folder));
        }
    }
}

/// A process that ends the cluster in `folder` as soon as its standard input closes: at the latest with our own death.
pub(crate) fn guard(folder: &Path) -> Result<std::process::Child, Error> {
    files::write(&folder.join(OWNER), process::Process::current().to_string())?;
    let script = format!("cat > /dev/null\n{TEARDOWN}");
    command("setsid", ["sh", "-c", &script, "teardown"])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| Error::machine(format!("cannot start `setsid sh`: {error}"), "apt-get install util-linux"))
}

fn check_name(name: &str) -> Result<(), Error> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.is_empty() && name.len() <= 40 && name.chars().all(plain) && !name.starts_with('-') {
        return Ok(());
    }
    Err(Error::request(format!("`{name}` cannot be the name of a cluster"), "use up to 40 lower-case letters, digits and dashes"))
}

fn file_name(user: &str) -> String {
    user.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

fn port(block: u16, index: u16) -> u16 {
    FIRST_PORT + block * PORTS_PER_CLUSTER + index
}

fn network(block: u16) -> String {
    format!("10.{}.", 100 + block)
}

/// Takes the first block that no living cluster holds and whose ports and addresses are free.
fn reserve(folder: &Path) -> Result<u16, Error> {
    let blocks = files::states().join(".blocks");
    files::make_folder(&blocks)?;
    let _lock = files::lock(&blocks.join("lock"))?;
    let routes = run(&mut command("ip", ["-4", "route", "show"])).unwrap_or_default();
    for block in 0..BLOCKS {
        let mark = mark(block);
        let holder = files::read(&mark).unwrap_or_default();
        let is_held = !holder.is_empty() && Path::new(holder.trim()).exists();
        let has_route = routes.lines().any(|route| route.starts_with(&network(block)));
        if is_held || has_route || !(0..PORTS_PER_CLUSTER).all(|index| is_free(port(block, index))) {
            continue;
        }
        files::write(&mark, folder.to_string_lossy().as_bytes())?;
        return Ok(block);
    }
    Err(Error::request("there are too many clusters on this machine", "`cluster down --all` ends them"))
}

/// The file that marks a block as taken; it names the folder of the cluster that has it.
fn mark(block: u16) -> PathBuf {
    files::states().join(".blocks").join(block.to_string())
}

fn is_free(port: u16) -> bool {
    std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_clusters_never_share_a_port() {
        assert!(port(1, 0) > port(0, PORTS_PER_CLUSTER - 1));
        assert!(port(BLOCKS, 0) < 32_768, "ports stay below the range of outgoing connections");
    }

    #[test]
    fn a_name_that_is_no_folder_name_is_refused() {
        for bad in ["", "../x", "A", "-x", "a b"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        assert!(check_name("demo-1").is_ok());
    }
}
