//! What the documents show is true: their stacks are stacks, and what they point to is there.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at what it does not expect")]

use std::path::Path;

use mstack::api::MicroserviceStack;
use mstack::model::{Facts, check};

const README: &str = include_str!("../README.md");
const NOTES: &str = include_str!("../charts/mstack/templates/NOTES.txt");

fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    text.split(begin).nth(1).and_then(|rest| rest.split(end).next()).unwrap()
}

fn has_no_violation(text: &str) {
    let mut stack: MicroserviceStack = serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    stack.metadata.namespace = Some("shop".to_owned());
    let facts = Facts { gateway_api: true, ..Facts::default() };
    check(&stack, &facts).unwrap_or_else(|violations| panic!("{violations}\n{text}"));
}

#[test]
fn the_stack_of_the_readme_has_no_violation() {
    has_no_violation(between(README, "```yaml\n", "```"));
}

#[test]
fn the_stack_that_the_chart_prints_has_no_violation() {
    has_no_violation(between(NOTES, "<<'END'\n", "     END\n"));
}

#[test]
fn what_the_documents_link_to_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for document in
        ["README.md", "docs/getting-started.md", "docs/operations.md", "examples/README.md", "examples/shop/README.md"]
    {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with("http") && !link.starts_with('#')) {
            let target = root.join(document).parent().unwrap().join(link);
            assert!(target.exists(), "{document} links to {link}, which is not there");
        }
    }
}
