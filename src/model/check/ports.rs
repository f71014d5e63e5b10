//! Ports, each written `[SERVICE:]CONTAINER[/PROTOCOL]`, as Compose writes them.
use std::collections::BTreeMap;

use super::super::{PodPort, Port, Violations};
use super::spelling;
use crate::api;
use crate::api::{StackSpec, Text};
use crate::codes::Code;

/// Name of the port that is written in the short form.
const SHORT: &str = "http";
/// Protocol in the spec, transport, `appProtocol`.
const PROTOCOLS: [(&str, &str, Option<&str>); 9] = [
    ("tcp", "TCP", None),
    ("udp", "UDP", None),
    ("sctp", "SCTP", None),
    ("http", "TCP", Some("http")),
    ("https", "TCP", Some("https")),
    ("grpc", "TCP", Some("grpc")),
    ("h2c", "TCP", Some("kubernetes.io/h2c")),
    ("ws", "TCP", Some("kubernetes.io/ws")),
    ("wss", "TCP", Some("kubernetes.io/wss")),
];

/// The ports of all services, the main one first.
pub fn check_all<'a>(spec: &'a StackSpec, found: &mut Violations) -> BTreeMap<&'a str, Vec<Port>> {
    let check =
        |(name, service): (&'a String, &api::Service)| (name.as_str(), check(&format!("spec.services.{name}"), service, found));
    spec.services.iter().map(check).collect()
}

fn check(path: &str, service: &api::Service, found: &mut Violations) -> Vec<Port> {
    let mut ports = Vec::new();
    if let Some(port) = &service.port {
        ports.extend(parse(&format!("{path}.port"), SHORT, port, found));
        if service.ports.is_some() {
            found.add(
                Code::PortAndPorts,
                format!("{path}.port"),
                "`port` is the short form of `ports`, and both are given",
                "keep one of them",
            );
        }
    }
    for (name, port) in service.ports.iter().flatten() {
        let path = format!("{path}.ports.{name}");
        if !spelling::is_port_name(name) {
            let reason = format!("`{name}` is not a name for a port");
            found.add(
                Code::PortName,
                &path,
                reason,
                "use at most 15 lower-case letters, digits and single `-`, among them a letter",
            );
        }
        ports.extend(parse(&path, name, port, found));
    }
    ports.sort_by_key(|port| port.name != SHORT);
    judge_twice(&format!("{path}.ports"), &ports, found);
    ports
}

fn parse(path: &str, name: &str, written: &Text, found: &mut Violations) -> Option<Port> {
    let (numbers, protocol) = written.0.split_once('/').unwrap_or((&written.0, "tcp"));
    let (service, container) = numbers.split_once(':').unwrap_or((numbers, numbers));
    let row = PROTOCOLS.iter().find(|(written, ..)| written.eq_ignore_ascii_case(protocol));
    if row.is_none() {
        let known = PROTOCOLS.iter().map(|(name, ..)| *name);
        let fix =
            spelling::did_you_mean(&protocol.to_lowercase(), known, "use tcp, udp, sctp, http, https, grpc, h2c, ws or wss");
        found.add(Code::UnknownProtocol, path, format!("`{protocol}` is not a protocol that is known"), fix);
    }
    let (service, container) = (number(service), number(container));
    if service.is_none() || container.is_none() {
        found.add(
            Code::BadPort,
            path,
            format!("`{written}` is not a port"),
            "write `[SERVICE:]CONTAINER[/PROTOCOL]` with numbers from 1 to 65535, such as `8080`, `80:8080` or `6831/UDP`",
        );
    }
    let &(_, protocol, app_protocol) = row?;
    Some(Port {
        name: name.to_owned(),
        service: service?,
        container: container?,
        protocol,
        app_protocol: app_protocol.map(str::to_owned),
    })
}

/// A port outside of the stack, written `NUMBER[/PROTOCOL]` with a transport protocol.
pub fn outside(path: &str, written: &Text, found: &mut Violations) -> Option<PodPort> {
    let (digits, protocol) = written.0.split_once('/').unwrap_or((&written.0, "tcp"));
    let transport = PROTOCOLS.iter().filter(|(_, _, application)| application.is_none());
    let protocol = transport.map(|(name, transport, _)| (name, *transport)).find(|(name, _)| name.eq_ignore_ascii_case(protocol));
    let (Some(number), Some((_, protocol))) = (number(digits), protocol) else {
        let fix = "write `NUMBER[/PROTOCOL]` with a number from 1 to 65535 and TCP, UDP or SCTP, such as `443` or `6831/UDP`";
        found.add(Code::BadPort, path, format!("`{written}` is not a port to call"), fix);
        return None;
    };
    Some((number, protocol))
}

/// Finds a port by its name.
pub fn named<'p>(path: &str, wanted: &str, ports: &'p [Port], found: &mut Violations) -> Option<&'p Port> {
    let port = ports.iter().find(|port| port.name == wanted);
    if port.is_none() && !ports.is_empty() {
        let names = || ports.iter().map(|port| port.name.as_str());
        let fix = spelling::did_you_mean(wanted, names(), &format!("choose one of {}", quoted(names())));
        found.add(Code::UnknownPort, path, format!("`{wanted}` is not a port of this service"), fix);
    }
    port
}

fn number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|&number| digits && number > 0)
}

fn judge_twice(path: &str, ports: &[Port], found: &mut Violations) {
    for (n, port) in ports.iter().enumerate() {
        let before = ports[..n].iter().filter(|other| other.protocol == port.protocol);
        for other in before {
            let what = match (other.service == port.service, other.container == port.container) {
                (true, _) => format!("port {} of the Service", port.service),
                (_, true) => format!("port {} of the container", port.container),
                _ => continue,
            };
            let reason = format!("{what} is taken by `{}` already", other.name);
            found.add(
                Code::PortTwice,
                format!("{path}.{}", port.name),
                reason,
                "choose another number, or remove one of the two",
            );
        }
    }
}

/// Finds the port that something refers to: by name, or the only one, or the one called `http`.
pub fn resolve<'p>(path: &str, wanted: Option<&str>, ports: &'p [Port], found: &mut Violations) -> Option<&'p Port> {
    let names = || ports.iter().map(|port| port.name.as_str());
    let port = match (wanted, ports) {
        (_, []) => {
            found.add(Code::NoPort, path, "the service has no port", "add the `port` that it listens on");
            return None;
        }
        (Some(wanted), _) => named(&format!("{path}.port"), wanted, ports, found)?,
        (None, _) => {
            let port = super::super::discovery::main_port(ports);
            if port.is_none() {
                let reason = "the service has several ports and none is called `http`, so it is open which one is meant";
                found.add(Code::AmbiguousPort, format!("{path}.port"), reason, format!("choose one of {}", quoted(names())));
            }
            port?
        }
    };
    if port.protocol != "TCP" {
        let reason = format!("`{}` is a {} port, and this needs TCP", port.name, port.protocol);
        found.add(Code::NotTcp, format!("{path}.port"), reason, "name a TCP port");
    }
    Some(port)
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
