//! What a service of the Compose file is: an engine that is known, a container with data of its own, a task that ends, or
//! a service.
use std::collections::BTreeSet;

use super::image::{self, Image};
use super::mounts::{self, Mounts};
use super::notes::{Notes, Place};
use super::ports::{self, Port, Published};
use super::project::{Project, environment};
use super::tree::{Data, Item};
use super::{Input, health, keys, references, words};
use crate::model::Recipe;

/// A service with what is read of it.
#[derive(Debug)]
pub struct Draft {
    /// Its name in the file.
    pub source: String,
    /// Its name in the stack.
    pub name: String,
    /// Its path in the file.
    pub path: String,
    /// Where it stands.
    pub place: Place,
    /// What is written.
    pub item: Item,
    /// Its image, where it names one.
    pub image: Option<String>,
    /// Variables of its container.
    pub env: Vec<(String, Item)>,
    /// Ports that it listens on.
    pub ports: Vec<Port>,
    /// What it mounts.
    pub mounts: Mounts,
    /// What it depends on, by the names of the file.
    pub needs: Vec<Need>,
    /// Other names of it.
    pub aliases: BTreeSet<String>,
    /// What it is.
    pub role: Role,
}

/// A dependency.
#[derive(Debug)]
pub struct Need {
    /// Name of the other service.
    pub target: String,
    /// Whether it can do without.
    pub optional: bool,
    /// Whether the other one has to end well first.
    pub completed: bool,
    /// Where it stands.
    pub place: Place,
}

/// What a service is.
#[derive(Debug, PartialEq)]
pub enum Role {
    /// A database, queue or cache of a known engine.
    Engine(Box<Engine>),
    /// A container with data of its own.
    Custom,
    /// A task that ends.
    Once,
    /// A service.
    Service,
}

/// A known engine.
#[derive(Debug, PartialEq)]
pub struct Engine {
    /// Its row.
    pub recipe: Recipe,
    /// Whether the image is not the engine's own, but built upon it.
    pub derived: bool,
}

impl Draft {
    /// The words of its command.
    pub fn words(&self) -> Vec<String> {
        words_of(&self.item, "command")
    }

    /// Its profiles.
    pub fn profiles(&self) -> Vec<String> {
        self.item.get("profiles").map(Item::texts).unwrap_or_default().into_iter().map(str::to_owned).collect()
    }

    /// The first folder that keeps data.
    pub fn folder(&self) -> Option<&mounts::Data> {
        self.mounts.data.first()
    }
}

/// The words of a command: a list, or a text that is split.
pub fn words_of(service: &Item, key: &str) -> Vec<String> {
    let Some(item) = service.get(key) else { return Vec::new() };
    match &item.data {
        Data::Text(line) => words::split(line),
        _ => item.texts().into_iter().map(str::to_owned).collect(),
    }
}

/// All services of a project.
pub fn all(input: &Input, project: &Project, notes: &mut Notes) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    for (name, service) in &project.services {
        let taken: BTreeSet<String> = drafts.iter().map(|draft| draft.name.clone()).collect();
        drafts.push(draft(input, project, name, service, &taken, notes));
    }
    links(&mut drafts);
    infer_ports(&mut drafts);
    let names: BTreeSet<String> =
        drafts.iter().flat_map(|draft| draft.aliases.iter().cloned().chain([draft.source.clone()])).collect();
    let completed: BTreeSet<String> =
        drafts.iter().flat_map(|draft| &draft.needs).filter(|need| need.completed).map(|need| need.target.clone()).collect();
    for draft in &mut drafts {
        if draft.role == Role::Service && completed.contains(&draft.source) {
            draft.role = Role::Once;
            once(draft, notes);
        } else if draft.role == Role::Service && keeps_data_alone(draft, &names) {
            draft.role = Role::Custom;
        }
    }
    drafts
}

fn draft(input: &Input, project: &Project, source: &str, service: &Item, taken: &BTreeSet<String>, notes: &mut Notes) -> Draft {
    let path = format!("services.{source}");
    keys::judge_service(service, &path, notes);
    let mut name = words::label(source, 40);
    while taken.contains(&name) {
        name = format!("{}-2", words::label(&name, 38));
    }
    if name != *source {
        let what = format!("it is called `{name}` here, for names are DNS labels");
        notes.changed(&service.place, path.clone(), what, "call it so wherever it is called by its name");
    }
    let env = environment(input, service, &path, notes);
    let image = service.text_of("image").map(str::to_owned);
    let engine = engine(image.as_deref(), &env, service);
    let keeps = |folder: &str| {
        engine.as_ref().is_some_and(|engine| {
            let mount = engine.recipe.mount_path.as_str();
            !mount.is_empty()
                && folder.len() > 1
                && (folder.starts_with(mount) || mount.starts_with(folder.trim_end_matches('/')))
        })
    };
    Draft {
        name,
        mounts: mounts::of(input, &project.root, service, &path, &keeps, notes),
        ports: ports::of(service, &path, notes),
        needs: needs(service),
        aliases: aliases(service),
        place: service.place.clone(),
        item: service.clone(),
        source: source.to_owned(),
        role: engine.map_or(Role::Service, |engine| Role::Engine(Box::new(engine))),
        image,
        env,
        path,
    }
}

