//! What is reported of revisions (rule 7).
use crate::api::status::RevisionStatus;
use crate::model::{Record, Stack};
use crate::observed::{Child, Observed, State};
use crate::plan::rollout::{self, Course};

/// The last good revision, and the one that the spec asks for.
pub fn revision(stack: &Stack, observed: &Observed) -> RevisionStatus {
    let current = match rollout::course_of(stack, observed) {
        Course::Settled => Some(&stack.asked),
        Course::Forward { since } => since.map(|(child, _)| &child.name),
        Course::Back { good, .. } => Some(&good.name),
    };
    RevisionStatus { current: current.cloned(), update: Some(stack.asked.clone()) }
}

/// Reason word and message of a revision that has failed.
pub fn failure(stack: &Stack, observed: &Observed) -> Option<(&'static str, String)> {
    let Course::Back { good, failed } = rollout::course_of(stack, observed) else { return None };
    let why = format!("{} failed: {}", stack.asked, failed.reason);
    Some(match &stack.stays {
        None => {
            let next = format!("{}, or take the spec back to what runs: mstack rollback {}", again(stack), in_place(stack));
            ("RolledBack", format!("{why}; {} on {}; {next}", put_back(good, failed), good.name))
        }
        Some(stays) => {
            let next = again(stack);
            ("RollbackFailed", format!("{why}; the services could not be put back on {}: {stays}; {next}", good.name))
        }
    })
}

const ADVICE: &str = "mend the spec, or try the same again: mstack retry ";

/// How to go on after a failure.
pub fn again(stack: &Stack) -> String {
    format!("{ADVICE}{}", in_place(stack))
}

/// The words before those on how to go on.
pub fn without_advice(message: &str) -> &str {
    message.split(&format!("; {ADVICE}")).next().unwrap_or_default()
}

fn in_place(stack: &Stack) -> String {
    format!("{} -n {}", stack.name, stack.namespace)
}

/// Which services were put back: those that the failed revision had otherwise.
fn put_back(good: &Child, failed: &Record) -> String {
    let State::Revision(former) = &good.state else { return String::new() };
    let differs = |(name, hash): &(&String, &String)| failed.services.get(*name) != Some(*hash);
    let changed: Vec<&str> = former.services.iter().filter(differs).map(|(name, _)| name.as_str()).collect();
    match changed.as_slice() {
        [] => "no service had changed, so all are".to_owned(),
        [one] => format!("{one} is back"),
        several => format!("{} are back", several.join(", ")),
    }
}
