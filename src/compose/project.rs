//! The project: Compose files read, filled with variables, joined, and services that extend others written out.
use std::collections::BTreeMap;

use super::notes::{Notes, Place};
use super::tree::{self, Data, Item};
use super::variables::{dotenv, expand};
use super::{Found, Input, Source, keys};

/// Compose files as one.
#[derive(Debug)]
pub struct Project {
    /// The name that they give.
    pub name: Option<String>,
    /// Services by name, in the order of the files.
    pub services: Vec<(String, Item)>,
    /// Everything.
    pub root: Item,
}

/// Keys whose later value replaces the earlier one, though both are lists.
const REPLACED: [&str; 4] = ["command", "entrypoint", "test", "env_file"];
/// Keys that may be a list where a map is meant, and what an entry without a value is.
const MAPS: [&str; 7] = ["environment", "labels", "annotations", "depends_on", "networks", "extra_hosts", "sysctls"];
const DEEPEST: usize = 16;

/// Reads and joins the files.
///
/// # Errors
/// What cannot be read.
pub fn load(input: &Input, notes: &mut Notes) -> Result<Project, Vec<String>> {
    let mut root: Option<Item> = None;
    for source in &input.sources {
        let item = file(input, source, "", 0, notes)?;
        root = Some(match root {
            Some(below) => merge(below, item, ""),
            None => item,
        });
    }
    let root = root.ok_or_else(|| vec!["no file is given".to_owned()])?;
    let services = root.get("services").map(|services| services.entries().to_vec()).unwrap_or_default();
    if services.is_empty() {
        return Err(vec![format!("{}: it has no `services`, so it is no Compose file", input.sources[0].name)]);
    }
    let mut written_out = Vec::new();
    for (name, service) in &services {
        let service = extended(input, &services, service.clone(), &format!("services.{name}"), 0, notes)?;
        written_out.push((name.clone(), service));
    }
    keys::judge_top(&root, notes);
    Ok(Project { name: root.text_of("name").map(str::to_owned), services: written_out, root })
}

/// One file with its variables filled in, over those that it includes.
fn file(input: &Input, source: &Source, folder: &str, depth: usize, notes: &mut Notes) -> Result<Item, Vec<String>> {
    let item = filled(input, tree::read(&source.name, &source.text)?, notes);
    let mut included: Option<Item> = None;
    for one in item.get("include").map(Item::items).unwrap_or_default() {
        let paths = one.get("path").map_or_else(|| one.texts(), Item::texts);
        for path in paths {
            let other = named(input, &joined(folder, path), &one.place, depth)?;
            let other = file(input, &other, parent(&other.name), depth + 1, notes)?;
            included = Some(match included {
                Some(below) => merge(below, other, ""),
                None => other,
            });
        }
    }
    Ok(match included {
        Some(below) => merge(below, item, ""),
        None => item,
    })
}

/// A file that another one names.
fn named(input: &Input, path: &str, place: &Place, depth: usize) -> Result<Source, Vec<String>> {
    match (input.look)(path) {
        Found::Text(text) if depth < DEEPEST => Ok(Source { name: path.to_owned(), text }),
        Found::Text(_) => Err(vec![format!("{place}: {path} leads back to itself")]),
        _ => Err(vec![format!("{place}: {path} cannot be read")]),
    }
}

fn filled(input: &Input, item: Item, notes: &mut Notes) -> Item {
    item.map(&mut |place, text| {
        expand(&text, &input.variables, &mut |name, words| {
            let words = words.filter(|words| !words.is_empty()).map(|words| format!(": {words}")).unwrap_or_default();
            let fix = "set it in `.env` and convert again, or write its value where it is empty now";
            notes.todo(place, format!("${{{name}}}"), format!("the variable `{name}` is not set{words}"), fix);
        })
    })
}

