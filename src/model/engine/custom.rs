//! An image of the user's own, before the spec fills it in.
use super::{Access, Recipe, base, pairs};
use crate::api::Engine;

pub fn row(database: &str) -> Recipe {
    Recipe {
        binding_type: "custom".to_owned(),
        // The image's own variables, arguments and URI refer to these.
        env: pairs(&[("DATABASE", database)]),
        credentials_env: pairs(&[("USERNAME", "username"), ("PASSWORD", "password")]),
        username: database.to_owned(),
        databases: true,
        access: Access::Either,
        uri: "tcp://$(HOST):$(PORT)".to_owned(),
        open_uri: "tcp://$(HOST):$(PORT)".to_owned(),
        ..base(Engine::Custom, "", "", 0)
    }
}
