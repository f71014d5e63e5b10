//! The init container that runs what an engine's recipe does before a start, in the engine's image and as its user.
use k8s_openapi::api::core::v1::Container;

use super::{engine, filled, resources, security, volumes};
use crate::model::{Database, Stack};

/// Name of the init container.
pub const NAME: &str = "prepare";

/// None where the recipe has nothing to do.
pub fn build(stack: &Stack, database: &Database) -> Option<Container> {
    let command = filled(database.recipe.prepare.clone())?;
    Some(Container {
        name: NAME.to_owned(),
        image: Some(database.image.clone()),
        command: Some(command),
        env: Some(engine::env(stack, database)),
        resources: resources(&database.resources),
        volume_mounts: filled(volumes::of_database_mounts(database)),
        security_context: Some(security::of_container(&database.security, volumes::writable_folders_are_known(database))),
        ..Container::default()
    })
}
