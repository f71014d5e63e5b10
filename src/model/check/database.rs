//! One database, queue or cache.
use std::collections::BTreeMap;

use super::super::engine::{self, Access};
use super::super::{Credentials, Database, DatabaseNames, Door, Recipe, Setting, Storage, Violations, VolumeFacts};
use super::{Scope, environment, external, files, history, instances, isolation, resources, security, service};
use crate::api;
use crate::api::{Authentication, Engine, OnDelete};
use crate::codes::Code;

const MOST_CONNECTIONS: i32 = 1_000_000;

/// All databases. What cannot be done but holds nothing back becomes a notice.
pub fn check_all(
    scope: Scope,
    egress: Option<&Vec<Door>>,
    found: &mut Violations,
    notices: &mut Violations,
) -> BTreeMap<String, Database> {
    let check =
        |(name, database): (&String, &api::Database)| (name.clone(), check(scope, name, database, egress, found, notices));
    scope.spec.databases.iter().map(check).collect()
}

fn check(
    scope: Scope,
    name: &str,
    written: &api::Database,
    egress: Option<&Vec<Door>>,
    found: &mut Violations,
    notices: &mut Violations,
) -> Database {
    let path = format!("spec.databases.{name}");
    if written.engine == Engine::External {
        external::judge(&path, written, found);
    }
    let objects = DatabaseNames::new(scope.names, scope.stack, name);
    let inside = name.replace('-', "_");
    let volume = scope.facts.volumes.get(name);
    let of_data = instances::of_data(written, volume);
    let recipe = recipe(&path, written, &inside, volume, found).of_instances(of_data);
    judge_use(&path, written, &recipe, found);
    let version = history::version(&path, written, &recipe, found);
    let field = if written.version.is_none() && written.image.is_some() { "image" } else { "version" };
    let held = history::judge_version(&path, field, version.as_deref(), &recipe, volume);
    let credentials = credentials(scope, &path, written, &recipe, &objects, found);
    let instances = instances::check(&path, written, &recipe, found);
    let held = held.or_else(|| instances::judge_members(&path, instances, &recipe, volume));
    notices.0.extend(held.clone());
    let peers = instances::peers(&recipe, &objects, &credentials, of_data);
    Database {
        name: name.to_owned(),
        image: image(&path, written, &recipe, found),
        instances,
        storage: match written.engine {
            Engine::External => Storage::Ephemeral,
            _ => history::storage(scope, name, written, found, notices),
        },
        init: files::init(&format!("{path}.init"), &written.init, !recipe.init_path.is_empty(), found),
        env: env(&path, written, &recipe, found),
        command: written.command.clone().unwrap_or_default(),
        args: args(written, &recipe, &credentials, instances::member_args(&recipe, &credentials, &peers)),
        peers,
        resources: resources::check(&format!("{path}.resources"), written.resources.as_ref(), found),
        security: security::of_database(scope, &format!("{path}.security"), written.security.as_ref(), &recipe, found),
        erasable: is_erasable(written),
        max_connections: written.max_connections,
        connections: connections(&path, written, &recipe, found),
        shared: written.shared.unwrap_or_default(),
        doors: isolation::of_database(&path, written, recipe.port, egress, found),
        guard_image: guard_image(scope, name),
        database: inside,
        objects,
        recipe,
        version,
        credentials,
        held,
    }
}

/// Every database that is written down, and whether its data goes when it is removed.
pub fn declared(spec: &api::StackSpec) -> BTreeMap<String, bool> {
    spec.databases.iter().map(|(name, written)| (name.clone(), is_erasable(written))).collect()
}

fn is_erasable(written: &api::Database) -> bool {
    written.on_delete == Some(OnDelete::Delete)
}

/// The image that the StatefulSet has: a new operator restarts no database for its own image's sake.
fn guard_image(scope: Scope, name: &str) -> Option<String> {
    let present = scope.facts.volumes.get(name).and_then(|facts| facts.guard_image.clone());
    present.or_else(|| scope.facts.guard_image.clone())
}

/// The engine's row, in the form that its pods are of; for `custom` filled from the spec.
fn recipe(path: &str, written: &api::Database, inside: &str, volume: Option<&VolumeFacts>, found: &mut Violations) -> Recipe {
    let row = engine::recipe(written.engine, inside).in_form(volume.and_then(|volume| volume.form));
    if written.engine != Engine::Custom {
        let given = [("port", written.port.is_some()), ("dataPath", written.data_path.is_some()), ("uri", written.uri.is_some())];
        for (field, _) in given.iter().filter(|(_, given)| *given) {
            let fix = "remove it, or choose `engine: custom`";
            found.add(Code::FieldOfCustom, format!("{path}.{field}"), format!("`{field}` is known for this engine"), fix);
        }
        return row;
    }
    for (field, given) in [("image", written.image.is_some()), ("port", written.port.is_some())] {
        if !given {
            found.add(Code::CustomNeeds, format!("{path}.{field}"), format!("an engine `custom` needs `{field}`"), "add it");
        }
    }
    let port = u16::try_from(written.port.unwrap_or(1)).unwrap_or_default();
    if port == 0 {
        found.add(
            Code::BadPort,
            format!("{path}.port"),
            format!("{} is not a port", written.port.unwrap_or_default()),
            "choose one from 1 to 65535",
        );
    }
    match (&written.data_path, &written.storage) {
        (Some(folder), _) => files::judge_absolute(&format!("{path}.dataPath"), folder, found),
        (None, Some(_)) => {
            let reason = "an engine `custom` with `storage` needs the folder that the volume is mounted at";
            found.add(Code::CustomDataPath, format!("{path}.dataPath"), reason, "add it, such as `/data`");
        }
        (None, None) => {}
    }
    let uri = written.uri.clone().unwrap_or(row.uri);
    Recipe { port, mount_path: written.data_path.clone().unwrap_or_default(), open_uri: uri.clone(), uri, ..row }
}

