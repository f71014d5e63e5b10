//! Volumes of pods and where they are mounted: files one by one, writable folders, data, init scripts.
use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{ConfigMapVolumeSource, EmptyDirVolumeSource, Volume, VolumeMount};

use crate::desired::config_map;
use crate::model::engine::FILES as FILES_PATH;
use crate::model::{Database, Service, Storage};

/// Name of the volume with a database's data, and of its claim template.
pub const DATA: &str = "data";
const FILES: &str = "files";
const INIT: &str = "init";
const RECIPE: &str = "recipe";

pub fn of_service(service: &Service) -> Vec<Volume> {
    let files = config_map::files_name(service).map(|name| from_config_map(FILES, name));
    files.into_iter().chain(scratch(&service.scratch).map(|(name, _)| empty(name))).collect()
}

pub fn of_service_mounts(service: &Service) -> Vec<VolumeMount> {
    let files = service.files.keys().map(|path| VolumeMount {
        sub_path: Some(config_map::file_key(path)),
        read_only: Some(true),
        ..mount(FILES, path)
    });
    outer_first(files.chain(scratch(&service.scratch).map(|(name, path)| mount(&name, path))))
}

/// The data of a database comes from its claim template, unless it is ephemeral.
pub fn of_database(database: &Database) -> Vec<Volume> {
    let data = has_ephemeral_data(database).then(|| empty(DATA.to_owned()));
    let init = config_map::init_name(database).map(|name| from_config_map(INIT, name));
    let recipe = config_map::recipe_name(database).map(|name| from_config_map(RECIPE, name));
    data.into_iter().chain(init).chain(recipe).chain(scratch(needed_scratch(database)).map(|(name, _)| empty(name))).collect()
}

pub fn of_database_mounts(database: &Database) -> Vec<VolumeMount> {
    let init =
        config_map::init_name(database).map(|_| VolumeMount { read_only: Some(true), ..mount(INIT, &database.recipe.init_path) });
    let recipe = config_map::recipe_name(database).map(|_| VolumeMount { read_only: Some(true), ..mount(RECIPE, FILES_PATH) });
    let places = database.recipe.places.iter().map(|(file, path)| VolumeMount {
        sub_path: Some((*file).to_owned()),
        read_only: Some(true),
        ..mount(RECIPE, path)
    });
    let scratch = scratch(needed_scratch(database)).map(|(name, path)| mount(&name, path));
    outer_first(data_mount(database).into_iter().chain(init).chain(recipe).chain(places).chain(scratch))
}

/// Where the data of a database is, if it has a folder for it.
pub fn data_mount(database: &Database) -> Option<VolumeMount> {
    let path = &database.recipe.mount_path;
    (!path.is_empty()).then(|| mount(DATA, path))
}

/// Whether a read-only root file system leaves the engine every folder that it writes to.
pub fn writable_folders_are_known(database: &Database) -> bool {
    !database.recipe.scratch.is_empty()
}

fn has_ephemeral_data(database: &Database) -> bool {
    database.storage == Storage::Ephemeral && !database.recipe.mount_path.is_empty()
}

/// Only a read-only root file system needs them.
fn needed_scratch(database: &Database) -> &[String] {
    if database.security.restricted { &database.recipe.scratch } else { &[] }
}

/// Names of writable folders: the same for the same folders in any order.
fn scratch(paths: &[String]) -> impl Iterator<Item = (String, &str)> {
    let paths: BTreeSet<&str> = paths.iter().map(String::as_str).collect();
    paths.into_iter().enumerate().map(|(place, path)| (format!("scratch-{place}"), path))
}

/// A folder before the folders in it, which it would hide.
fn outer_first(mounts: impl Iterator<Item = VolumeMount>) -> Vec<VolumeMount> {
    let mut mounts: Vec<VolumeMount> = mounts.collect();
    mounts.sort_by(|a, b| a.mount_path.cmp(&b.mount_path));
    mounts
}

fn empty(name: String) -> Volume {
    Volume { name, empty_dir: Some(EmptyDirVolumeSource::default()), ..Volume::default() }
}

fn from_config_map(volume: &str, name: String) -> Volume {
    let source = ConfigMapVolumeSource { name, ..ConfigMapVolumeSource::default() };
    Volume { name: volume.to_owned(), config_map: Some(source), ..Volume::default() }
}

fn mount(volume: &str, path: &str) -> VolumeMount {
    VolumeMount { name: volume.to_owned(), mount_path: path.to_owned(), ..VolumeMount::default() }
}
