//! ConfigMaps: files, immutable and named by their contents; init scripts and those of recipes; and the record of a database's identity.
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Object, filled, meta};
use crate::kinds::Kind;
use crate::model::{Database, Service, Stack, names};

/// Key of the identity in the record of a database.
pub const IDENTITY: &str = "identity";
const LONGEST_KEY: usize = 200;
const IMMUTABLE: Option<bool> = Some(true);

/// The files of a service.
pub fn files(stack: &Stack, service: &Service) -> Option<Object> {
    let files = service.files.iter().map(|(path, text)| (file_key(path), text.clone())).collect();
    Some(object(&service.name, meta::owned(stack, &service.name, &files_name(service)?), files, IMMUTABLE))
}

/// The init scripts of a database. They run once, so an edit changes the ConfigMap in place and restarts nothing.
pub fn init(stack: &Stack, database: &Database) -> Option<Object> {
    let name = init_name(database)?;
    let mut scripts = database.init.clone();
    scripts.extend(texts(database.recipe.init_files));
    Some(object(&database.name, meta::owned(stack, &database.name, &name), scripts, None))
}

/// The scripts and the configuration of an engine's recipe. Those of a new operator are used from the next start of each
/// instance on: they change in place and restart nothing.
pub fn recipe(stack: &Stack, database: &Database) -> Option<Object> {
    let name = recipe_name(database)?;
    let peers = database.peers.join("\n");
    let files = texts(database.recipe.files).into_iter().map(|(name, text)| (name, text.replace("{peers}", &peers)));
    Some(object(&database.name, meta::owned(stack, &database.name, &name), files.collect(), None))
}

fn texts(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect()
}

/// The record outside the volumes of which data a database has. It is made once the database has served for the first
/// time, and outlives the stack (rules 9 and 10). The identity never changes; the version, a label, follows the highest
/// that has served.
pub fn identity_record(stack: &Stack, database: &Database, identity: &str) -> Object {
    let mut metadata = meta::kept(stack, &database.name, &database.objects.identity);
    let members = database.is_cluster().then(|| database.instances.to_string());
    // Labels, for of ConfigMaps no more than the metadata is watched.
    let labels = [
        (meta::DATA_IDENTITY, Some(identity)),
        (meta::DATA_VERSION, database.version.as_deref()),
        (meta::DATA_MEMBERS, members.as_deref()),
    ];
    let labels = labels.into_iter().filter_map(|(label, value)| Some((label.to_owned(), value?.to_owned())));
    metadata.labels.get_or_insert_default().extend(labels);
    metadata.annotations = meta::stamp(database);
    object(&database.name, metadata, BTreeMap::from([(IDENTITY.to_owned(), identity.to_owned())]), IMMUTABLE)
}

/// Name of the ConfigMap with the files of a service, if it has any.
pub fn files_name(service: &Service) -> Option<String> {
    Some(service.objects.files(&content_hash(&service.files)?))
}

/// Name of the ConfigMap with the init scripts of a database, if it has any.
pub fn init_name(database: &Database) -> Option<String> {
    let any = !database.init.is_empty() || !database.recipe.init_files.is_empty();
    any.then(|| database.objects.init.clone())
}

/// Name of the ConfigMap with the scripts of an engine's recipe, if it has any.
pub fn recipe_name(database: &Database) -> Option<String> {
    (!database.recipe.files.is_empty()).then(|| database.objects.recipe.clone())
}

/// The key of a file: its path, in the letters that a ConfigMap allows. A path that could be taken for another one, or
/// that is too long, ends in a hash.
pub fn file_key(path: &str) -> String {
    let plain = path.trim_start_matches('/');
    let key: String = plain.chars().map(|c| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '_' }).collect();
    let faithful = plain.chars().all(|c| c.is_ascii_alphanumeric() || "-./".contains(c));
    if faithful && key.len() <= LONGEST_KEY {
        return key;
    }
    format!("{}-{}", &key[..key.len().min(LONGEST_KEY)], names::short_hash(path))
}

fn content_hash(content: &BTreeMap<String, String>) -> Option<String> {
    let content = filled(content.clone())?;
    Some(names::short_hash(&serde_json::to_string(&content).unwrap_or_default()))
}

fn object(component: &str, metadata: ObjectMeta, data: BTreeMap<String, String>, immutable: Option<bool>) -> Object {
    let config_map = ConfigMap { metadata, data: filled(data), immutable, ..ConfigMap::default() };
    Object::new(Kind::ConfigMap, component, &config_map)
}
