//! What a command line means that is not understood, where it is one of another tool, or nearly one of this one.
use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

/// Commands that others have, and what does the same here.
const COMMANDS: &[(&[&str], &str)] = &[
    (
        &["apply", "create", "deploy", "up"],
        "`kubectl apply -f FILE` makes a stack real; `mstack plan -f FILE` tells before what would happen",
    ),
    (
        &["diff"],
        "`mstack plan -f FILE` tells what a change would do; `mstack render -f FILE | kubectl diff -f -` compares objects",
    ),
    (&["validate", "check", "test", "verify"], "`mstack lint -f FILE` checks stacks, `mstack doctor` a cluster"),
    (&["template", "build", "generate"], "`mstack render -f FILE` prints the objects that a stack becomes"),
    (&["get", "list", "ls", "ps"], "`mstack status -A` lists the stacks, and `kubectl get mstack NAME -o yaml` prints one"),
    (
        &["describe", "inspect", "show"],
        "`mstack status NAME` tells how a stack is and why, `mstack events NAME` what happened to it",
    ),
    (&["delete", "rm", "destroy"], "`kubectl delete mstack NAME` deletes a stack; its data stays, but for `onDelete: Delete`"),
    (
        &["down", "stop"],
        "`mstack hibernate NAME` takes a stack to 0 instances; `kubectl delete mstack NAME` deletes it, and its data stays",
    ),
    (&["start"], "`mstack wake NAME` wakes a stack that hibernates, `mstack resume NAME` goes on with a suspended one"),
    (&["edit", "set", "patch"], "`kubectl edit mstack NAME` edits a stack, `mstack scale NAME WHAT=COUNT` its counts"),
    (&["undo", "rollout"], "`mstack history NAME` shows the revisions, `mstack rollback NAME` goes back to one"),
    (
        &["port-forward", "forward"],
        "`mstack connect NAME DATABASE` forwards a database, `kubectl port-forward svc/SERVICE PORT` a service",
    ),
    (&["exec", "attach"], "`kubectl exec -it deploy/SERVICE -- COMMAND` runs something in a service"),
    (&["help"], "`mstack --help` lists the commands, `mstack COMMAND --help` tells of one"),
];

/// The error with what may be meant.
pub fn with_tip(mut error: Error, command: &Command, words: &[OsString]) -> Error {
    let given = |kind| error.get(kind).map(ToString::to_string);
    let tip = match error.kind() {
        ErrorKind::InvalidSubcommand => given(ContextKind::InvalidSubcommand).and_then(|name| of_command(&name)),
        ErrorKind::UnknownArgument => given(ContextKind::InvalidArg).and_then(|word| of_file(&word, command, words)),
        ErrorKind::MissingRequiredArgument => of_file("FILE", command, words),
        _ => None,
    };
    if let Some(tip) = tip {
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
    }
    error
}

fn of_command(name: &str) -> Option<String> {
    COMMANDS.iter().find(|(names, _)| names.contains(&name)).map(|(_, tip)| (*tip).to_owned())
}

/// A file that has no `-f` before it, or is not there.
fn of_file(word: &str, command: &Command, words: &[OsString]) -> Option<String> {
    let called = words.iter().filter_map(|word| word.to_str()).find_map(|word| command.find_subcommand(word))?;
    let takes_files = called.get_arguments().any(|arg| arg.get_id() == "filename");
    (takes_files && !word.starts_with('-')).then(|| format!("a file is named by `-f`: `mstack {} -f {word}`", called.get_name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tip_is_of_a_command_that_is_not_there_and_names_those_that_are() {
        let command = crate::cli::command();
        for (names, tip) in COMMANDS {
            assert!(names.iter().all(|name| command.find_subcommand(name).is_none()), "{names:?}");
            for told in tip.split("`mstack ").skip(1).filter_map(|rest| rest.split([' ', '`']).next()) {
                let is_there = command.find_subcommand(told).is_some() || told == "--help" || told == "COMMAND";
                assert!(is_there, "{names:?}: there is no `mstack {told}`");
            }
        }
    }
}
