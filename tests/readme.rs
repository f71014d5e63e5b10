//! What the README shows is true: its stack is a stack, and what it points to is there.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at what it does not expect")]

use std::path::Path;

use mstack::api::MicroserviceStack;
use mstack::model::{Facts, check};

const README: &str = include_str!("../README.md");

#[test]
fn the_stack_of_the_readme_has_no_violation() {
    let text = README.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let mut stack: MicroserviceStack = serde_saphyr::from_str(text).unwrap();
    stack.metadata.namespace = Some("shop".to_owned());
    let facts = Facts { gateway_api: true, ..Facts::default() };
    check(&stack, &facts).unwrap_or_else(|violations| panic!("{violations}"));
}

#[test]
fn what_the_documents_link_to_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for document in ["README.md", "docs/getting-started.md", "examples/README.md", "examples/shop/README.md"] {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with("http") && !link.starts_with('#')) {
            let target = root.join(document).parent().unwrap().join(link);
            assert!(target.exists(), "{document} links to {link}, which is not there");
        }
    }
}
