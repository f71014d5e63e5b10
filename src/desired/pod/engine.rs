//! Environment of a database's own container: credentials, the recipe's variables, the user's.
use k8s_openapi::api::core::v1::EnvVar;

use super::env::{common, last_of_each, plain, secret};
use crate::model::{Credentials, Database, Stack};

pub fn env(stack: &Stack, database: &Database) -> Vec<EnvVar> {
    let recipe = &database.recipe;
    let credentials = recipe.credentials_env.iter().filter_map(|(name, key)| Some(secret(name, secret_name(database)?, key)));
    let open: &[(String, String)] = if database.credentials == Credentials::None { &recipe.open_env } else { &[] };
    let own = open.iter().chain(&recipe.env).map(|(name, value)| plain(name, value));
    let further = database.env.iter().map(|(name, value)| plain(name, value));
    last_of_each(common(stack).into_iter().chain(credentials).chain(own).chain(further))
}

fn secret_name(database: &Database) -> Option<&str> {
    match &database.credentials {
        Credentials::Generated { secret } => Some(secret),
        Credentials::Given { secret } => Some(&secret.name),
        Credentials::None => None,
    }
}
