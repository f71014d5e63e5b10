//! Environment of a database's own container: credentials, the recipe's variables, the user's.
use k8s_openapi::api::core::v1::EnvVar;

use super::env::{common, overlaid, plain, secret};
use crate::desired::secret::key;
use crate::model::{Credentials, Database, Stack};

/// Names under which recipes and users refer to the credentials.
const REFERENCES: [(&str, &str); 3] = [("USERNAME", key::USERNAME), ("PASSWORD", key::PASSWORD), ("DATABASE", key::DATABASE)];

pub fn env(stack: &Stack, database: &Database) -> Vec<EnvVar> {
    let recipe = &database.recipe;
    let credentials = referenced(database).chain(recipe.credentials_env.iter().filter_map(|(name, key)| credential(database, name, key)));
    let open: &[(String, String)] = if database.credentials == Credentials::None { &recipe.open_env } else { &[] };
    let injected = common(stack).into_iter().chain(credentials).collect();
    let own = open.iter().chain(&recipe.env).map(|(name, value)| (name, value));
    overlaid(injected, own.chain(&database.env))
}

/// The credentials under the names by which something refers to them with `$(NAME)`, unless the recipe gives the
/// variable itself.
fn referenced(database: &Database) -> impl Iterator<Item = EnvVar> {
    let recipe = &database.recipe;
    let texts = || recipe.env.iter().map(|(_, value)| value).chain(database.env.values()).chain(&database.command).chain(&database.args);
    let given = |name: &str| recipe.credentials_env.iter().any(|(variable, _)| variable == name);
    REFERENCES
        .into_iter()
        .filter(move |(name, _)| !given(name) && texts().any(|text| text.contains(&format!("$({name})"))))
        .filter_map(|(name, key)| credential(database, name, key))
}

/// One of the credentials as a variable. A given Secret need not name the database.
fn credential(database: &Database, name: &str, key: &str) -> Option<EnvVar> {
    match &database.credentials {
        Credentials::None => (key == key::DATABASE).then(|| plain(name, &database.database)),
        Credentials::Given { .. } if key == key::DATABASE => Some(plain(name, &database.database)),
        Credentials::Given { secret: given } => Some(secret(name, &given.name, key)),
        Credentials::Generated { secret: generated } => Some(secret(name, generated, key)),
    }
}
