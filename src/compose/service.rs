//! One service of the stack.
use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Draft, words_of};
use super::notes::{Notes, Place};
use super::peers::Peers;
use super::ports;
use super::references::Reader;
use super::tree::Item;
use super::{Input, health, words};
use crate::api::{Binding, ResourceLimits, Resources, Security, Service, Text};

const SECRET: [&str; 6] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "PRIVATE_KEY", "API_KEY"];

/// The service of a draft.
pub fn of(input: &Input, draft: &Draft, peers: &Peers, notes: &mut Notes) -> Service {
    let mut reader = Reader::new(peers, &draft.name);
    let needed = needed(draft, peers, notes);
    reader.edges.extend(needed.keys().cloned());
    let mut service = Service {
        image: image(input, draft, notes),
        replicas: replicas(draft, notes),
        resources: resources(&draft.item, &draft.path, notes),
        security: security(draft, notes),
        profiles: Some(draft.profiles()).filter(|profiles| !profiles.is_empty()),
        scratch: Some(draft.mounts.scratch.clone()).filter(|folders| !folders.is_empty()),
        health: health::of(&draft.item, &draft.ports, &draft.path, notes),
        ..Service::default()
    };
    let command = |key: &str, reader: &mut Reader| {
        let words: Vec<String> = words_of(&draft.item, key).iter().map(|word| reader.read("", word)).collect();
        Some(words).filter(|words| !words.is_empty())
    };
    service.command = command("entrypoint", &mut reader);
    service.args = command("command", &mut reader);
    listen(draft, &mut service);
    let mut environment = draft.env.clone();
    let passwords = passwords(&mut environment, &reader);
    service.secrets = secrets(draft, &mut environment, &reader, notes);
    variables(draft, &environment, &mut reader, &mut service, notes);
    for (peer, variable) in passwords {
        service.bindings.get_or_insert_default().entry(peer).or_default().env.insert(variable, "password".to_owned());
    }
    files(draft, &mut reader, &mut service, notes);
    uses(draft, &needed, &reader, &mut service);
    service.bindings.get_or_insert_default().retain(|name, _| reader.edges.contains(name));
    service.bindings = service.bindings.filter(|bindings| !bindings.is_empty());
    for (peer, why) in &reader.doubts {
        notes.todo(&draft.place, draft.path.clone(), format!("it speaks of `{peer}`: {why}"), "");
    }
    data(draft, notes);
    service
}

fn image(input: &Input, draft: &Draft, notes: &mut Notes) -> String {
    let recipe = draft.item.get("build");
    match (&draft.image, recipe) {
        (Some(image), None) => image.clone(),
        (Some(image), Some(build)) => {
            notes.todo(
                &build.place,
                format!("{}.build", draft.path),
                format!("`{image}` is not built here"),
                "build and push it",
            );
            image.clone()
        }
        (None, Some(build)) => {
            let image = format!("{}/{}:1", input.registry, words::label(&draft.source, 63));
            let what = format!("it has no image: `{image}` is where this stack expects what `docker compose build` makes");
            notes.todo(
                &build.place,
                format!("{}.build", draft.path),
                what,
                "build and push it, and set `image` to what you have pushed",
            );
            image
        }
        (None, None) => {
            notes.todo(&draft.place, draft.path.clone(), "it has neither `image` nor `build`", "set `image`");
            format!("{}/{}:1", input.registry, words::label(&draft.source, 63))
        }
    }
}

fn replicas(draft: &Draft, notes: &mut Notes) -> Option<i32> {
    let deploy = draft.item.get("deploy");
    if let Some(mode) = deploy.and_then(|deploy| deploy.get("mode")).filter(|mode| mode.text() != Some("replicated")) {
        let fix = "set `replicas`; for one on each node, use a DaemonSet outside of the stack";
        notes.left(&mode.place, format!("{}.deploy.mode", draft.path), "a stack counts instances, not nodes", fix);
    }
    if let Some(placement) = deploy.and_then(|deploy| deploy.get("placement")) {
        notes.left(&placement.place, format!("{}.deploy.placement", draft.path), "the cluster chooses the node", "");
    }
    let count = deploy.and_then(|deploy| deploy.text_of("replicas")).or_else(|| draft.item.text_of("scale"));
    count.and_then(|count| count.parse().ok()).filter(|count| *count != 1)
}

