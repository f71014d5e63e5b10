//! One database, queue or cache of the stack.
use std::collections::BTreeMap;

use super::draft::{Draft, Engine, Role, words_of};
use super::image::{Image, Version, version};
use super::notes::{Notes, Place};
use super::{Input, peers, ports, service, words};
use crate::api::{self, Authentication, Database, Storage, Text};
use crate::model::engine::Access;

/// Programs that the images of engines start, before their arguments.
const SERVERS: [&str; 10] = [
    "postgres",
    "redis-server",
    "valkey-server",
    "rabbitmq-server",
    "mysqld",
    "mariadbd",
    "mongod",
    "memcached",
    "nats-server",
    "nats",
];

/// The database of a draft.
pub fn of(input: &Input, draft: &Draft, notes: &mut Notes) -> Database {
    let mut database = match &draft.role {
        Role::Engine(engine) => of_engine(draft, engine, notes),
        _ => custom(draft, notes),
    };
    let keeps = match &draft.role {
        Role::Engine(engine) => !engine.recipe.mount_path.is_empty() && (draft.folder().is_some() || engine.recipe.databases),
        _ => draft.folder().is_some(),
    };
    if keeps {
        database.storage = Some(Storage { size: Text(input.storage.clone()), class: None });
        let place = draft.folder().map_or(&draft.place, |data| &data.place);
        let what = format!("Compose knows no size of a volume, so it has {}", input.storage);
        notes.changed(
            place,
            format!("{}.volumes", draft.path),
            what,
            "set `storage.size`; data of a machine's volume has to be moved by hand",
        );
    } else {
        database.ephemeral = Some(true);
        notes.changed(
            &draft.place,
            draft.path.clone(),
            "it has no volume, so its data is lost at each restart",
            "give it `storage` instead of `ephemeral` to keep it",
        );
    }
    database.resources = service::resources(&draft.item, &draft.path, notes);
    database.profiles = Some(draft.profiles()).filter(|profiles| !profiles.is_empty());
    told(draft, notes);
    database
}

fn of_engine(draft: &Draft, engine: &Engine, notes: &mut Notes) -> Database {
    let recipe = &engine.recipe;
    let mut database = Database { engine: recipe.engine, ..Database::default() };
    if engine.derived {
        database.image.clone_from(&draft.image);
        let what = "its image is taken for one that is built upon the engine's own, for it takes the same credentials";
        notes.changed(
            &draft.place,
            format!("{}.image", draft.path),
            what,
            "set `security.runAsUser` if its user has another number",
        );
    } else {
        database.version = known_version(draft, engine, notes);
    }
    if peers::is_open(draft, recipe) {
        database.auth = (recipe.access == Access::Either).then_some(Authentication::None);
    } else {
        let what = "its user and password are generated, and given to the services that use it";
        notes.changed(
            &draft.place,
            format!("{}.environment", draft.path),
            what,
            "to keep your own, put them into a Secret and name it in `credentials`",
        );
    }
    let (env, credentials) = environment(draft, engine);
    database.env = env;
    for name in credentials.iter().filter(|name| name.ends_with("_ROOT_PASSWORD")) {
        let what = format!("`{name}` is not set: consumers get the owner of the database, not root");
        notes.changed(&draft.place, format!("{}.environment", draft.path), what, "");
    }
    database.args = Some(arguments(draft, engine)).filter(|args| !args.is_empty());
    init(draft, engine, &mut database, notes);
    database
}

fn known_version(draft: &Draft, engine: &Engine, notes: &mut Notes) -> Option<Text> {
    let image = Image::parse(draft.image.as_deref().unwrap_or_default());
    let (found, flavour) = version(&image.tag, &engine.recipe);
    let path = format!("{}.image", draft.path);
    let newest = &engine.recipe.version;
    if flavour {
        let what = format!(
            "the flavour `{}` is not used: the engine runs in its usual image, whose user and folders are known",
            image.tag
        );
        notes.changed(&draft.place, path.clone(), what, "set `image` for another one");
    }
    match found {
        Version::Known(version) => Some(Text(version)),
        Version::Unsaid => {
            let what = format!("it says no version, so {newest} is taken");
            notes.changed(&draft.place, path, what, "set `version` to the one that your data has");
            Some(Text(newest.clone())).filter(|version| !version.0.is_empty())
        }
        Version::Unknown(version) => {
            let what = format!("{version} is not a version that is known here, so {newest} is taken");
            notes.todo(&draft.place, path, what, "data of the old version has to be dumped and restored");
            Some(Text(newest.clone()))
        }
    }
}

