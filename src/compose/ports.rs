//! Ports of a service: which ones it listens on, and which are published on the machine.
use super::notes::{Notes, Place};
use super::tree::Item;

/// Most ports of a service.
pub const MOST: usize = 16;

/// One port of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its number; others reach it under the same.
    pub number: u16,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: &'static str,
    /// Where it is published.
    pub published: Published,
    /// Where it is written.
    pub place: Place,
}

/// Where a port is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// Nowhere.
    No,
    /// For the machine itself.
    Local,
    /// For everybody.
    Yes,
}

/// The ports of a service; the published ones first, each once.
pub fn of(service: &Item, path: &str, notes: &mut Notes) -> Vec<Port> {
    let mut ports: Vec<Port> = Vec::new();
    for (key, exposed) in [("ports", false), ("expose", true)] {
        for item in service.get(key).map(Item::items).unwrap_or_default() {
            let found = match item.text() {
                Some(text) => short(text, exposed, &item.place),
                None => long(item),
            };
            let Some(found) = found else {
                let written = item.text().unwrap_or("the long form").to_owned();
                notes.left(&item.place, format!("{path}.{key}"), format!("`{written}` is no port"), "write the `port`");
                continue;
            };
            for port in found {
                add(&mut ports, port);
            }
        }
    }
    if ports.len() > MOST {
        let what = format!("it has {} ports, and {MOST} fit", ports.len());
        notes.left(&ports[MOST].place.clone(), format!("{path}.ports"), what, "split the service");
        ports.truncate(MOST);
    }
    ports
}

/// Adds a port, or publishes the one that is known.
pub fn add(ports: &mut Vec<Port>, port: Port) {
    match ports.iter_mut().find(|known| (known.number, known.protocol) == (port.number, port.protocol)) {
        Some(known) if known.published == Published::No => known.published = port.published,
        Some(_) => {}
        None => ports.push(port),
    }
}

/// `[ADDRESS:][PUBLISHED:]TARGET[/PROTOCOL]`, where numbers may be ranges.
fn short(text: &str, exposed: bool, place: &Place) -> Option<Vec<Port>> {
    let (numbers, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let (before, target) = numbers.rsplit_once(':').map_or((None, numbers), |(before, target)| (Some(before), target));
    let local = before
        .is_some_and(|before| before.starts_with("127.") || before.starts_with("[::1]") || before.starts_with("localhost:"));
    let published = match (exposed, local) {
        (true, _) => Published::No,
        (_, true) => Published::Local,
        _ => Published::Yes,
    };
    let (first, last) = target.split_once('-').unwrap_or((target, target));
    let (first, last) = (first.parse::<u16>().ok().filter(|first| *first > 0)?, last.parse::<u16>().ok()?);
    let protocol = transport(protocol)?;
    Some((first..=last).map(|number| Port { number, protocol, published: published.clone(), place: place.clone() }).collect())
}

fn long(item: &Item) -> Option<Vec<Port>> {
    let number = item.text_of("target")?.parse().ok()?;
    let local = item.text_of("host_ip").is_some_and(|address| address.starts_with("127.") || address == "::1");
    let published = if local { Published::Local } else { Published::Yes };
    let protocol = transport(item.text_of("protocol").unwrap_or("tcp"))?;
    Some(vec![Port { number, protocol, published, place: item.place.clone() }])
}

fn transport(protocol: &str) -> Option<&'static str> {
    ["TCP", "UDP", "SCTP"].into_iter().find(|known| known.eq_ignore_ascii_case(protocol))
}

/// Names of ports: the first TCP one is `http`, for it is what the variables without a port's name speak of.
pub fn named(ports: &[Port]) -> Vec<(String, &Port)> {
    let main = ports.iter().position(|port| port.protocol == "TCP");
    let name = |(n, port): (usize, &Port)| match (Some(n) == main, port.protocol) {
        (true, _) => "http".to_owned(),
        (_, "TCP") => format!("port-{}", port.number),
        (_, other) => format!("{}-{}", other.to_ascii_lowercase(), port.number),
    };
    ports.iter().enumerate().map(|(n, port)| (name((n, port)), port)).collect()
}

/// The main port: the first of TCP.
pub fn main(ports: &[Port]) -> Option<u16> {
    ports.iter().find(|port| port.protocol == "TCP").or(ports.first()).map(|port| port.number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_has_addresses_ranges_and_protocols() {
        let place = Place { file: "f".into(), line: 1 };
        let read = |text: &str| {
            let ports = short(text, false, &place)?;
            Some(ports.into_iter().map(|port| (port.number, port.protocol, port.published)).collect::<Vec<_>>())
        };
        assert_eq!(read("80"), Some(vec![(80, "TCP", Published::Yes)]));
        assert_eq!(read("8080:80"), Some(vec![(80, "TCP", Published::Yes)]));
        assert_eq!(read("127.0.0.1:5432:5432"), Some(vec![(5432, "TCP", Published::Local)]));
        assert_eq!(read("[::1]:53:53/udp"), Some(vec![(53, "UDP", Published::Local)]));
        assert_eq!(read("9000-9001:8000-8001").unwrap().iter().map(|port| port.0).collect::<Vec<_>>(), [8000, 8001]);
        assert_eq!((read("web"), read("0"), read("80/http")), (None, None, None));
    }
}
