//! The shape of the code, held by reading its text: which room may import which, what pure rooms may not mention, and how
//! long files and functions may be.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at what it does not expect")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// One room and the rooms that it may import. What is not listed, such as `cli`, joins the rooms and may import all.
struct Room {
    name: &'static str,
    imports: &'static [&'static str],
    /// Whether it knows neither a client nor a clock nor chance.
    pure: bool,
    longest_function: usize,
}

const ROOMS: [Room; 16] = [
    Room { name: "api", imports: &[], pure: true, longest_function: 60 },
    Room { name: "kinds", imports: &[], pure: true, longest_function: 60 },
    Room { name: "codes", imports: &[], pure: true, longest_function: 60 },
    Room { name: "states", imports: &[], pure: true, longest_function: 60 },
    Room { name: "yaml", imports: &[], pure: true, longest_function: 60 },
    Room { name: "lint", imports: &["api", "codes", "model", "yaml"], pure: true, longest_function: 60 },
    Room { name: "compose", imports: &["api", "lint", "model", "yaml"], pure: true, longest_function: 60 },
    Room { name: "model", imports: &["api", "codes"], pure: true, longest_function: 60 },
    // Builders are object literals, one field a line.
    Room { name: "desired", imports: &["api", "kinds", "model"], pure: true, longest_function: 90 },
    Room { name: "observed", imports: &["api", "desired", "kinds", "model"], pure: true, longest_function: 60 },
    Room { name: "readiness", imports: &["api", "desired", "kinds", "model", "observed"], pure: true, longest_function: 60 },
    Room {
        name: "plan",
        imports: &["codes", "desired", "kinds", "model", "observed", "readiness"],
        pure: true,
        longest_function: 60,
    },
    Room {
        name: "status",
        imports: &["api", "kinds", "model", "observed", "plan", "readiness"],
        pure: true,
        longest_function: 60,
    },
    Room {
        name: "foresight",
        imports: &["api", "desired", "kinds", "model", "observed", "plan"],
        pure: true,
        longest_function: 60,
    },
    Room { name: "picture", imports: &["model"], pure: true, longest_function: 60 },
    Room {
        name: "cluster",
        imports: &["api", "codes", "desired", "kinds", "metrics", "model", "observed", "plan", "readiness"],
        pure: false,
        longest_function: 60,
    },
];
const IMPURE: [&str; 9] = ["kube::Client", "kube::Api", "Api<", "async fn", ".await", "now()", "rand::", "std::fs", "std::env"];
const LONGEST_FILE: usize = 400;

/// One source file.
struct Source {
    path: PathBuf,
    room: String,
    /// How many modules it lies below the crate's root.
    depth: usize,
    /// Its lines, without comments and without its tests.
    lines: Vec<String>,
    opening: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    collect(&root, &root, &mut sources);
    assert!(sources.len() > 20, "only {} files", sources.len());
    sources
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_tests = path.file_stem().is_some_and(|stem| stem == "tests");
        if path.is_dir() && !is_tests {
            collect(root, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_tests {
            sources.push(source(root, path));
        }
    }
}

fn source(root: &Path, path: PathBuf) -> Source {
    let text = fs::read_to_string(&path).unwrap();
    let inside = path.strip_prefix(root).unwrap().with_extension("");
    let modules: Vec<String> =
        inside.iter().map(|part| part.to_string_lossy().into_owned()).filter(|part| part != "mod").collect();
    let tests = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let code = text[..tests].lines().map(|line| line.split("//").next().unwrap_or_default().to_owned());
    Source {
        room: modules[0].clone(),
        depth: modules.len(),
        lines: code.collect(),
        opening: text.lines().next().unwrap_or_default().to_owned(),
        path,
    }
}

fn room(source: &Source) -> Option<&'static Room> {
    ROOMS.iter().find(|room| room.name == source.room)
}

/// The rooms that a text imports: after each `crate::`, one name or a list of them in braces.
fn imports(text: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(list) => rooms.extend(top_level_names(list)),
            None => {
                rooms.insert(first_name(rest));
            }
        }
    }
    rooms
}

