//! One database, queue or cache.
use std::collections::BTreeMap;

use super::super::{Credentials, Database, DatabaseNames, Recipe, Violations, engine};
use super::{Scope, environment, files, history, resources, security, service};
use crate::api;
use crate::api::{Authentication, Engine};

const MOST_INSTANCES: i32 = 9;

/// All databases. What cannot be done but holds nothing back becomes a notice.
pub fn check_all(scope: Scope, found: &mut Violations, notices: &mut Violations) -> BTreeMap<String, Database> {
    let check = |(name, database): (&String, &api::Database)| (name.clone(), check(scope, name, database, found, notices));
    scope.spec.databases.iter().map(check).collect()
}

fn check(scope: Scope, name: &str, written: &api::Database, found: &mut Violations, notices: &mut Violations) -> Database {
    let path = format!("spec.databases.{name}");
    let objects = DatabaseNames::new(scope.names, scope.stack, name);
    let inside = name.replace('-', "_");
    let recipe = recipe(&path, written, &inside, found);
    let version = history::version(&path, written, &recipe, found);
    let field = if written.version.is_none() && written.image.is_some() { "image" } else { "version" };
    let held = history::judge_version(&path, field, version.as_deref(), &recipe, scope.facts.volumes.get(name));
    notices.0.extend(held.clone());
    let credentials = credentials(scope, &path, written, &recipe, &objects, found);
    Database {
        name: name.to_owned(),
        image: image(&path, written, &recipe, found),
        instances: instances(&path, written, &recipe, found),
        storage: history::storage(scope, name, written, found, notices),
        init: files::init(&format!("{path}.init"), &written.init, !recipe.init_path.is_empty(), found),
        env: env(&path, written, &recipe, found),
        command: written.command.clone().unwrap_or_default(),
        args: args(written, &recipe, &credentials),
        resources: resources::check(&format!("{path}.resources"), written.resources.as_ref(), found),
        security: security::of_database(scope, &format!("{path}.security"), written.security.as_ref(), &recipe, found),
        guard_image: guard_image(scope, name),
        database: inside,
        objects,
        recipe,
        version,
        credentials,
        held,
    }
}

/// The image that the StatefulSet has: a new operator restarts no database for its own image's sake.
fn guard_image(scope: Scope, name: &str) -> Option<String> {
    let present = scope.facts.volumes.get(name).and_then(|facts| facts.guard_image.clone());
    present.or_else(|| scope.facts.guard_image.clone())
}

/// The engine's row; for `custom` filled from the spec.
fn recipe(path: &str, written: &api::Database, inside: &str, found: &mut Violations) -> Recipe {
    let row = engine::recipe(written.engine, inside);
    if written.engine != Engine::Custom {
        let given = [("port", written.port.is_some()), ("dataPath", written.data_path.is_some()), ("uri", written.uri.is_some())];
        for (field, _) in given.iter().filter(|(_, given)| *given) {
            let fix = "remove it, or choose `engine: custom`";
            found.add(format!("{path}.{field}"), format!("`{field}` is known for this engine"), fix);
        }
        return row;
    }
    for (field, given) in [("image", written.image.is_some()), ("port", written.port.is_some())] {
        if !given {
            found.add(format!("{path}.{field}"), format!("an engine `custom` needs `{field}`"), "add it");
        }
    }
    let port = u16::try_from(written.port.unwrap_or(1)).unwrap_or_default();
    if port == 0 {
        found.add(
            format!("{path}.port"),
            format!("{} is not a port", written.port.unwrap_or_default()),
            "choose one from 1 to 65535",
        );
    }
    match (&written.data_path, &written.storage) {
        (Some(folder), _) => files::judge_absolute(&format!("{path}.dataPath"), folder, found),
        (None, Some(_)) => {
            let reason = "an engine `custom` with `storage` needs the folder that the volume is mounted at";
            found.add(format!("{path}.dataPath"), reason, "add it, such as `/data`");
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

fn instances(path: &str, written: &api::Database, recipe: &Recipe, found: &mut Violations) -> i32 {
    let instances = written.instances.unwrap_or(1);
    let path = format!("{path}.instances");
    if !(1..=MOST_INSTANCES).contains(&instances) {
        found.add(path, format!("{instances} is not a count of instances"), format!("choose one from 1 to {MOST_INSTANCES}"));
    } else if instances > 1 && !recipe.replicates {
        let reason = format!("this engine is not replicated here: {instances} separate databases behind one name is data loss");
        found.add(path, reason, "set `instances: 1`");
    }
    instances
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
        found.add(format!("{path}.auth"), "`credentials` and `auth: None` exclude each other", "remove one of them");
    }
    if written.auth == Some(Authentication::None) {
        if !recipe.open {
            found.add(format!("{path}.auth"), "this engine does not run without authentication", "remove `auth`");
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
        found.add(format!("{path}.env.{name}"), reason, "remove it");
    }
    environment::config(&format!("{path}.env"), &written.env, found)
}

fn args(written: &api::Database, recipe: &Recipe, credentials: &Credentials) -> Vec<String> {
    let access = if *credentials == Credentials::None { &recipe.open_args } else { &recipe.credentials_args };
    [&recipe.args, access, &written.args.clone().unwrap_or_default()].into_iter().flatten().cloned().collect()
}