/// Variables of its own, and the names of those that the engine's row stands for.
fn environment<'a>(draft: &'a Draft, engine: &Engine) -> (BTreeMap<String, Text>, Vec<&'a str>) {
    let recipe = &engine.recipe;
    let tail = |name: &str| name.split_once('_').map_or(name.to_owned(), |(_, tail)| tail.to_owned());
    let own = recipe.env.iter().chain(&recipe.credentials_env).chain(&recipe.open_env).map(|(name, _)| name.as_str());
    let own: Vec<&str> = own.collect();
    let is_own = |name: &str| {
        let name = name.trim_end_matches("_FILE");
        own.iter().any(|known| *known == name || tail(known) == tail(name)) || words::says(name, &["PASSWORD"])
    };
    let (theirs, rest): (Vec<_>, Vec<_>) = draft.env.iter().partition(|(name, _)| is_own(name));
    let env =
        rest.into_iter().map(|(name, item)| (name.clone(), Text(item.text().unwrap_or_default().replace("$(", "$$(")))).collect();
    (env, theirs.into_iter().map(|(name, _)| name.as_str()).collect())
}

/// The arguments of its command, without its program and without what the engine's row gives itself.
fn arguments(draft: &Draft, engine: &Engine) -> Vec<String> {
    let recipe = &engine.recipe;
    let own: Vec<&String> = recipe.args.iter().chain(&recipe.credentials_args).chain(&recipe.open_args).collect();
    let mut words = words_of(&draft.item, "command");
    if words.first().is_some_and(|first| SERVERS.iter().any(|server| first.rsplit('/').next() == Some(server))) {
        words.remove(0);
    }
    let (mut kept, mut drop) = (Vec::new(), false);
    for word in words {
        let flag = word.split('=').next().unwrap_or_default();
        if word.starts_with('-') && word.len() > 2 && own.iter().any(|known| *known == flag) {
            drop = !word.contains('=');
        } else if drop && !word.starts_with('-') {
            drop = false;
        } else {
            drop = false;
            kept.push(word.replace("$(", "$$("));
        }
    }
    kept
}

/// Files that run at the first start; others have no place in an engine.
fn init(draft: &Draft, engine: &Engine, database: &mut Database, notes: &mut Notes) {
    let folder = engine.recipe.init_path.as_str();
    let mut others: Vec<(&Place, &str)> = Vec::new();
    for (path, (text, place)) in &draft.mounts.files {
        match path.strip_prefix(folder).filter(|_| !folder.is_empty()).map(|name| name.trim_start_matches('/')) {
            Some(name) if !name.contains('/') && !name.is_empty() => {
                database.init.insert(name.to_owned(), text.clone());
            }
            _ => others.push((place, path)),
        }
    }
    for of_place in others.chunk_by(|one, other| one.0 == other.0) {
        let what = format!("a known engine has no place for {}", words::list(of_place.iter().map(|(_, path)| *path)));
        let fix =
            "give settings in `args` or `env`, or set an `image` of your own that has the files; checks come with the engine";
        notes.left(of_place[0].0, format!("{}.volumes", draft.path), what, fix);
    }
}

fn custom(draft: &Draft, notes: &mut Notes) -> Database {
    let mut database = Database { engine: api::Engine::Custom, ..Database::default() };
    let words = |key: &str| Some(words_of(&draft.item, key)).filter(|words| !words.is_empty());
    database.image.clone_from(&draft.image);
    database.port = ports::main(&draft.ports).map(i32::from);
    database.auth = Some(Authentication::None);
    database.data_path = draft.folder().map(|data| data.target.trim_end_matches('/').to_owned());
    database.env =
        draft.env.iter().map(|(name, item)| (name.clone(), Text(item.text().unwrap_or_default().replace("$(", "$$(")))).collect();
    (database.command, database.args) = (words("entrypoint"), words("command"));
    let what = "it has data of its own, so it becomes a database with `engine: custom`";
    notes.changed(&draft.place, draft.path.clone(), what, "");
    for port in draft.ports.iter().skip(1) {
        let what = format!("a custom database has one port, so {} is not reached", port.number);
        notes.left(&port.place, format!("{}.ports", draft.path), what, "");
    }
    database
}

/// What databases do not have.
fn told(draft: &Draft, notes: &mut Notes) {
    for port in draft.ports.iter().filter(|port| port.published == ports::Published::Yes) {
        let what = format!("port {} was published on the machine, and a database has no address from outside", port.number);
        let fix = format!("`kubectl port-forward service/{} {}` reaches it", draft.name, port.number);
        notes.left(&port.place, format!("{}.ports", draft.path), what, fix);
    }
    for need in &draft.needs {
        let what = format!("a database uses nothing, so it does not wait for `{}`", need.target);
        notes.left(&need.place, format!("{}.depends_on", draft.path), what, "");
    }
    let count = draft
        .item
        .get("deploy")
        .and_then(|deploy| deploy.get("replicas"))
        .filter(|count| !matches!(count.text(), Some("0" | "1")));
    if let Some(count) = count {
        let what = "copies of a container are not copies of its data, so it has one instance";
        notes.left(&count.place, format!("{}.deploy.replicas", draft.path), what, "see `instances`");
    }
}
