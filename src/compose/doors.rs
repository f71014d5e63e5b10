//! What leads to the components: addresses from outside, and consumers.
use super::draft::{Draft, Role};
use super::notes::Notes;
use super::ports::{self, Published};
use super::tree::Item;
use super::words;
use crate::api::{Expose, StackSpec};

/// Ports whose protocol is not HTTP, so no route leads to them.
const NOT_HTTP: [u16; 29] = [
    21, 22, 23, 25, 53, 110, 143, 389, 465, 587, 636, 993, 995, 1025, 1433, 1521, 1883, 2181, 3306, 4222, 5432, 5672, 6379, 8883,
    9042, 9092, 11211, 27017, 61616,
];
const TLS: [u16; 2] = [443, 8443];
/// Databases that nobody speaks of: who calls them from its code alone would not get through.
pub fn lonely(spec: &StackSpec, drafts: &[Draft], notes: &mut Notes) {
    let used = |name: &String| {
        spec.services
            .values()
            .any(|service| [&service.uses, &service.uses_optional].into_iter().flatten().flatten().any(|other| other == name))
    };
    for draft in drafts.iter().filter(|draft| spec.databases.contains_key(&draft.name) && !used(&draft.name)) {
        let what = "no service says that it uses it, and only those that do so reach it";
        notes.todo(
            &draft.place,
            draft.path.clone(),
            what,
            format!("add `{}` to `uses` of the services that call it", draft.name),
        );
    }
}

/// Addresses from outside for what was published on the machine.
pub fn address(spec: &mut StackSpec, drafts: &[Draft], notes: &mut Notes) {
    let mut exposed = Vec::new();
    for draft in drafts.iter().filter(|draft| draft.role == Role::Service) {
        let hosts = hosts_of_labels(&draft.item);
        let mut doors: Vec<Expose> = Vec::new();
        for (name, port) in ports::named(&draft.ports) {
            if port.published == Published::No && (hosts.is_empty() || name != "http") {
                continue;
            }
            if let Some(why) = closed(port) {
                notes.left(
                    &port.place,
                    format!("{}.ports", draft.path),
                    why,
                    format!("`kubectl port-forward service/{} {}` reaches it", draft.name, port.number),
                );
                continue;
            }
            let first = doors.is_empty();
            let own =
                if first { format!("{}.example.com", draft.name) } else { format!("{}-{}.example.com", draft.name, port.number) };
            let names = if first && !hosts.is_empty() { hosts.clone() } else { vec![own] };
            let port = Some(name).filter(|name| name != "http");
            doors.extend(names.into_iter().map(|host| Expose { host: Some(host), port: port.clone(), ..Expose::default() }));
        }
        if let (Some(service), false) = (spec.services.get_mut(&draft.name), doors.is_empty()) {
            doors.truncate(16);
            exposed.extend(doors.iter().filter_map(|door| door.host.clone()));
            service.expose = Some(doors);
        }
    }
    if let (Some(first), Some(draft)) = (
        exposed.first(),
        drafts.iter().find(|draft| spec.services.get(&draft.name).is_some_and(|service| service.expose.is_some())),
    ) {
        let what = format!(
            "what was published on the machine is reached by a host name from outside: {}",
            words::list(exposed.iter().map(String::as_str))
        );
        let them = if exposed.len() == 1 { format!("`{first}`") } else { "these".to_owned() };
        let fix = format!("set the names that you have instead of {them}, and `routing.gateway` where the cluster has a Gateway");
        notes.todo(&draft.place, format!("{}.ports", draft.path), what, fix);
    }
}

/// Why no route leads to a port.
fn closed(port: &ports::Port) -> Option<String> {
    let number = port.number;
    if port.published == Published::Local {
        return Some(format!("port {number} was open to the machine itself alone, so it gets no address from outside"));
    }
    if port.protocol != "TCP" || NOT_HTTP.contains(&number) {
        return Some(format!("port {number} does not speak HTTP, and routes from outside do"));
    }
    TLS.contains(&number).then(|| format!("port {number} speaks TLS, which the Gateway or the Ingress ends instead"))
}

/// The hosts in the rules of Traefik.
fn hosts_of_labels(service: &Item) -> Vec<String> {
    let labels = service.get("labels").map(Item::pairs).unwrap_or_default();
    let rules =
        labels.iter().filter(|(name, _)| name.starts_with("traefik.http.routers.") && name.rsplit('.').next() == Some("rule"));
    let mut hosts: Vec<String> = Vec::new();
    for rule in rules.filter_map(|(_, rule)| rule.text()) {
        for host in rule.split("Host(`").skip(1).filter_map(|rest| rest.split('`').next()) {
            if !hosts.iter().any(|known| known == host) {
                hosts.push(host.to_owned());
            }
        }
    }
    hosts
}
