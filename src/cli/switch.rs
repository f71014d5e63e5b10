//! `mstack suspend`, `resume`, `hibernate` and `wake`: the two switches of a stack.
use serde_json::{Value, json};

use super::common::access;
use super::common::change::{self, Edit, Options};
use super::common::{next, output};

/// Options of the commands that turn a switch.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Stack; by default the only one of the namespace.
    stack: Option<String>,
    #[command(flatten)]
    options: Options,
}

/// One position of a switch.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    field: &'static str,
    on: bool,
    /// What is said when it is turned.
    done: &'static str,
    /// What is said when it was so before.
    already: &'static str,
}

/// `spec.paused: true`.
pub const SUSPEND: Switch = Switch {
    field: "paused",
    on: true,
    done: "suspended: nothing is changed, drift neither, until it is resumed",
    already: "is suspended already",
};
/// `spec.paused: false`.
pub const RESUME: Switch =
    Switch { field: "paused", on: false, done: "resumed: what waited is carried out now", already: "is not suspended" };
/// `spec.hibernate: true`.
pub const HIBERNATE: Switch = Switch {
    field: "hibernate",
    on: true,
    done: "goes to sleep: services end, then databases; data stays",
    already: "hibernates already",
};
/// `spec.hibernate: false`.
pub const WAKE: Switch = Switch {
    field: "hibernate",
    on: false,
    done: "wakes: databases first, then services after what they use",
    already: "is awake",
};

/// Turns a switch.
///
/// # Errors
/// What the cluster refuses.
pub fn run(args: &Args, switch: Switch) -> output::Result {
    access::block_on(change::change(&args.options, args.stack.as_deref(), |stack| Ok(edit(stack, switch))))
}

fn edit(stack: &Value, switch: Switch) -> Edit {
    if stack["spec"][switch.field].as_bool().unwrap_or_default() == switch.on {
        return Edit { lines: vec![switch.already.to_owned()], ..Edit::default() };
    }
    let mut notes = Vec::new();
    if switch.field == "paused" && !switch.on && stack["spec"]["hibernate"] == json!(true) {
        notes.push(format!("it hibernates all the same; `{}` wakes it", next::command("wake STACK", stack)));
    }
    Edit { patch: json!({ "spec": { switch.field: switch.on } }), lines: vec![switch.done.to_owned()], notes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_is_turned_once() {
        let stack = json!({"metadata": {"name": "shop"}, "spec": {"paused": true}});
        assert_eq!(edit(&stack, SUSPEND).patch, Value::Null);
        assert_eq!(edit(&stack, RESUME).patch, json!({"spec": {"paused": false}}));
        assert_eq!(edit(&stack, HIBERNATE).patch, json!({"spec": {"hibernate": true}}));
        assert_eq!(edit(&stack, WAKE).lines, ["is awake"]);
    }
}
