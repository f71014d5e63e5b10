//! Committed files that are made from the code are what the code makes. `UPDATE=1` writes them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at what it does not expect")]

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
