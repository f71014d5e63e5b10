//! A port of the cluster on this machine, by kubectl's own port-forward.
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};

use super::access::Connection;
use super::output::Outcome;

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

/// Forwards a port, such as of `service/orders`, until it is interrupted.
///
/// # Errors
/// When kubectl does not run.
pub fn forward(connection: &Connection, namespace: &str, target: &str, ports: (u16, u16)) -> Result<Outcome, String> {
    let mut kubectl = Command::new("kubectl");
    kubectl.args(connection.for_kubectl()).args(["-n", namespace, "port-forward", "--address", "127.0.0.1"]);
    kubectl.arg(target).arg(format!("{}:{}", ports.0, ports.1));
    let ended = kubectl.stdin(Stdio::null()).stdout(std::io::stderr()).status();
    let ended = ended.map_err(|error| format!("kubectl does not run ({error}); install it, or forward the port yourself"))?;
    Ok(if ended.success() { Outcome::Good } else { Outcome::Found })
}
