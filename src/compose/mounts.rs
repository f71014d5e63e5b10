//! What a container finds in its folders: volumes, files of the project, configs, secrets, memory.
use std::collections::BTreeMap;

use super::notes::{Notes, Place};
use super::tree::Item;
use super::{Found, Input, words};

/// Most files of a folder that is taken over.
const MOST_FILES: usize = 32;
const DEEPEST: usize = 4;

/// What is mounted.
#[derive(Debug, Default)]
pub struct Mounts {
    /// Folders whose data is to stay.
    pub data: Vec<Data>,
    /// Files with their text, by path.
    pub files: BTreeMap<String, (String, Place)>,
    /// Folders that are empty at each start.
    pub scratch: Vec<String>,
    /// Secrets.
    pub secrets: Vec<Secret>,
}

/// A folder whose data is to stay.
#[derive(Debug)]
pub struct Data {
    /// The volume, or the path on the machine.
    pub source: String,
    /// The folder in the container.
    pub target: String,
    /// Where it is written.
    pub place: Place,
}

/// A secret.
#[derive(Debug)]
pub struct Secret {
    /// Its name in Compose.
    pub source: String,
    /// Where it is written.
    pub place: Place,
}

/// Everything that a service mounts. `keeps` tells whether a folder in the container is where its data lies.
pub fn of(input: &Input, root: &Item, service: &Item, path: &str, keeps: &dyn Fn(&str) -> bool, notes: &mut Notes) -> Mounts {
    let mut mounts = Mounts::default();
    for item in service.get("volumes").map(Item::items).unwrap_or_default() {
        let Some((source, target, kind)) = parts(item) else { continue };
        let at = format!("{path}.volumes");
        match kind {
            "tmpfs" => mounts.scratch.push(target),
            "volume" if !source.is_empty() => mounts.data.push(Data { source, target, place: item.place.clone() }),
            "volume" => {} // An anonymous one: the image's own folder is as good.
            "bind" if keeps(&target) => mounts.data.push(Data { source, target, place: item.place.clone() }),
            "bind" => bind(input, &mut mounts, service.get("build").is_some(), (&source, &target), (&item.place, &at), notes),
            other => notes.left(&item.place, at, format!("a volume of the type `{other}` has no counterpart"), ""),
        }
    }
    for target in service.get("tmpfs").map(Item::texts).unwrap_or_default() {
        mounts.scratch.push(target.split(':').next().unwrap_or_default().to_owned());
    }
    mounts.scratch.sort();
    mounts.scratch.dedup();
    for item in service.get("configs").map(Item::items).unwrap_or_default() {
        config(input, root, item, path, &mut mounts, notes);
    }
    for item in service.get("secrets").map(Item::items).unwrap_or_default() {
        let source = item.text().or_else(|| item.text_of("source")).unwrap_or_default().to_owned();
        mounts.secrets.push(Secret { source, place: item.place.clone() });
    }
    mounts
}

/// Source, target and type of a volume in either form.
fn parts(item: &Item) -> Option<(String, String, &str)> {
    if let Some(target) = item.text_of("target") {
        let source = item.text_of("source").unwrap_or_default();
        return Some((source.to_owned(), target.to_owned(), item.text_of("type").unwrap_or("volume")));
    }
    let mut parts = item.text()?.split(':');
    let (first, second) = (parts.next()?, parts.next());
    Some(match second {
        None => (String::new(), first.to_owned(), "volume"),
        Some(target) if first.starts_with(['.', '/', '~']) => (first.to_owned(), target.to_owned(), "bind"),
        Some(target) => (first.to_owned(), target.to_owned(), "volume"),
    })
}

fn bind(
    input: &Input,
    mounts: &mut Mounts,
    built: bool,
    (source, target): (&str, &str),
    (place, path): (&Place, &str),
    notes: &mut Notes,
) {
    if source.starts_with(['/', '~']) {
        let fix = match source.rsplit('/').next().unwrap_or_default() {
            "docker.sock" => "a program that steers containers runs outside of the stack, with rights of its own",
            "localtime" | "timezone" => "set `TZ` in `config`",
            _ => "put what it needs into the image, or into `files`",
        };
        notes.left(place, path, format!("`{source}` is a path of the machine, and a stack has no access to its node"), fix);
        return;
    }
    match (input.look)(source) {
        Found::Text(text) => {
            mounts.files.insert(target.to_owned(), (text, place.clone()));
        }
        Found::Folder(_) if built => {
            let what = format!("the folder `{source}` is mounted over the image, as for work on its source");
            notes.left(place, path, what, "the image has to have it");
        }
        Found::Folder(names) => {
            let mut files = BTreeMap::new();
            if folder(input, source, target, &names, 0, &mut files) {
                mounts.files.extend(files.into_iter().map(|(path, text)| (path, (text, place.clone()))));
            } else {
                let what = format!("the folder `{source}` has more than {MOST_FILES} files, or such as are no text");
                notes.todo(place, path, what, format!("put it into the image at `{target}`"));
            }
        }
        Found::Other => {
            let what = format!("`{source}` is no text, or too large for `files`");
            notes.todo(place, path, what, format!("put it into the image at `{target}`"));
        }
        Found::Nothing => {
            let what = format!("`{source}` is not there, so what the container finds at `{target}` is not known");
            notes.todo(place, path, what, "convert where it is, or write it into `files`");
        }
    }
}

/// The files of a folder; false where they are too many or no texts.
fn folder(
    input: &Input,
    source: &str,
    target: &str,
    names: &[String],
    depth: usize,
    files: &mut BTreeMap<String, String>,
) -> bool {
    names.iter().all(|name| {
        let (source, target) =
            (format!("{}/{name}", source.trim_end_matches('/')), format!("{}/{name}", target.trim_end_matches('/')));
        match (input.look)(&source) {
            Found::Text(text) => {
                files.insert(target, text);
                files.len() <= MOST_FILES
            }
            Found::Folder(names) if depth < DEEPEST => folder(input, &source, &target, &names, depth + 1, files),
            _ => false,
        }
    })
}

fn config(input: &Input, root: &Item, item: &Item, path: &str, mounts: &mut Mounts, notes: &mut Notes) {
    let name = item.text().or_else(|| item.text_of("source")).unwrap_or_default();
    let target = item.text_of("target").map_or_else(|| format!("/{name}"), str::to_owned);
    let target = if target.starts_with('/') { target } else { format!("/{target}") };
    let known = root.get("configs").and_then(|configs| configs.get(name));
    let text = known.and_then(|known| match (known.text_of("content"), known.text_of("environment"), known.text_of("file")) {
        (Some(content), ..) => Some(content.to_owned()),
        (_, Some(variable), _) => input.variables.get(variable).cloned(),
        (.., Some(file)) => match (input.look)(file) {
            Found::Text(text) => Some(text),
            _ => None,
        },
        _ => None,
    });
    if let Some(text) = text {
        mounts.files.insert(target, (text, item.place.clone()));
    } else {
        let what = format!("the text of {} is not in the project", words::list([name]));
        notes.todo(&item.place, format!("{path}.configs"), what, format!("write it into `files` as `{target}`"));
    }
}
