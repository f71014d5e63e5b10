//! Committed files that are made from the code are what the code makes. `UPDATE=1` writes them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at what it does not expect")]

mod reference;

use std::fs;
use std::path::Path;

use mstack::api;

/// Where the definition lies: for `kubectl apply`, and for the chart, which cannot read outside its folder.
const CRDS: [&str; 2] = ["crds/microservicestacks.yaml", "charts/mstack/files/microservicestacks.yaml"];

#[test]
fn the_committed_crds_are_the_one_of_the_code() {
    let made = api::crd_yaml().unwrap();
    for place in CRDS {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(place);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&file, &made).unwrap();
        }
        let committed = fs::read_to_string(&file).unwrap_or_default();
        assert!(committed == made, "{place} is out of date; run `UPDATE=1 cargo test --test generated`");
    }
}

/// The schema for editors, which the examples refer to.
#[test]
fn the_committed_schema_is_the_one_of_the_code() {
    let made = format!("{:#}\n", mstack::lint::editor::schema());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/microservicestack.schema.json");
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &made).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == made, "{} is out of date; run `UPDATE=1 cargo test --test generated`", file.display());
}

#[test]
fn the_committed_reference_is_the_one_of_the_code() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference.md");
    let made = reference::page();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, &made).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == made, "docs/reference.md is out of date; run `make generate`");
}

/// What becomes of each key of Compose, from the table that the conversion goes by.
#[test]
fn the_committed_table_of_compose_keys_is_the_one_of_the_code() {
    use mstack::compose::keys::{Fate, OF_FILES, OF_SERVICES};
    let table = |heading: &str, rows: &[(&str, Fate)]| {
        let row = |(key, fate): &(&str, Fate)| match fate {
            Fate::Converted(to) => format!("| `{key}` | {to} |\n"),
            Fate::Needless(why) => format!("| `{key}` | not needed: {why} |\n"),
            Fate::Left(why, "") => format!("| `{key}` | left out: {why} |\n"),
            Fate::Left(why, fix) => format!("| `{key}` | left out: {why}; {fix} |\n"),
        };
        format!("\n| {heading} | what becomes of it |\n|---|---|\n{}", rows.iter().map(row).collect::<String>())
    };
    let made = table("key of a service", OF_SERVICES) + &table("key of the file", OF_FILES) + "\n";
    is_between("docs/convert.md", "<!-- keys -->\n", "<!-- /keys -->", &made);
}

/// What the words of a status mean, from the table that `mstack explain` reads.
#[test]
fn the_committed_tables_of_conditions_reasons_and_phases_are_those_of_the_code() {
    use mstack::states::Kind;
    let heads = |kind| match kind {
        Kind::Condition => ("conditions", "condition", "true means", "false means"),
        Kind::Reason => ("reasons", "reason", "what is the matter", "what to do"),
        Kind::OtherReason => ("other reasons", "reason", "what it means", "what to do"),
        Kind::Phase => ("phases", "phase", "what it means", "what to do"),
        Kind::Cause => ("causes", "word", "what is the matter", "what to do"),
    };
    for kind in Kind::ALL {
        let (name, word, means, then) = heads(kind);
        let row = |row: &mstack::states::Row| {
            let words: Vec<String> = row.words.iter().map(|word| format!("`{word}`")).collect();
            format!("| {} | {} | {} |\n", words.join(", "), row.means, row.then)
        };
        let rows: String = kind.rows().iter().map(row).collect();
        let made = format!("\n| {word} | {means} | {then} |\n|---|---|---|\n{rows}\n");
        is_between("docs/operations.md", &format!("<!-- {name} -->\n"), &format!("<!-- /{name} -->"), &made);
    }
}

/// A part of a document is what the code makes.
fn is_between(document: &str, begin: &str, end: &str, made: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(begin).unwrap_or_else(|| panic!("{document} has no {begin}"));
    let (committed, after) = rest.split_once(end).unwrap_or_else(|| panic!("{document} has no {end}"));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, format!("{before}{begin}{made}{end}{after}")).unwrap();
        return;
    }
    assert!(committed == made, "{document} is out of date; run `UPDATE=1 cargo test --test generated`");
}

#[test]
fn every_example_names_the_schema_for_editors_and_has_nothing_wrong() {
    for (example, up) in [("examples/minimal.yaml", ".."), ("examples/public.yaml", ".."), ("examples/shop/stack.yaml", "../..")]
    {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(example)).unwrap();
        let line = format!("# yaml-language-server: $schema={up}/schemas/microservicestack.schema.json");
        assert!(text.lines().next() == Some(line.as_str()), "{example} does not begin with `{line}`");
        assert_eq!(mstack::lint::lint(&text).findings, [], "{example}");
    }
}

#[test]
fn the_crd_has_at_most_200_kb() {
    assert!(api::crd_yaml().unwrap().len() <= 200_000);
}

/// `default:` makes GitOps tools see a drift, and the API server knows no unsigned formats.
#[test]
fn the_crd_has_neither_defaults_nor_unsigned_formats() {
    let crd = api::crd_yaml().unwrap();
    for line in crd.lines().map(|line| line.trim().trim_start_matches("- ")) {
        assert!(!line.starts_with("default:") && !line.starts_with("format: uint"), "{line}");
    }
}