/// Processor and memory, of either form.
pub fn resources(service: &Item, path: &str, notes: &mut Notes) -> Option<Resources> {
    let of_deploy = |kind: &str, key: &str| service.get("deploy")?.get("resources")?.get(kind)?.get(key).cloned();
    let mut amount = |item: Option<Item>, read: fn(&str) -> Option<String>| {
        let item = item?;
        let found = item.text().and_then(read);
        if found.is_none() && item.text() != Some("0") {
            notes.left(&item.place, format!("{path}.deploy.resources"), "it is no amount", "write it like `500m` or `256Mi`");
        }
        found.map(Text)
    };
    let own = |key: &str| service.get(key).cloned();
    let limits = ResourceLimits {
        cpu: amount(of_deploy("limits", "cpus").or_else(|| own("cpus")), words::processors),
        memory: amount(of_deploy("limits", "memory").or_else(|| own("mem_limit")), words::memory),
    };
    let resources = Resources {
        cpu: amount(of_deploy("reservations", "cpus"), words::processors),
        memory: amount(of_deploy("reservations", "memory").or_else(|| own("mem_reservation")), words::memory),
        limits: Some(limits).filter(|limits| *limits != ResourceLimits::default()),
    };
    Some(resources).filter(|resources| *resources != Resources::default())
}

fn security(draft: &Draft, notes: &mut Notes) -> Option<Security> {
    let item = draft.item.get("user")?;
    let (user, group) = item.text()?.split_once(':').map_or((item.text()?, None), |(user, group)| (user, Some(group)));
    let run_as_user: Option<i64> = user.parse().ok();
    let run_as_group = group.and_then(|group| group.parse().ok());
    if run_as_user.is_none() {
        let what = format!("`{user}` is a name, and only the image knows its number");
        notes.left(
            &item.place,
            format!("{}.user", draft.path),
            what,
            "set `security.runAsUser` to its number, if the image does not",
        );
        return None;
    }
    Some(Security { profile: None, run_as_user, run_as_group })
}

fn texts(list: Vec<&str>) -> Option<Vec<String>> {
    Some(list.into_iter().map(str::to_owned).collect::<Vec<_>>()).filter(|list| !list.is_empty())
}

fn listen(draft: &Draft, service: &mut Service) {
    let written = |port: &ports::Port| match port.protocol {
        "TCP" => Text(port.number.to_string()),
        other => Text(format!("{}/{other}", port.number)),
    };
    match draft.ports.as_slice() {
        [] => {}
        [only] => service.port = Some(written(only)),
        _ => service.ports = Some(ports::named(&draft.ports).into_iter().map(|(name, port)| (name, written(port))).collect()),
    }
}

/// What it depends on, by the names of the stack, and whether it can do without.
fn needed(draft: &Draft, peers: &Peers, notes: &mut Notes) -> BTreeMap<String, bool> {
    let mut needed = BTreeMap::new();
    for need in &draft.needs {
        match peers.find(&need.target) {
            Some(peer) if peer.name != draft.name => {
                let optional = needed.entry(peer.name.clone()).or_insert(need.optional);
                *optional &= need.optional;
            }
            _ if need.completed => {
                let what = format!("it waited for the end of `{}`, and starts without that now", need.target);
                notes.changed(&need.place, format!("{}.depends_on", draft.path), what, "");
            }
            _ => {
                let what = format!("`{}` is no service of these files that keeps running", need.target);
                notes.left(&need.place, format!("{}.depends_on", draft.path), what, "");
            }
        }
    }
    needed
}

/// What it depends on, and what its texts speak of: of these the databases alone with an order, for nothing waits in a
/// circle through them. What exists with a profile only is nothing to wait for.
fn uses(draft: &Draft, needed: &BTreeMap<String, bool>, reader: &Reader, service: &mut Service) {
    let own = draft.profiles();
    let hard = |name: &&String| {
        let Some(peer) = reader.peers().named(name) else { return false };
        let there = peer.profiles.is_empty() || !own.is_empty() && own.iter().all(|profile| peer.profiles.contains(profile));
        there && needed.get(*name).map_or(peer.database.is_some(), |optional| !optional)
    };
    let (hard, soft): (Vec<&String>, Vec<&String>) = reader.edges.iter().partition(hard);
    service.uses = texts(hard.into_iter().map(String::as_str).collect());
    service.uses_optional = texts(soft.into_iter().map(String::as_str).collect());
}

/// `X_FILE` that leads to the file which the password of a used database is read from: the component, and `X`.
fn passwords(environment: &mut Vec<(String, Item)>, reader: &Reader) -> Vec<(String, String)> {
    let mut found = Vec::new();
    environment.retain(|(name, item)| {
        let owner = item.text().and_then(|file| reader.owner(file));
        match owner.zip(name.strip_suffix("_FILE")) {
            Some((owner, variable)) => {
                found.push((owner, variable.to_owned()));
                false
            }
            None => true,
        }
    });
    found
}

