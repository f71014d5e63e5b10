//! The init container that keeps an engine from a volume that does not hold its data (rule 10).
use k8s_openapi::api::core::v1::{ConfigMapKeySelector, Container, EnvVar, EnvVarSource};

use super::{env, filled, resources, security, volumes};
use crate::desired::config_map::IDENTITY;
use crate::model::{Database, Storage};

/// Name of the init container, and of the command that it runs.
pub const NAME: &str = "volume-guard";
const WANTED: &str = "MSTACK_IDENTITY";
const RECORDED: &str = "MSTACK_RECORDED_IDENTITY";
// Variables and no arguments: the image may be of an older operator, which would refuse arguments that it does not know.
const PROOF: &str = "MSTACK_PROOF";
const FOLLOWS: &str = "MSTACK_FOLLOWS";
const POD: &str = "POD_NAME";

/// None for an ephemeral database, and where the operator does not know its own image. It runs as the engine's user, so
/// that it may read what the engine may.
pub fn build(database: &Database) -> Option<Container> {
    let Storage::Volume { identity: Some(identity), .. } = &database.storage else { return None };
    let image = database.guard_image.clone()?;
    let data = volumes::data_mount(database)?;
    let args = [NAME, "--path", &data.mount_path, "--identity", "$(MSTACK_IDENTITY)"];
    Some(Container {
        name: NAME.to_owned(),
        image: Some(image),
        args: Some(args.map(str::to_owned).to_vec()),
        env: Some(variables(database, identity)),
        // A quota of the namespace may demand them, and init containers add nothing to what the pod reserves.
        resources: resources(&database.resources),
        security_context: Some(security::of_container(&database.security, true)),
        volume_mounts: Some(vec![data]),
        ..Container::default()
    })
}

fn variables(database: &Database, identity: &str) -> Vec<EnvVar> {
    let proof = filled(database.recipe.proof.join(",")).map(|proof| env::plain(PROOF, &proof));
    let follows = database.has_primary().then(|| [env::field(POD, "metadata.name"), env::plain(FOLLOWS, "true")]);
    let known = [env::plain(WANTED, identity), recorded(database)];
    known.into_iter().chain(proof).chain(follows.into_iter().flatten()).collect()
}

/// Absent until the database has served for the first time.
fn recorded(database: &Database) -> EnvVar {
    let key = ConfigMapKeySelector { name: database.objects.identity.clone(), key: IDENTITY.to_owned(), optional: Some(true) };
    let source = EnvVarSource { config_map_key_ref: Some(key), ..EnvVarSource::default() };
    EnvVar { name: RECORDED.to_owned(), value_from: Some(source), ..EnvVar::default() }
}