/// The engine of a service: by its image, or by what the image is built upon.
fn engine(image: Option<&str>, env: &[(String, Item)], service: &Item) -> Option<Engine> {
    let official = image.and_then(|image| image::official(&Image::parse(image)));
    let folders: Vec<String> =
        service.get("volumes").map(Item::items).unwrap_or_default().into_iter().filter_map(target).collect();
    let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
    official
        .map(|recipe| Engine { recipe, derived: false })
        .or_else(|| image::derived(env, &folders).map(|recipe| Engine { recipe, derived: true }))
}

fn target(volume: &Item) -> Option<String> {
    let of_text = || volume.text()?.split(':').nth(1);
    volume.text_of("target").or_else(of_text).map(str::to_owned)
}

fn needs(service: &Item) -> Vec<Need> {
    let depends = service.get("depends_on").map(Item::pairs).unwrap_or_default();
    let depends = depends.into_iter().map(|(target, item)| Need {
        target,
        optional: item.text_of("required") == Some("false"),
        completed: item.text_of("condition") == Some("service_completed_successfully"),
        place: item.place,
    });
    let links = service.get("links").map(Item::items).unwrap_or_default();
    let links = links.into_iter().filter_map(|item| {
        let target = item.text()?.split(':').next()?.to_owned();
        Some(Need { target, optional: false, completed: false, place: item.place.clone() })
    });
    depends.chain(links).collect()
}

fn aliases(service: &Item) -> BTreeSet<String> {
    let own = ["container_name", "hostname"].into_iter().filter_map(|key| service.text_of(key).map(str::to_owned));
    let networks = service.get("networks").map(Item::pairs).unwrap_or_default();
    let of_networks = networks.iter().filter_map(|(_, network)| network.get("aliases")).flat_map(Item::texts);
    own.chain(of_networks.map(str::to_owned)).collect()
}

/// `links: [db:database]` gives `db` another name.
fn links(drafts: &mut [Draft]) {
    let links: Vec<(String, String)> = drafts
        .iter()
        .flat_map(|draft| draft.item.get("links").map(Item::texts).unwrap_or_default())
        .filter_map(|link| link.split_once(':').map(|(target, alias)| (target.to_owned(), alias.to_owned())))
        .collect();
    for (target, alias) in links {
        drafts.iter_mut().filter(|draft| draft.source == target).for_each(|draft| {
            draft.aliases.insert(alias.clone());
        });
    }
}

/// A port that nobody declares is known from who calls it, and from its own check.
fn infer_ports(drafts: &mut [Draft]) {
    let mut called: Vec<(String, u16, Place)> = Vec::new();
    for draft in &*drafts {
        let texts = draft.env.iter().filter_map(|(_, item)| Some((item.text()?, &item.place)));
        let words: Vec<String> = [words_of(&draft.item, "entrypoint"), draft.words()].concat();
        let texts = texts.chain(words.iter().map(|word| (word.as_str(), &draft.place)));
        let files = draft.mounts.files.values().map(|(text, place)| (text.as_str(), place));
        for (text, place) in texts.chain(files) {
            called.extend(references::called(text).into_iter().map(|(host, port)| (host, port, place.clone())));
        }
    }
    for draft in drafts {
        let own = health::port(&draft.item).map(|port| (port, draft.place.clone()));
        let by_others = called.iter().filter(|(host, ..)| *host == draft.source || draft.aliases.contains(host));
        let found: Vec<(u16, Place)> = own.into_iter().chain(by_others.map(|(_, port, place)| (*port, place.clone()))).collect();
        let usual = || draft.image.as_deref().and_then(|image| image::usual_port(&Image::parse(image)));
        let usual = if draft.ports.is_empty() && found.is_empty() { usual() } else { None };
        for (number, place) in found.into_iter().chain(usual.map(|port| (port, draft.place.clone()))) {
            ports::add(&mut draft.ports, Port { number, protocol: "TCP", published: Published::No, place });
        }
        draft.ports.truncate(ports::MOST);
    }
}

/// Whether all that it says fits a database of an own image: one volume, a port, nothing that it uses.
fn keeps_data_alone(draft: &Draft, names: &BTreeSet<String>) -> bool {
    let others = |text: &str| references::called(text).iter().any(|(host, _)| names.contains(host) && *host != draft.source);
    draft.mounts.data.len() == 1
        && draft.image.is_some()
        && draft.item.get("build").is_none()
        && draft.needs.is_empty()
        && draft.mounts.files.is_empty()
        && draft.mounts.secrets.is_empty()
        && ports::main(&draft.ports).is_some()
        && !draft.env.iter().filter_map(|(_, item)| item.text()).any(others)
}

fn once(draft: &Draft, notes: &mut Notes) {
    let command = [words_of(&draft.item, "entrypoint"), draft.words()].concat().join(" ");
    let command = if command.is_empty() { "its image's own command".to_owned() } else { format!("`{command}`") };
    let what = format!("it runs once ({command}), and what a stack has keeps running");
    let fix = "run it as a Job, or let the services that wait for it do it when they start";
    notes.todo(&draft.place, draft.path.clone(), what, fix);
}
