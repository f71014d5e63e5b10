//! Environment variables as users write them.
use std::collections::BTreeMap;

use super::super::Violations;
use crate::api::Text;
use crate::codes::Code;

/// A map of variables.
pub fn config(path: &str, written: &BTreeMap<String, Text>, found: &mut Violations) -> BTreeMap<String, String> {
    for name in written.keys() {
        judge_name(&format!("{path}.{name}"), name, found);
    }
    written.iter().map(|(name, value)| (name.clone(), value.0.clone())).collect()
}

/// Judges the name of a variable by the rule of Kubernetes.
pub fn judge_name(path: &str, name: &str, found: &mut Violations) {
    let may_start = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '-' | '.');
    let good = name.starts_with(may_start)
        && name.chars().all(|c| may_start(c) || c.is_ascii_digit())
        && name != "."
        && !name.starts_with("..");
    if !good {
        found.add(
            Code::VariableName,
            path,
            format!("`{name}` cannot be the name of an environment variable"),
            "use letters, digits, `_`, `-` and `.`, and do not start with a digit",
        );
    }
}
