//! From a Compose file to a stack, with a note on everything that is not the same afterwards. Pure: texts in, stack and
//! notes out.
//!
//! ```text
//! project (read, merged, interpolated) ──► drafts (one a service) ──► peers (who is called what) ──► stack + notes
//! ```
mod database;
mod doors;
mod draft;
mod health;
mod image;
pub mod keys;
mod mounts;
mod notes;
mod peers;
mod ports;
mod project;
mod references;
mod service;
mod tree;
mod variables;
mod words;
mod write;

use std::collections::BTreeMap;

use kube::api::ObjectMeta;

use crate::api::{MicroserviceStack, StackSpec};
use draft::Role;
use peers::Peers;

pub use notes::{Kind, Note, Notes, Place};
pub use variables::dotenv;
pub use write::write;

/// A Compose file.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name as it was given, for the notes.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// What is found at a path of the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A text.
    Text(String),
    /// A file that is no text, or a large one.
    Other,
    /// A folder, with the names in it.
    Folder(Vec<String>),
    /// Nothing.
    Nothing,
}

/// What is converted, and how.
pub struct Input<'a> {
    /// Compose files; later ones are laid over the first.
    pub sources: Vec<Source>,
    /// Variables for `${NAME}`.
    pub variables: BTreeMap<String, String>,
    /// Looks at a path, relative to the folder of the first file.
    pub look: &'a dyn Fn(&str) -> Found,
    /// Name of the stack, where the files do not say it better.
    pub folder: String,
    /// Name of the stack that was asked for.
    pub name: Option<String>,
    /// Profiles that are on.
    pub profiles: Vec<String>,
    /// Registry of images that Compose would build.
    pub registry: String,
    /// Size of a volume; Compose knows none.
    pub storage: String,
}

/// What came of it.
#[derive(Debug)]
pub struct Converted {
    /// The stack.
    pub stack: MicroserviceStack,
    /// What is not the same, in the order of importance and of the files.
    pub notes: Vec<Note>,
}

/// Converts Compose files to a stack.
///
/// # Errors
/// Why there is nothing to convert, a line each.
pub fn convert(input: &Input) -> Result<Converted, Vec<String>> {
    let mut notes = Notes::default();
    let project = project::load(input, &mut notes)?;
    let drafts = draft::all(input, &project, &mut notes);
    let peers = Peers::of(&drafts);
    let mut spec =
        StackSpec { profiles: Some(input.profiles.clone()).filter(|profiles| !profiles.is_empty()), ..StackSpec::default() };
    for draft in &drafts {
        match draft.role {
            Role::Service => {
                spec.services.insert(draft.name.clone(), service::of(input, draft, &peers, &mut notes));
            }
            Role::Engine(_) | Role::Custom => {
                spec.databases.insert(draft.name.clone(), database::of(input, draft, &mut notes));
            }
            Role::Once => {}
        }
    }
    doors::address(&mut spec, &drafts, &mut notes);
    doors::lonely(&spec, &drafts, &mut notes);
    if spec.services.is_empty() && spec.databases.is_empty() {
        return Err(vec![format!("{}: nothing of it keeps running, so there is no stack to make", input.sources[0].name)]);
    }
    let name = input.name.clone().or_else(|| project.name.clone()).unwrap_or_else(|| input.folder.clone());
    let metadata = ObjectMeta { name: Some(words::label(&name, 53)), ..ObjectMeta::default() };
    Ok(Converted { stack: MicroserviceStack { metadata, spec, status: None }, notes: notes.sorted() })
}