fn top_level_names(list: &str) -> Vec<String> {
    let mut names = vec![first_name(list.trim_start())];
    let mut depth = 0_i32;
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(first_name(list[at + 1..].trim_start())),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn first_name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn each_room_imports_only_the_rooms_before_it() {
    for source in sources() {
        let Some(room) = room(&source) else { continue };
        let imported = imports(&source.lines.join("\n"));
        let allowed: BTreeSet<String> = room.imports.iter().chain([&room.name]).map(|&name| name.to_owned()).collect();
        let others: Vec<&String> =
            imported.iter().filter(|name| name.starts_with(char::is_lowercase) && !allowed.contains(*name)).collect();
        assert!(others.is_empty(), "{} imports {others:?}; {} may import {:?}", source.path.display(), room.name, room.imports);
    }
}

#[test]
fn no_room_reaches_another_through_the_root_of_the_crate() {
    for source in sources().iter().filter(|source| room(source).is_some()) {
        let to_root = "super::".repeat(source.depth);
        let line = source.lines.iter().find(|line| line.contains(&to_root));
        assert_eq!(line, None, "{}: write `crate::`, so that the import is seen", source.path.display());
    }
}

#[test]
fn what_commands_have_in_common_knows_no_command() {
    let common: Vec<Source> =
        sources().into_iter().filter(|source| source.path.to_string_lossy().contains("src/cli/common/")).collect();
    assert!(common.len() > 10, "{}", common.len());
    for source in common {
        let to_commands = "super::".repeat(source.depth - 1);
        let line = source.lines.iter().find(|line| line.contains(&to_commands) || line.contains("crate::cli"));
        assert_eq!(line, None, "{}", source.path.display());
    }
}

#[test]
fn pure_rooms_know_neither_a_client_nor_a_clock_nor_chance() {
    for source in sources() {
        if room(&source).is_some_and(|room| room.pure) {
            for word in IMPURE {
                let line = source.lines.iter().find(|line| line.contains(word));
                assert_eq!(line, None, "{} mentions `{word}`", source.path.display());
            }
        }
    }
}

#[test]
fn every_file_is_short_and_opens_with_its_purpose() {
    for source in sources() {
        let path = source.path.display();
        assert!(source.lines.len() <= LONGEST_FILE, "{path} has {} lines, and {LONGEST_FILE} are allowed", source.lines.len());
        assert!(source.opening.starts_with("//! "), "{path} does not open with a sentence of purpose");
    }
}

#[test]
fn every_function_is_short() {
    for source in sources() {
        let longest = room(&source).map_or(60, |room| room.longest_function);
        for (start, length) in functions(&source.lines) {
            let place = format!("{}:{}", source.path.display(), start + 1);
            assert!(length <= longest, "the function at {place} has {length} lines, and {longest} are allowed");
        }
    }
}

/// Where functions start, and how many lines they have: to the brace that closes at the same indent.
fn functions(lines: &[String]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let is_function = code.starts_with("fn ")
            || (code.contains("fn ") && (code.starts_with("pub") || code.starts_with("async") || code.starts_with("const fn")));
        if !is_function {
            continue;
        }
        let indent = line.len() - code.len();
        let end = format!("{}}}", " ".repeat(indent));
        let one_line = code.ends_with('}') || code.ends_with(';');
        let length = if one_line {
            Some(1)
        } else {
            lines[start..].iter().position(|line| line.trim_end() == end).map(|length| length + 1)
        };
        found.extend(length.map(|length| (start, length)));
    }
    found
}

#[test]
fn the_reader_of_imports_sees_every_form() {
    let text = "use crate::api::{Names, Text};\nuse crate::{kinds::Kind, model::{Stack, names}, plan};\nlet x = crate::desired::build();";
    let expected = ["api", "desired", "kinds", "model", "plan"].map(str::to_owned);
    assert_eq!(imports(text), BTreeSet::from(expected));
}

#[test]
fn the_reader_of_functions_counts_to_the_closing_brace() {
    let lines =
        ["pub fn a() {", "    b();", "}", "    fn b() {}", "async fn c(", "    d: u8,", ") {", "    if d {", "    }", "}"];
    assert_eq!(functions(&lines.map(str::to_owned)), [(0, 3), (3, 1), (4, 6)]);
}
