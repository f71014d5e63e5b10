//! Storage grows in place (rule 10): first each volume is asked for the new size, which is the stored intent; once all of
//! them are, the StatefulSet is made anew with a larger volume template, and its pods keep running.
use std::cmp::Ordering;

use crate::kinds::Kind;
use crate::model::quantity::compare;
use crate::model::{Stack, Storage};
use crate::observed::{Child, ClaimState, Observed, State};
use crate::readiness;

/// The next step of the growth of a database.
#[derive(Debug, PartialEq)]
pub struct Growth<'a> {
    /// The database.
    pub database: String,
    /// The size that its volumes are to have.
    pub size: String,
    /// What is next.
    pub step: Step<'a>,
}

/// A step of a growth.
#[derive(Debug, PartialEq)]
pub enum Step<'a> {
    /// These volumes are asked to grow; with the class that all of them are of.
    Volumes(Vec<&'a Child>, Option<String>),
    /// A cache is to keep its data from now on: its StatefulSet, which has no volumes, goes with its pods.
    Replace(&'a Child),
    /// All volumes are asked: the StatefulSet goes, its pods stay, and it is made again with the new template.
    Template(&'a Child),
}

/// The databases whose volumes are smaller than they are to be; one that is `held` keeps its StatefulSet, and so its size.
pub fn growth<'a>(stack: &Stack, observed: &'a Observed, held: impl Fn(&str) -> bool) -> Vec<Growth<'a>> {
    let free = stack.databases.values().filter(|database| !held(&database.name));
    free.filter_map(|database| {
        let Storage::Volume { size, template, .. } = &database.storage else { return None };
        let (set, workload) = readiness::workload(observed, Kind::StatefulSet, &database.objects.base)?;
        if workload.volume_size.is_none() {
            return Some(Growth { database: database.name.clone(), size: size.clone(), step: Step::Replace(set) });
        }
        let small: Vec<&Child> = volumes(observed, &database.name)
            .filter(|(_, claim)| is_less(&claim.requested, size))
            .map(|(child, _)| child)
            .collect();
        let step = if small.is_empty() {
            is_less(template, size).then_some(Step::Template(set))?
        } else {
            // The API server refuses to change one that is not bound yet; its binding is an event.
            let bound = |child: &&Child| matches!(&child.state, State::Claim(claim) if claim.bound);
            let due: Vec<&Child> = small.into_iter().filter(bound).collect();
            let class = volumes(observed, &database.name).find_map(|(_, claim)| claim.class.clone());
            (!due.is_empty()).then_some(Step::Volumes(due, class))?
        };
        Some(Growth { database: database.name.clone(), size: size.clone(), step })
    })
    .collect()
}

/// Whether a database has a StatefulSet without volumes and is to have them: its template cannot change, so it is left as
/// it is until it is replaced. What it holds may be lost at any restart.
pub fn is_replaced(stack: &Stack, name: &str, observed: &Observed) -> bool {
    let keeps = stack.databases.get(name).filter(|database| matches!(database.storage, Storage::Volume { .. }));
    let set = keeps.and_then(|database| readiness::workload(observed, Kind::StatefulSet, &database.objects.base));
    set.is_some_and(|(_, workload)| workload.volume_size.is_none())
}

/// The volumes of a database.
fn volumes<'a>(observed: &'a Observed, name: &str) -> impl Iterator<Item = (&'a Child, &'a ClaimState)> {
    observed.of(Kind::PersistentVolumeClaim, name).filter(|child| child.identity.is_some() && !child.deleting).filter_map(
        |child| match &child.state {
            State::Claim(claim) => Some((child, &**claim)),
            _ => None,
        },
    )
}

fn is_less(size: &str, than: &str) -> bool {
    compare(size, than) == Some(Ordering::Less)
}
