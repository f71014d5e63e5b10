//! Names: of the stack, of its components, and the names that are derived from them.
use std::collections::BTreeMap;

use super::super::{DatabaseNames, ServiceNames, Violations};
use super::{Scope, spelling};

/// Longest name of a component.
const LONGEST_COMPONENT: usize = 40;
/// Longest name of a stack.
const LONGEST_STACK: usize = 53;
const RULE: &str = "use lower-case letters, digits and `-`, starting with a letter";

/// Judges all names.
pub fn judge(scope: Scope, found: &mut Violations) {
    judge_label("metadata.name", scope.stack, LONGEST_STACK, found);
    for (path, name) in paths(scope) {
        judge_label(&path, name, LONGEST_COMPONENT, found);
    }
    for name in scope.spec.databases.keys().filter(|name| scope.spec.services.contains_key(*name)) {
        found.add(
            format!("spec.databases.{name}"),
            format!("`{name}` is the name of a service as well, and `uses` could not tell them apart"),
            "rename one of them",
        );
    }
    judge_derived(scope, found);
}

fn paths(scope: Scope<'_>) -> impl Iterator<Item = (String, &str)> {
    let services = scope.spec.services.keys().map(|name| (format!("spec.services.{name}"), name.as_str()));
    services.chain(scope.spec.databases.keys().map(|name| (format!("spec.databases.{name}"), name.as_str())))
}

fn judge_label(path: &str, name: &str, longest: usize, found: &mut Violations) {
    if !spelling::is_label(name, longest) {
        let reason = format!("`{name}` is not a DNS label of at most {longest} characters, and objects are called after it");
        found.add(path, reason, RULE);
    }
}

/// Two components whose objects would have the same name: one would overwrite the other.
fn judge_derived(scope: Scope, found: &mut Violations) {
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    let databases = scope.spec.databases.keys().flat_map(|name| {
        let names = DatabaseNames::new(scope.names, scope.stack, name);
        let path = format!("spec.databases.{name}");
        // The read-only Service is made once an engine replicates; its name is kept free from the start.
        let read_only = format!("{}-ro", names.base);
        [names.base, names.headless, read_only].map(|derived| (derived, path.clone()))
    });
    let services = scope
        .spec
        .services
        .keys()
        .map(|name| (ServiceNames::new(scope.names, scope.stack, name).base, format!("spec.services.{name}")));
    for (derived, path) in databases.chain(services) {
        match owners.get(&derived) {
            // The same name twice is told by the rule above.
            Some(other) if last(other) != last(&path) => found.add(
                &path,
                format!("its Service would be called `{derived}`, which is taken by {other}"),
                "rename one of them",
            ),
            Some(_) => {}
            None => {
                owners.insert(derived, path);
            }
        }
    }
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}
