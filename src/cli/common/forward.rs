//! A port of the cluster on this machine, by kubectl's own port-forward.
use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;

use futures::future::select_all;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::access::{self, Connection};
use super::output::{self, Outcome};

/// A port on this machine that nobody uses.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| format!("there is no free port: {error}"))?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

/// Whether nobody uses a port on this machine.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// What is forwarded, and where to.
pub struct Way<'a> {
    /// Options of kubectl.
    pub connection: &'a Connection,
    /// Namespace of the target.
    pub namespace: &'a str,
    /// Such as `service/orders`.
    pub target: &'a str,
    /// Port on this machine, and the target's.
    pub ports: (u16, u16),
}

/// What kubectl says once the port answers.
const ANSWERS: &str = "Forwarding from";

/// Forwards a port until it is interrupted, and tells of it once the port answers. kubectl ends with this program.
///
/// # Errors
/// When kubectl does not run, or it cannot be told.
pub fn forward(way: &Way<'_>, tell: impl FnOnce() -> Result<(), String>) -> output::Result {
    let mut kubectl = Command::new("kubectl");
    kubectl.args(way.connection.for_kubectl()).args(["-n", way.namespace, "port-forward", "--address", "127.0.0.1"]);
    kubectl.arg(way.target).arg(format!("{}:{}", way.ports.0, way.ports.1));
    kubectl.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    access::block_on(async {
        let stop = [stop(SignalKind::interrupt())?, stop(SignalKind::terminate())?];
        let mut kubectl = kubectl
            .spawn()
            .map_err(|error| format!("kubectl does not run ({error}); install it, or forward the port yourself"))?;
        let told_to_stop = select_all(stop.map(|mut signal| Box::pin(async move { signal.recv().await })));
        let outcome = tokio::select! {
            outcome = follow(&mut kubectl, tell) => return outcome,
            _ = told_to_stop => Outcome::Good,
        };
        kubectl.kill().await.map_err(|error| format!("kubectl does not end: {error}"))?;
        Ok(outcome)
    })
}

fn stop(kind: SignalKind) -> Result<Signal, String> {
    signal(kind).map_err(|error| format!("it could not be interrupted: {error}"))
}

/// Repeats what kubectl says, until it ends.
async fn follow(kubectl: &mut Child, tell: impl FnOnce() -> Result<(), String>) -> output::Result {
    let mut tell = Some(tell);
    if let Some(said) = kubectl.stdout.take() {
        let mut lines = BufReader::new(said).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            eprintln!("{line}");
            if let Some(tell) = tell.take_if(|_| line.starts_with(ANSWERS)) {
                tell()?;
            }
        }
    }
    let ended = kubectl.wait().await.map_err(|error| format!("kubectl is lost: {error}"))?;
    Ok(if ended.success() { Outcome::Good } else { Outcome::Found })
}
