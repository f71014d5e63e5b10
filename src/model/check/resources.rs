//! Processor and memory: valid quantities, and no request over its limit.
use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::super::quantity::{Quantity, compare};
use super::super::{Resources, Violations};
use crate::api;
use crate::api::Text;
use crate::codes::Code;

/// The resources of one component.
pub fn check(path: &str, written: Option<&api::Resources>, found: &mut Violations) -> Resources {
    let written = written.cloned().unwrap_or_default();
    let limits = written.limits.unwrap_or_default();
    let resources = Resources {
        requests: amounts(path, &[("cpu", written.cpu), ("memory", written.memory)], found),
        limits: amounts(&format!("{path}.limits"), &[("cpu", limits.cpu), ("memory", limits.memory)], found),
    };
    for (name, request) in &resources.requests {
        let Some(limit) = resources.limits.get(name) else { continue };
        if compare(request, limit) == Some(Ordering::Greater) {
            found.add(
                Code::RequestOverLimit,
                format!("{path}.{name}"),
                format!("{request} is reserved but the limit is {limit}, so no instance could start"),
                format!("raise `limits.{name}` to at least {request}, or lower `{name}`"),
            );
        }
    }
    resources
}

fn amounts(path: &str, written: &[(&str, Option<Text>)], found: &mut Violations) -> BTreeMap<String, String> {
    let mut amounts = BTreeMap::new();
    for (name, amount) in written {
        let Some(amount) = amount else { continue };
        judge_amount(&format!("{path}.{name}"), &amount.0, example(name), found);
        amounts.insert((*name).to_owned(), amount.0.clone());
    }
    amounts
}

fn example(name: &str) -> &'static str {
    if name == "cpu" { "`250m` or `2`" } else { "`256Mi` or `2Gi`" }
}

/// Judges one quantity that has to be more than nothing.
pub fn judge_amount(path: &str, amount: &str, example: &str, found: &mut Violations) {
    match Quantity::parse(amount) {
        None => found.add(Code::Quantity, path, format!("`{amount}` is not a quantity"), format!("write it like {example}")),
        Some(quantity) if quantity.is_zero() => {
            found.add(
                Code::Quantity,
                path,
                format!("`{amount}` is nothing"),
                format!("write it like {example}, or leave it out"),
            );
        }
        Some(_) => {}
    }
}