fn image(path: &str, written: &api::Database, recipe: &Recipe, found: &mut Violations) -> String {
    match &written.image {
        Some(image) => {
            service::judge_image(&format!("{path}.image"), image, found);
            image.clone()
        }
        None => format!("{}:{}", recipe.image, written.version.as_ref().map_or(&recipe.version, |version| &version.0)),
    }
}

/// Storage and sharing make sense for some engines only.
fn judge_use(path: &str, written: &api::Database, recipe: &Recipe, found: &mut Violations) {
    let keeps_nothing = recipe.mount_path.is_empty() && !matches!(written.engine, Engine::Custom | Engine::External);
    if written.storage.is_some() && keeps_nothing {
        let reason = "this engine keeps everything in memory, so a volume would stay empty";
        found.add(Code::NoStorage, format!("{path}.storage"), reason, "write `ephemeral: true` instead");
    }
    if written.shared.is_some() && !recipe.shares_data {
        let reason = "this engine is there to be used by many, or nothing is known of it";
        found.add(Code::SharedWhere, format!("{path}.shared"), reason, "remove `shared`");
    }
}

/// How many connections consumers can have: as asked for, else by the engine's default, less those that they do not get.
fn connections(path: &str, written: &api::Database, recipe: &Recipe, found: &mut Violations) -> Option<i32> {
    let path = format!("{path}.maxConnections");
    let settable = written.engine == Engine::Custom || recipe.connections.setting != Setting::None;
    match written.max_connections {
        Some(most) if !(1..=MOST_CONNECTIONS).contains(&most) => {
            let reason = format!("{most} is not a count of connections");
            found.add(Code::MaxConnections, path, reason, format!("choose one from 1 to {MOST_CONNECTIONS}"));
        }
        // What is not run here is told by the rule of `external`.
        Some(_) if !settable && written.engine != Engine::External => {
            let reason = "this engine has no fixed number of connections";
            found.add(Code::MaxConnections, path, reason, "remove it");
        }
        _ => {}
    }
    Some((written.max_connections.or(recipe.connections.most)? - recipe.connections.reserved).max(0))
}

fn credentials(
    scope: Scope,
    path: &str,
    written: &api::Database,
    recipe: &Recipe,
    objects: &DatabaseNames,
    found: &mut Violations,
) -> Credentials {
    if let (Some(_), Some(_)) = (&written.credentials, written.auth) {
        found.add(
            Code::CredentialsAndAuth,
            format!("{path}.auth"),
            "`credentials` and `auth: None` exclude each other",
            "remove one of them",
        );
    }
    if written.auth == Some(Authentication::None) {
        if recipe.access == Access::Guarded {
            found.add(
                Code::AuthNeeded,
                format!("{path}.auth"),
                "this engine does not run without authentication",
                "remove `auth`",
            );
        }
        return Credentials::None;
    }
    if recipe.access == Access::Open {
        if written.credentials.is_some() {
            let reason = "this engine knows no users and no passwords";
            found.add(Code::NoUsers, format!("{path}.credentials"), reason, "remove `credentials`");
        }
        return Credentials::None;
    }
    match &written.credentials {
        Some(given) => {
            service::judge_secret(&format!("{path}.credentials.secret"), &given.secret, found);
            Credentials::Given { secret: scope.secret(&given.secret) }
        }
        None => Credentials::Generated { secret: objects.base.clone() },
    }
}

fn env(path: &str, written: &api::Database, recipe: &Recipe, found: &mut Violations) -> BTreeMap<String, String> {
    let own = recipe.env.iter().chain(&recipe.credentials_env).chain(&recipe.open_env);
    for (name, _) in own.filter(|(name, _)| written.env.contains_key(name)) {
        let reason = format!("`{name}` is set by the engine's recipe, and the data depends on it");
        found.add(Code::EnvOfRecipe, format!("{path}.env.{name}"), reason, "remove it");
    }
    environment::config(&format!("{path}.env"), &written.env, found)
}

fn args(written: &api::Database, recipe: &Recipe, credentials: &Credentials, of_members: Vec<String>) -> Vec<String> {
    let access = if *credentials == Credentials::None { &recipe.open_args } else { &recipe.credentials_args };
    let limit = match recipe.connections.setting {
        Setting::Args(args) => args,
        Setting::None | Setting::Env(_) => &[],
    };
    let argument = |most: i32| limit.iter().map(move |argument| argument.replace("{}", &most.to_string()));
    let limit = written.max_connections.into_iter().flat_map(argument);
    let own = written.args.iter().flatten().cloned();
    recipe.args.iter().chain(access).cloned().chain(of_members).chain(limit).chain(own).collect()
}
