//! `mstack retry`: another try of what has failed for good - a revision, a migration, a test, a job. It is asked for by an
//! annotation of the stack, for the spec stays the same.
use k8s_openapi::jiff::{Timestamp, Unit};
use serde_json::{Value, json};

use super::common::access::{self, name_of, told};
use super::common::change::{self, Edit, Options};
use super::common::{next, output};
use crate::api::RETRY;
use crate::status::without_advice;

/// Options of `mstack retry`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It tries the same again. What the spec asks for is changed by an edit of the spec, which needs no retry."
)]
pub struct Args {
    /// Stack; by default the only one of the namespace.
    stack: Option<String>,
    #[command(flatten)]
    options: Options,
}

/// Asks for another try.
///
/// # Errors
/// When nothing has failed, or the cluster refuses.
pub fn run(args: &Args) -> output::Result {
    let now = Timestamp::now().round(Unit::Second).map_err(|error| error.to_string())?.to_string();
    access::block_on(change::change(&args.options, args.stack.as_deref(), |stack| edit(stack, &now)))
}

/// Reasons of `Ready` that only a retry or another spec ends.
const FOR_GOOD: [&str; 4] = ["RolledBack", "RollbackFailed", "MigrationFailed", "TestFailed"];

fn edit(stack: &Value, now: &str) -> Result<Edit, String> {
    let failed = failed(stack);
    if failed.is_empty() {
        return Err(nothing(stack));
    }
    let mut notes = Vec::new();
    if stack["spec"]["hibernate"] == json!(true) {
        notes.push(format!("the stack hibernates, so nothing runs before `{}`", next::command("wake STACK", stack)));
    }
    Ok(Edit { patch: json!({ "metadata": { "annotations": { RETRY: now } } }), lines: failed, notes })
}

/// What has failed, a line each.
fn failed(stack: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if FOR_GOOD.contains(&told(stack, "Ready", "reason")) {
        let revision = stack["status"]["revision"]["update"].as_str().unwrap_or("what the spec asks for");
        lines.push(format!("{revision} is tried again; {}", without_advice(told(stack, "Ready", "message"))));
    }
    for (part, word) in [("tests", "test"), ("jobs", "job")] {
        let tasks = stack["status"][part].as_object().into_iter().flatten();
        for (name, task) in tasks.filter(|(_, task)| task["phase"] == "Failed") {
            let words = without_advice(task["message"].as_str().unwrap_or_default());
            lines.push(format!("the {word} {name} is tried again; it failed: {words}"));
        }
    }
    lines
}

fn nothing(stack: &Value) -> String {
    let name = name_of(stack);
    match told(stack, "Ready", "reason") {
        "Available" => format!("nothing of {name} has failed, so there is nothing to try again"),
        "" => format!("no operator has looked at {name} yet; `mstack doctor` says why"),
        reason => format!(
            "nothing of {name} waits for a retry: it is {reason}; `{}` says why, and what to do",
            next::command("status STACK", stack)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(reason: &str, message: &str, tests: &Value) -> Value {
        json!({"metadata": {"name": "shop"}, "spec": {}, "status": {
            "conditions": [{"type": "Ready", "status": "False", "reason": reason, "message": message}],
            "revision": {"current": "shop-1", "update": "shop-2"},
            "tests": tests,
        }})
    }

    #[test]
    fn rule_7_what_failed_is_told_and_tried_again_by_the_annotation() {
        let message = "shop-2 failed: the test flow failed: exit code 1; web is back on shop-1; mend the spec, or try the same again: mstack retry shop -n shop, or other";
        let tests = json!({"flow": {"phase": "Failed", "job": "t", "message": "exit code 1; mend the spec, or try the same again: mstack retry shop -n shop"}, "nice": {"phase": "Succeeded", "job": "u"}});
        let edit = edit(&stack("RolledBack", message, &tests), "2026-01-31T12:00:00Z").unwrap();
        assert_eq!(edit.patch, json!({"metadata": {"annotations": {RETRY: "2026-01-31T12:00:00Z"}}}));
        assert_eq!(
            edit.lines,
            [
                "shop-2 is tried again; shop-2 failed: the test flow failed: exit code 1; web is back on shop-1",
                "the test flow is tried again; it failed: exit code 1"
            ]
        );
    }

    #[test]
    fn where_nothing_has_failed_for_good_it_is_refused_with_a_word() {
        let refused = |reason: &str| edit(&stack(reason, "api: 0 of 1 serves", &json!({})), "now").unwrap_err();
        assert!(refused("Available").contains("nothing to try again"));
        assert!(refused("InvalidSpec").contains("it is InvalidSpec; `mstack status shop"));
        assert!(refused("").contains("no operator"));
    }
}
