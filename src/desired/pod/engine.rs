//! Environment of a database's own container: credentials, the recipe's variables, the user's.
use k8s_openapi::api::core::v1::EnvVar;

use super::env::{common, last_of_each, optional_secret, plain, secret};
use crate::desired::secret::key;
use crate::model::{Credentials, Database, Setting, Stack};

pub fn env(stack: &Stack, database: &Database) -> Vec<EnvVar> {
    let recipe = &database.recipe;
    let credentials = recipe.credentials_env.iter().filter_map(|(name, key)| Some(secret(name, secret_name(database)?, key)));
    let open: &[(String, String)] = if database.credentials == Credentials::None { &recipe.open_env } else { &[] };
    let headless = |value: &str| value.replace("{headless}", &database.objects.headless);
    let own = open.iter().chain(&recipe.env).map(|(name, value)| plain(name, &headless(value)));
    let further = database.env.iter().map(|(name, value)| plain(name, value));
    last_of_each(common(stack).into_iter().chain(credentials).chain(own).chain(of_instances(database)).chain(further))
}

/// What the scripts of a recipe are told: whom to follow and how, and how many connections are asked for.
fn of_instances(database: &Database) -> impl Iterator<Item = EnvVar> {
    let primary = database.has_primary().then(|| plain("MSTACK_PRIMARY", &database.objects.primary()));
    // A Secret of the user's, and one of before, may lack it.
    let peers = secret_name(database).zip(database.recipe.peer_env);
    let peers = peers.map(|(from, name)| optional_secret(name, from, key::PEER_PASSWORD));
    let connections = match database.recipe.connections.setting {
        Setting::Env(name) => database.max_connections.map(|most| plain(name, &most.to_string())),
        Setting::None | Setting::Args(_) => None,
    };
    [primary, peers, connections].into_iter().flatten()
}

fn secret_name(database: &Database) -> Option<&str> {
    match &database.credentials {
        Credentials::Generated { secret } => Some(secret),
        Credentials::Given { secret } => Some(&secret.name),
        Credentials::None => None,
    }
}
