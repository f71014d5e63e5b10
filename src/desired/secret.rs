//! The credentials of a database, in servicebinding.io form. Made once and never changed.
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;

use super::{meta, uri};
use crate::model::{Database, Stack};

/// The keys of a credentials Secret.
pub mod key {
    /// Address of the client Service.
    pub const HOST: &str = "host";
    /// Port of the client Service.
    pub const PORT: &str = "port";
    /// User name, where the engine knows users.
    pub const USERNAME: &str = "username";
    /// Password.
    pub const PASSWORD: &str = "password";
    /// Name of the database, where the engine has several inside.
    pub const DATABASE: &str = "database";
    /// Everything in one, where the engine has a form of URI.
    pub const URI: &str = "uri";
}

/// The Secret with the generated credentials of a database. It is immutable, outlives its stack (rule 9) and names the
/// data that it opens.
pub fn credentials_secret(stack: &Stack, database: &Database, password: &str, identity: &str) -> Secret {
    let mut metadata = meta::kept(stack, &database.name, &database.objects.base);
    metadata.labels.get_or_insert_default().insert(meta::DATA_IDENTITY.to_owned(), identity.to_owned());
    let recipe = &database.recipe;
    let name = if recipe.databases { database.database.clone() } else { String::new() };
    let entries = [
        ("type", recipe.binding_type.clone()),
        ("provider", meta::MANAGER.to_owned()),
        (key::HOST, database.objects.base.clone()),
        (key::PORT, recipe.port.to_string()),
        (key::USERNAME, recipe.username.clone()),
        (key::PASSWORD, password.to_owned()),
        (key::DATABASE, name),
        (key::URI, uri::complete(database, password)),
    ];
    let given = entries.into_iter().filter(|(_, value)| !value.is_empty());
    Secret {
        metadata,
        type_: Some(format!("servicebinding.io/{}", recipe.binding_type)),
        immutable: Some(true),
        data: Some(given.map(|(key, value)| (key.to_owned(), ByteString(value.into_bytes()))).collect()),
        ..Secret::default()
    }
}
