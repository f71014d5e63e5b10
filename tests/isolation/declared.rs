//! What a spec declares, read from the spec alone: the other opinion beside the rendered policies.
use mstack::api::{Egress, Engine, Isolation, Peer, StackSpec};

use crate::evaluator::{Place, is_in};

/// A component of a stack, one of its migrations, tests and jobs by kind and name, or somebody else.
pub enum Who<'a> {
    Component(&'a str),
    Task(&'a str, &'a str),
    Stranger,
}

impl Who<'_> {
    /// What it uses.
    fn uses<'a>(&self, spec: &'a StackSpec) -> Vec<&'a String> {
        let of_service = |name: &str| spec.services.get(name).map(|service| [&service.uses, &service.uses_optional]);
        match self {
            Self::Component(name) | Self::Task("migrate", name) => {
                of_service(name).into_iter().flatten().flatten().flatten().collect()
            }
            Self::Task("test", name) => spec.tests[*name].task.uses.iter().flatten().collect(),
            Self::Task(_, name) => spec.jobs[*name].uses.iter().flatten().collect(),
            Self::Stranger => Vec::new(),
        }
    }

    /// What it may call outside of the stack.
    fn egress<'a>(&self, spec: &'a StackSpec) -> Option<&'a Vec<Egress>> {
        let own = match self {
            Self::Component(name) | Self::Task("migrate", name) => {
                spec.services.get(*name).and_then(|service| service.egress.as_ref())
            }
            Self::Task(..) => None,
            Self::Stranger => return None,
        };
        own.or(spec.egress.as_ref())
    }
}

/// A port, and how it is written.
pub type Port = (u16, &'static str);

/// Whether a spec lets one place call a port of another; either may be a component of this stack.
pub fn may_call(spec: &StackSpec, namespace: &str, from: (&Who, &Place), to: (&Who, &Place), port: Port) -> bool {
    if spec.isolation == Some(Isolation::Open) {
        return true;
    }
    lets_out(spec, namespace, from, to, port) && lets_in(spec, namespace, from, to, port)
}

fn lets_in(spec: &StackSpec, namespace: &str, from: (&Who, &Place), to: (&Who, &Place), port: Port) -> bool {
    let target = match to.0 {
        Who::Component(target) => target,
        Who::Task(..) => return false,
        Who::Stranger => return true,
    };
    let is_itself = matches!(from.0, Who::Component(caller) if caller == target);
    let uses = from.0.uses(spec).into_iter().any(|used| used == target);
    if is_itself || uses && ports(spec, target).iter().any(|(_, own)| *own == port) {
        return true;
    }
    let is = |peer: &Peer| is_peer(peer, namespace, from.1);
    let Some(service) = spec.services.get(*target) else {
        let door = spec.databases[*target].allow_from.iter().flatten().any(is);
        return door && ports(spec, target).iter().any(|(_, own)| *own == port);
    };
    let main = || named(spec, target, "http").or_else(|| ports(spec, target).pop().map(|(_, port)| port));
    let leads_to = |name: &Option<String>| name.as_ref().map_or_else(main, |name| named(spec, target, name));
    let exposed = service.expose.iter().flatten().any(|expose| leads_to(&expose.port) == Some(port));
    let narrowed = spec.routing.as_ref().and_then(|routing| routing.from.as_ref());
    let door = service.allow_from.iter().flatten().filter(|allowed| is(&allowed.peer)).any(|allowed| match &allowed.ports {
        Some(names) => names.iter().any(|name| named(spec, target, name) == Some(port)),
        None => ports(spec, target).iter().any(|(_, own)| *own == port),
    });
    door || exposed && narrowed.is_none_or(|from| from.iter().any(is))
}

fn lets_out(spec: &StackSpec, namespace: &str, from: (&Who, &Place), to: (&Who, &Place), port: Port) -> bool {
    let Some(egress) = from.0.egress(spec) else { return true };
    let listed = |egress: &Egress| {
        let fits = |written: &str| match written.split_once('/') {
            Some((number, protocol)) => (number.parse() == Ok(port.0)) && protocol == port.1,
            None => written.parse() == Ok(port.0) && port.1 == "TCP",
        };
        is_peer(&egress.peer, namespace, to.1) && egress.ports.as_ref().is_none_or(|ports| ports.iter().any(|port| fits(&port.0)))
    };
    // DNS is always allowed, and inside the stack the side that is called decides.
    [53, 5353].contains(&port.0) || !matches!(to.0, Who::Stranger) || egress.iter().any(listed)
}

fn is_peer(peer: &Peer, namespace: &str, place: &Place) -> bool {
    if let Some(cidr) = &peer.cidr {
        return is_in(cidr, place.address) && !peer.except.iter().flatten().any(|part| is_in(part, place.address));
    }
    let Some((own, labels)) = &place.pod else { return false };
    own == peer.namespace.as_deref().unwrap_or(namespace)
        && peer.labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value))
}

/// The ports of a component's pods by name.
pub fn ports(spec: &StackSpec, component: &str) -> Vec<(String, Port)> {
    if let Some(database) = spec.databases.get(component) {
        let number = match database.engine {
            Engine::Postgres => 5432,
            Engine::Valkey | Engine::Redis => 6379,
            Engine::Rabbitmq => 5672,
            Engine::Mariadb | Engine::Mysql => 3306,
            Engine::Mongodb => 27017,
            Engine::Memcached => 11211,
            Engine::Nats => 4222,
            Engine::Custom => u16::try_from(database.port.unwrap()).unwrap(),
            Engine::External => return Vec::new(),
        };
        return vec![("client".to_owned(), (number, "TCP"))];
    }
    let service = &spec.services[component];
    let short = service.port.iter().map(|port| ("http".to_owned(), port));
    let long = service.ports.iter().flatten().map(|(name, port)| (name.clone(), port));
    let read = |(name, written): (String, &mstack::api::Text)| {
        let (numbers, protocol) = written.0.split_once('/').unwrap_or((&written.0, ""));
        let container = numbers.rsplit(':').next().unwrap().parse().unwrap();
        let protocol = if protocol.eq_ignore_ascii_case("udp") { "UDP" } else { "TCP" };
        (name, (container, protocol))
    };
    short.chain(long).map(read).collect()
}

fn named(spec: &StackSpec, component: &str, name: &str) -> Option<Port> {
    ports(spec, component).into_iter().find(|(own, _)| own == name).map(|(_, port)| port)
}
