//! Names: of the stack, of its components, and the names that are derived from them.
use std::collections::BTreeMap;

use super::super::{DatabaseNames, ServiceNames, Violations};
use super::{Scope, spelling};
use crate::codes::Code;

/// Longest name of a component.
const LONGEST_COMPONENT: usize = 40;
/// Longest name of a stack.
const LONGEST_STACK: usize = 53;
const RULE: &str = "use lower-case letters, digits and `-`, starting with a letter";

/// Judges all names.
pub fn judge(scope: Scope, found: &mut Violations) {
    judge_label(Code::StackName, "metadata.name", scope.stack, LONGEST_STACK, found);
    for (path, name) in paths(scope) {
        judge_label(Code::ComponentName, &path, name, LONGEST_COMPONENT, found);
    }
    for name in scope.spec.databases.keys().filter(|name| scope.spec.services.contains_key(*name)) {
        found.add(
            Code::SharedName,
            format!("spec.databases.{name}"),
            format!("`{name}` is the name of a service as well, and `uses` could not tell them apart"),
            "rename one of them",
        );
    }
    judge_derived(scope, found);
}

fn paths(scope: Scope<'_>) -> impl Iterator<Item = (String, &str)> {
    let services = scope.spec.services.keys().map(|name| (format!("spec.services.{name}"), name.as_str()));
    let databases = scope.spec.databases.keys().map(|name| (format!("spec.databases.{name}"), name.as_str()));
    let tests = scope.spec.tests.keys().map(|name| (format!("spec.tests.{name}"), name.as_str()));
    let jobs = scope.spec.jobs.keys().map(|name| (format!("spec.jobs.{name}"), name.as_str()));
    services.chain(databases).chain(tests).chain(jobs)
}

fn judge_label(code: Code, path: &str, name: &str, longest: usize, found: &mut Violations) {
    if !spelling::is_label(name, longest) {
        let reason = format!("`{name}` is not a DNS label of at most {longest} characters, and objects are called after it");
        found.add(code, path, reason, RULE);
    }
}

/// Two components whose objects would have the same name: one would overwrite the other.
fn judge_derived(scope: Scope, found: &mut Violations) {
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    let databases = scope.spec.databases.keys().flat_map(|name| {
        let names = DatabaseNames::new(scope.names, scope.stack, name);
        let path = format!("spec.databases.{name}");
        // Not every engine has a read-only Service; its name is kept free all the same.
        [names.base, names.headless, names.read_only].map(|derived| (derived, path.clone()))
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
                Code::DerivedName,
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
