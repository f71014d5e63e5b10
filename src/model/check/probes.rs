//! Checks of instances: readiness, liveness, and the time that a start may take.
use super::super::{Check, Port, Probe, Probes, Violations};
use super::{duration, ports};
use crate::api;
use crate::codes::Code;

const PERIOD: i32 = 10;
const TIMEOUT: i32 = 1;
const FAILURES: i32 = 3;

/// The checks of a service.
pub fn check(path: &str, service: &api::Service, ports: &[Port], found: &mut Violations) -> Probes {
    if service.health.is_some() && service.ready.is_some() {
        found.add(
            Code::HealthAndReady,
            format!("{path}.health"),
            "`health` is the short form of `ready`, and both are given",
            "keep one of them",
        );
    }
    let health = service.health.as_ref();
    let startup = health.and_then(|health| health.startup.as_deref());
    let ready = match health {
        Some(health) => probe(&format!("{path}.health"), &health.probe, ports, found),
        None => service.ready.as_ref().and_then(|ready| probe(&format!("{path}.ready"), ready, ports, found)),
    };
    Probes {
        ready,
        live: service.live.as_ref().and_then(|live| probe(&format!("{path}.live"), live, ports, found)),
        startup_seconds: startup.map(|text| duration::seconds(&format!("{path}.health.startup"), text, found)),
    }
}

fn probe(path: &str, written: &api::Probe, ports: &[Port], found: &mut Violations) -> Option<Probe> {
    let mut time = |field: &str, text: &Option<String>, default: i32| match text {
        Some(text) => duration::seconds(&format!("{path}.{field}"), text, found),
        None => default,
    };
    let period = time("period", &written.period, PERIOD);
    let timeout = time("timeout", &written.timeout, TIMEOUT);
    let failures = written.failures.unwrap_or(FAILURES);
    if !(1..=1000).contains(&failures) {
        found.add(
            Code::CheckFailures,
            format!("{path}.failures"),
            format!("{failures} is not a count of failures"),
            "choose one from 1 to 1000",
        );
    }
    let check = the_check(path, written, ports, found)?;
    Some(Probe { check, period, timeout, failures })
}

fn the_check(path: &str, written: &api::Probe, ports: &[Port], found: &mut Violations) -> Option<Check> {
    let mut port = || ports::resolve(path, written.port.as_deref(), ports, found).map(|port| port.container);
    match (&written.http, written.tcp.unwrap_or_default(), &written.grpc, &written.exec) {
        (Some(http), false, None, None) => {
            let port = port();
            if !http.starts_with('/') {
                found.add(
                    Code::CheckPath,
                    format!("{path}.http"),
                    format!("`{http}` is not an absolute path"),
                    "start it with `/`",
                );
            }
            port.map(|port| Check::Http { path: http.clone(), port })
        }
        (None, true, None, None) => port().map(Check::Tcp),
        (None, false, Some(service), None) => port().map(|port| Check::Grpc { service: service.clone(), port }),
        (None, false, None, Some(command)) => {
            if command.is_empty() {
                found.add(
                    Code::EmptyCheck,
                    format!("{path}.exec"),
                    "the command is empty",
                    "write it as a list, such as [\"/app\", \"check\"]",
                );
            }
            if written.port.is_some() {
                found.add(Code::CheckNeedsNoPort, format!("{path}.port"), "a command needs no port", "remove `port`");
            }
            Some(Check::Exec(command.clone()))
        }
        (None, false, None, None) => {
            found.add(
                Code::OneCheck,
                path,
                "it does not say how to check",
                "give one of `http: /path`, `tcp: true`, `grpc: \"\"` and `exec: [...]`",
            );
            None
        }
        _ => {
            found.add(Code::OneCheck, path, "it says several ways to check", "keep one of `http`, `tcp`, `grpc` and `exec`");
            None
        }
    }
}