/// The Secrets that it reads, as variables; `X_FILE` becomes the key `X`.
fn secrets(draft: &Draft, environment: &mut Vec<(String, Item)>, reader: &Reader, notes: &mut Notes) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for secret in &draft.mounts.secrets {
        let name = words::label(&secret.source, 63);
        let file = format!("/run/secrets/{}", secret.source);
        if reader.owner(&file).is_some() {
            continue;
        }
        let at = environment.iter().position(|(_, item)| item.text() == Some(file.as_str()));
        let key = match at.map(|at| environment.remove(at).0) {
            Some(variable) => variable.strip_suffix("_FILE").map_or(variable.clone(), str::to_owned),
            None => secret.source.to_uppercase().replace(['-', '.'], "_"),
        };
        let what = format!("the file `{file}` is not there; the Secret `{name}` is given as variables");
        let fix = format!("`kubectl create secret generic {name} --from-literal={key}=...`, and let the program read `{key}`");
        notes.todo(&secret.place, format!("{}.secrets", draft.path), what, fix);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Some(names).filter(|names| !names.is_empty())
}

/// The variables: bindings where they are one of a component's, else values.
fn variables<'a>(
    draft: &Draft,
    environment: &[(String, Item)],
    reader: &mut Reader<'a>,
    service: &mut Service,
    notes: &mut Notes,
) {
    let read = |reader: &mut Reader| -> Vec<(String, Place, String, String)> {
        let one = |(name, item): &(String, Item)| {
            let text = item.text().unwrap_or_default();
            (name.clone(), item.place.clone(), text.to_owned(), reader.read(name, text))
        };
        environment.iter().map(one).collect()
    };
    let first = read(reader);
    let hosts: Vec<(String, String)> =
        first.iter().flat_map(|(name, .., value)| reader.referred(value).into_iter().map(|peer| (name.clone(), peer))).collect();
    let found = |reader: &Reader<'a>, name: &str, text: &str, value: &str| {
        reader.reference(value).or_else(|| if value == text { reader.credential(name, text, &hosts) } else { None })
    };
    // A variable that keeps a value of its own is not the one that the stack gives: the others may not refer to it.
    let is_given = |name: &str, text: &str, value: &str| {
        found(reader, name, text, value).is_some_and(|(peer, key)| peer.variable_name(key) == name)
    };
    reader.taken =
        first.iter().filter(|(name, _, text, value)| !is_given(name, text, value)).map(|(name, ..)| name.clone()).collect();
    let (mut bindings, mut plain) = (BTreeMap::<String, Binding>::new(), BTreeSet::new());
    for (name, place, text, value) in read(reader) {
        match found(reader, &name, &text, &value) {
            Some((peer, key)) if peer.variable_name(key) == name => {}
            Some((peer, key)) => {
                bindings.entry(peer.name.clone()).or_default().env.insert(name.clone(), key.to_owned());
            }
            None => {
                if words::says(&name, &SECRET) && value == text && text.len() > 3 && !text.starts_with('/') {
                    plain.insert((name.clone(), place));
                }
                service.config.insert(name, Text(value));
            }
        }
    }
    if let Some((_, place)) = plain.first() {
        let names = words::list(plain.iter().map(|(name, _)| name.as_str()));
        let what = format!("{names} would stand in the stack for everybody who may read it");
        let fix = "put what is secret into a Secret, and name it under `secrets`";
        notes.todo(place, format!("{}.environment", draft.path), what, fix);
    }
    service.bindings = Some(bindings);
}

fn files(draft: &Draft, reader: &mut Reader, service: &mut Service, notes: &mut Notes) {
    for (path, (text, place)) in &draft.mounts.files {
        let mut inside = Reader::new(reader.peers(), &draft.name);
        inside.read("", text);
        let passwords = inside
            .edges
            .iter()
            .filter_map(|edge| inside.peers().named(edge)?.database.as_ref())
            .flat_map(|known| &known.passwords);
        if passwords.clone().any(|password| password.len() > 3 && text.contains(password.as_str())) {
            let what = format!("`{path}` has the password of a database in it, and the stack generates another one");
            notes.todo(place, format!("{}.volumes", draft.path), what, "let it read variables, or keep yours with `credentials`");
        }
        for (other, name) in &inside.others {
            let what = format!("`{path}` calls `{name}` by its other name `{other}`, which is not known in the cluster");
            notes.todo(place, format!("{}.volumes", draft.path), what, format!("write `{name}` instead"));
        }
        reader.edges.extend(inside.edges);
        if text.contains('\0') {
            notes.left(place, format!("{}.volumes", draft.path), format!("`{path}` is no text"), "put it into the image");
            continue;
        }
        service.files.insert(path.clone(), text.clone());
    }
}

/// A service keeps no data: what it writes is gone with its pod.
fn data(draft: &Draft, notes: &mut Notes) {
    for data in &draft.mounts.data {
        let what = format!(
            "`{}` was kept in `{}`, and a service keeps nothing: it is gone when the pod is replaced",
            data.target, data.source
        );
        let fix = "keep it in a database or an object store; or, where it has one port and uses nothing, make it a database with `engine: custom`";
        notes.todo(&data.place, format!("{}.volumes", draft.path), what, fix);
    }
}