/// A service over the one that it extends.
fn extended(
    input: &Input,
    services: &[(String, Item)],
    service: Item,
    path: &str,
    depth: usize,
    notes: &mut Notes,
) -> Result<Item, Vec<String>> {
    let Some(extends) = service.get("extends").cloned() else { return Ok(service) };
    let place = extends.place.clone();
    let name = extends.text().or_else(|| extends.text_of("service")).unwrap_or_default().to_owned();
    if depth > DEEPEST {
        return Err(vec![format!("{place}: {path} extends itself")]);
    }
    let others = match extends.text_of("file") {
        Some(file) => {
            let other = named(input, file, &place, depth)?;
            let other = filled(input, tree::read(&other.name, &other.text)?, notes);
            other.get("services").map(|services| services.entries().to_vec()).unwrap_or_default()
        }
        None => services.to_vec(),
    };
    let Some((_, base)) = others.iter().find(|(other, _)| *other == name) else {
        return Err(vec![format!("{place}: {path} extends `{name}`, which is not there")]);
    };
    let base = extended(input, &others, base.clone(), path, depth + 1, notes)?;
    Ok(merge(base, service, ""))
}

/// One value over another, as Compose joins files: maps by key, lists one after the other.
fn merge(below: Item, above: Item, key: &str) -> Item {
    if REPLACED.contains(&key) {
        return above;
    }
    let lists = matches!((&below.data, &above.data), (Data::List(_), Data::List(_)));
    let (below, above) = if MAPS.contains(&key) && !above.is_null() { (as_map(below), as_map(above)) } else { (below, above) };
    match (below.data, above.data) {
        (Data::List(mut items), Data::List(more)) if lists => {
            items.extend(more);
            Item { place: above.place, data: Data::List(items) }
        }
        (Data::Map(mut entries), Data::Map(more)) => {
            for (key, item) in more {
                match entries.iter().position(|(known, _)| *known == key) {
                    Some(at) => {
                        let known = std::mem::replace(&mut entries[at].1, Item { place: item.place.clone(), data: Data::Null });
                        entries[at].1 = merge(known, item, &key);
                    }
                    None => entries.push((key, item)),
                }
            }
            Item { place: above.place, data: Data::Map(entries) }
        }
        (_, data) => Item { place: above.place, data },
    }
}

fn as_map(item: Item) -> Item {
    let entries = item.pairs();
    Item { place: item.place, data: Data::Map(entries) }
}

/// The variables of a service's container: those of its files, then its own.
pub fn environment(input: &Input, service: &Item, path: &str, notes: &mut Notes) -> Vec<(String, Item)> {
    let mut found: BTreeMap<String, Item> = BTreeMap::new();
    for file in service.get("env_file").map(Item::items).unwrap_or_default() {
        let name = file.text().or_else(|| file.text_of("path")).unwrap_or_default();
        match (input.look)(name) {
            Found::Text(text) => found.extend(
                dotenv(&text, &input.variables)
                    .into_iter()
                    .map(|(key, value)| (key, Item { place: file.place.clone(), data: Data::Text(value) })),
            ),
            _ if file.text_of("required") == Some("false") => {}
            _ => notes.todo(
                &file.place,
                format!("{path}.env_file"),
                format!("`{name}` cannot be read, so its variables are missing"),
                "convert where the file is, or write them into `config`",
            ),
        }
    }
    for (name, item) in service.get("environment").map(Item::pairs).unwrap_or_default() {
        if !item.is_null() {
            found.insert(name, item);
        } else if let Some(value) = input.variables.get(&name) {
            found.insert(name, Item { place: item.place, data: Data::Text(value.clone()) });
        } else if !found.contains_key(&name) {
            let what = format!("`{name}` is taken from the shell of who starts Compose, and is not set here");
            notes.todo(&item.place, format!("{path}.environment.{name}"), what, "give its value in `config`, or in a Secret");
        }
    }
    found.into_iter().collect()
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn joined(folder: &str, path: &str) -> String {
    if folder.is_empty() || path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") }
}
