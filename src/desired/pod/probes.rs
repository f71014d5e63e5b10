//! Probes: readiness decides on traffic, liveness and startup on restarts.
use k8s_openapi::api::core::v1::{ExecAction, GRPCAction, HTTPGetAction, Probe as Sent, TCPSocketAction};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::desired::filled;
use crate::model::{Check, Database, Port, Probe, Service};

/// Longest time between start checks: nothing is ready sooner than the first that passes.
const STARTUP_PERIOD_SECONDS: i32 = 2;
const ENGINE_PERIOD_SECONDS: i32 = 5;
/// A check that starts a process takes long on a busy node.
const ENGINE_TIMEOUT_SECONDS: i32 = 5;
const ENGINE_FAILURES: i32 = 3;

pub fn ready(service: &Service) -> Option<Sent> {
    service.probes.ready.as_ref().map(|probe| sent(probe, &service.ports))
}

pub fn live(service: &Service) -> Option<Sent> {
    service.probes.live.as_ref().map(|probe| sent(probe, &service.ports))
}

/// The readiness check, often and until the start has taken too long.
pub fn startup(service: &Service) -> Option<Sent> {
    let (ready, seconds) = service.probes.ready.as_ref().zip(service.probes.startup_seconds)?;
    let period = ready.period.clamp(1, STARTUP_PERIOD_SECONDS);
    let failures = seconds.div_euclid(period) + i32::from(seconds.rem_euclid(period) > 0);
    let probe = Probe { period, failures: failures.max(1), ..ready.clone() };
    Some(sent(&probe, &service.ports))
}

/// An engine is never restarted by a check: recovery after a crash takes as long as it takes.
pub fn of_engine(database: &Database) -> Sent {
    let recipe = &database.recipe;
    let check = match recipe.member_ready.filter(|_| database.is_cluster()) {
        Some((port, path)) => Check::Http { path: path.to_owned(), port },
        None if recipe.ready.is_empty() => Check::Tcp(recipe.port),
        None => Check::Exec(recipe.ready.clone()),
    };
    let probe = Probe { check, period: ENGINE_PERIOD_SECONDS, timeout: ENGINE_TIMEOUT_SECONDS, failures: ENGINE_FAILURES };
    sent(&probe, &[])
}

fn sent(probe: &Probe, ports: &[Port]) -> Sent {
    Sent {
        period_seconds: Some(probe.period),
        timeout_seconds: Some(probe.timeout),
        failure_threshold: Some(probe.failures),
        ..action(&probe.check, ports)
    }
}

fn action(check: &Check, ports: &[Port]) -> Sent {
    match check {
        Check::Http { path, port } => Sent { http_get: Some(get(path, *port, ports)), ..Sent::default() },
        Check::Tcp(port) => Sent {
            tcp_socket: Some(TCPSocketAction { port: IntOrString::Int((*port).into()), ..TCPSocketAction::default() }),
            ..Sent::default()
        },
        Check::Grpc { service, port } => {
            Sent { grpc: Some(GRPCAction { port: (*port).into(), service: filled(service.clone()) }), ..Sent::default() }
        }
        Check::Exec(command) => Sent { exec: Some(ExecAction { command: Some(command.clone()) }), ..Sent::default() },
    }
}

fn get(path: &str, number: u16, ports: &[Port]) -> HTTPGetAction {
    let encrypted = ports.iter().any(|port| port.container == number && port.app_protocol.as_deref() == Some("https"));
    HTTPGetAction {
        path: Some(path.to_owned()),
        port: IntOrString::Int(number.into()),
        scheme: encrypted.then(|| "HTTPS".to_owned()),
        ..HTTPGetAction::default()
    }
}
