//! What the operator is going to do: its own decisions, made ahead. After each of them the world is taken to be as they make
//! it, until nothing is left to decide. Pure; nothing is decided here.
#[cfg(test)]
mod tests;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::api::MicroserviceStack;
use crate::desired::{self, Object};
use crate::kinds::Kind;
use crate::model::revision::Outcome;
use crate::model::{self, DatabaseNames, Facts, Stack, Violations};
use crate::observed::{self, Child, Observed};
use crate::plan::rollout::{self, Verdict};
use crate::plan::{self, Conflict, Growth, Held, How, Why};

/// What is known before the first decision.
#[derive(Clone, Debug)]
pub struct Given<'a> {
    /// The stack as it is going to be.
    pub object: &'a MicroserviceStack,
    /// What is known of the cluster; volumes are taken from what is observed.
    pub facts: Facts,
    /// What is there.
    pub observed: Observed,
    /// Databases that are not touched.
    pub held: Held,
    /// Databases without a StatefulSet: the identity of their data, and whether their Secret is yet to be made.
    pub absent: BTreeMap<String, (Option<String>, bool)>,
    /// Volumes that cannot grow, and why.
    pub refused: BTreeMap<String, String>,
    /// Databases whose data goes with them.
    pub registered: BTreeSet<String>,
    /// Databases whose generated Secret is there, and whether it is stamped to go with them.
    pub secrets: BTreeMap<String, bool>,
}

/// What is going to happen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Foreseen {
    /// The writes, in their order.
    pub steps: Vec<Step>,
    /// Components that wait now, and for what.
    pub blocked: BTreeMap<String, Vec<String>>,
    /// Names that are taken.
    pub conflicts: Vec<Conflict>,
    /// Databases that are not touched, and why.
    pub held: BTreeMap<String, String>,
    /// What cannot be done but holds nothing back.
    pub notices: Vec<String>,
    /// Whether nothing is done before the stack is resumed.
    pub paused: bool,
}

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Name of the kind, such as `Deployment`.
    pub kind: &'static str,
    /// Name of the object.
    pub name: String,
    /// Component that it belongs to.
    pub component: String,
    /// What is done.
    pub act: Act,
    /// 0: at once. Later ones wait for what the earlier ones bring about.
    pub round: usize,
}

/// What is done to an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// It is created, with this count.
    Create(Box<Object>),
    /// It is applied, and the count with it.
    Apply {
        /// What is sent.
        object: Box<Object>,
        /// Count that is sent along.
        count: Option<i32>,
        /// Whether somebody else has changed it.
        drifted: bool,
    },
    /// Its count is set, and one to come back to is remembered.
    Count {
        /// The count.
        count: i32,
        /// The one to come back to after hibernation.
        remembered: Option<i32>,
    },
    /// What another manager has put into it goes.
    Strip {
        /// What is wanted.
        object: Box<Object>,
    },
    /// It goes, and what belongs to it.
    Delete,
    /// It goes, its pods stay, and it is made again.
    Renew,
    /// The volume is asked for this size.
    Grow(String),
    /// It is stamped to go with its database, or not to.
    Stamp(bool),
    /// The Secret is made, with a password that nobody chooses.
    MakeSecret,
}

/// A chain of waits is at most as long as the graph is deep, which is far below this.
const MOST_ROUNDS: usize = 100;
const SECRET: &str = "Secret";

/// Tells what is going to happen.
///
/// # Errors
/// When the spec is not valid: nothing happens then.
pub fn foresee(given: &Given<'_>) -> Result<Foreseen, Violations> {
    let mut foreseen = Foreseen::default();
    let mut world = given.observed.clone();
    let mut data = Data { registered: given.registered.clone(), secrets: given.secrets.clone() };
    for round in 0..MOST_ROUNDS {
        let stack = stack(given, &world)?;
        if stack.paused {
            foreseen.paused = true;
            break;
        }
        let steps = decide(given, &stack, &world, round, &mut data, &mut foreseen);
        let before = world.clone();
        for step in &steps {
            world::carry_out(&mut world, &stack, step);
        }
        world::settle(&mut world, &stack);
        let over = steps.is_empty() && world == before;
        foreseen.steps.extend(steps);
        if over {
            break;
        }
    }
    Ok(foreseen)
}

fn stack(given: &Given<'_>, world: &Observed) -> Result<Stack, Violations> {
    let refused = |name: &str| given.refused.get(name).cloned();
    let volumes = observed::volumes(given.object.spec.databases.keys(), world, refused);
    let mut stack = model::check(given.object, &Facts { volumes, ..given.facts.clone() })?;
    for (name, (identity, _)) in &given.absent {
        if let Some(identity) = identity {
            stack.set_identity(name, identity);
        }
    }
    Ok(stack)
}

/// One reconcile.
fn decide(
    given: &Given<'_>,
    stack: &Stack,
    world: &Observed,
    round: usize,
    data: &mut Data,
    foreseen: &mut Foreseen,
) -> Vec<Step> {
    let mut steps = Steps { round, steps: Vec::new() };
    steps.of_data(given, stack, world, data);
    let desired = desired::build(stack);
    let records = plan::records(stack, &desired, world);
    let held = plan::with_kept_data(stack, given.held.clone());
    let plan = plan::plan(stack, &desired, &records, world, &held);
    plan.writes.iter().for_each(|write| steps.of_write(write));
    if plan.conflicts.is_empty() {
        plan.prune.iter().for_each(|child| steps.of_child(child, Act::Delete));
    }
    if steps.steps.is_empty() {
        let growth = plan::growth(stack, world, |name| held.contains_key(name));
        for growth in &growth {
            steps.of_growth(growth);
        }
        steps.of_erased(stack, data, world);
    }
    if steps.steps.is_empty() && rollout::verdict(stack, &desired, world, &plan) == Verdict::Good {
        steps.of_revision(stack, world);
    }
    if round == 0 {
        foreseen.blocked = plan.blocked;
        foreseen.conflicts = plan.conflicts;
        foreseen.notices = stack.notices.iter().map(ToString::to_string).collect();
        foreseen.held = held.into_iter().map(|(name, (_, violation))| (name, violation.to_string())).collect();
    }
    steps.steps
}

/// What is remembered of data beside what is observed.
struct Data {
    registered: BTreeSet<String>,
    secrets: BTreeMap<String, bool>,
}

struct Steps {
    round: usize,
    steps: Vec<Step>,
}

impl Steps {
    fn add(&mut self, kind: &'static str, name: &str, component: &str, act: Act) {
        let (name, component) = (name.to_owned(), component.to_owned());
        self.steps.push(Step { kind, name, component, act, round: self.round });
    }

    fn of_child(&mut self, child: &Child, act: Act) {
        self.add(child.kind.row().name, &child.name, &child.component, act);
    }

    /// The revision is recorded as good.
    fn of_revision(&mut self, stack: &Stack, world: &Observed) {
        let record = rollout::record(stack, world, Outcome::Good, String::new());
        let object = Box::new(desired::revision_record(stack, &record));
        let (kind, name) = (object.kind, object.name.clone());
        let act = match world.get(kind, &name) {
            None => Act::Create(object),
            Some(_) => Act::Apply { object, count: None, drifted: false },
        };
        self.add(kind.row().name, &name, "", act);
    }

    /// Stamps, as far as they are not as declared, and Secrets that are made.
    fn of_data(&mut self, given: &Given<'_>, stack: &Stack, world: &Observed, data: &mut Data) {
        let retention = plan::retention(stack, &data.registered, world);
        data.registered.clone_from(&retention.registered);
        for (child, erased) in &retention.stamps {
            self.of_child(child, Act::Stamp(*erased));
        }
        let secret = |name: &str| DatabaseNames::new(stack.names, &stack.name, name).base;
        for (name, erased) in &retention.secrets {
            if data.secrets.get(name).is_some_and(|stamped| stamped != erased) {
                self.add(SECRET, &secret(name), name, Act::Stamp(*erased));
                data.secrets.insert(name.clone(), *erased);
            }
        }
        let made = given.absent.iter().filter(|(_, (_, make))| *make && self.round == 0 && !stack.hibernates);
        for name in made.map(|(name, _)| name).collect::<Vec<_>>() {
            self.add(SECRET, &secret(name), name, Act::MakeSecret);
            data.secrets.insert(name.clone(), stack.declared.get(name).copied().unwrap_or_default());
        }
    }

    fn of_write(&mut self, write: &plan::Write<'_>) {
        let object = || Box::new(write.object.clone());
        let mixed = write.child.is_some_and(|child| child.managed.foreign.is_some());
        let mut add = |act| self.add(write.object.kind.row().name, &write.object.name, &write.object.component, act);
        match &write.how {
            How::Create => add(Act::Create(object())),
            How::Apply { count, why } => {
                add(Act::Apply { object: object(), count: *count, drifted: *why == Why::Drifted });
                if mixed {
                    add(Act::Strip { object: object() });
                }
            }
            How::Count { count, remembered, .. } => add(Act::Count { count: *count, remembered: *remembered }),
            How::Strip { .. } => add(Act::Strip { object: object() }),
        }
    }

    fn of_growth(&mut self, growth: &Growth<'_>) {
        match &growth.step {
            plan::Step::Volumes(claims, _) => {
                for claim in claims {
                    self.of_child(claim, Act::Grow(growth.size.clone()));
                }
            }
            plan::Step::Replace(set) => self.of_child(set, Act::Delete),
            plan::Step::Template(set) => self.of_child(set, Act::Renew),
        }
    }

    /// Volumes go first; what is left goes once they are gone. One without the stamp keeps all.
    fn of_erased(&mut self, stack: &Stack, data: &mut Data, world: &Observed) {
        for erase in plan::erasable(stack, &data.registered.clone(), world) {
            let kept = erase.volumes.iter().any(|volume| !volume.erasable);
            if !kept {
                erase.volumes.iter().for_each(|volume| self.of_child(volume, Act::Delete));
            }
            if !kept && !erase.volumes.is_empty() {
                continue;
            }
            data.registered.remove(&erase.database);
            if !kept && data.secrets.remove(&erase.database) == Some(true) {
                self.add(SECRET, &erase.secret, &erase.database, Act::Delete);
            }
            if let Some(record) = erase.record.filter(|record| !kept && record.erasable) {
                self.of_child(record, Act::Delete);
            }
        }
    }
}

impl Step {
    /// The verb of the request that the operator makes.
    pub fn verb(&self) -> &'static str {
        match self.act {
            Act::Delete | Act::Renew => "delete",
            Act::MakeSecret => "create",
            _ => "patch",
        }
    }

    /// What is sent, where that is the whole object.
    pub fn body(&self) -> Option<&Value> {
        match &self.act {
            // Of a record that is there, only what it tells is changed.
            _ if self.kind == Kind::ControllerRevision.row().name => None,
            Act::Create(object) | Act::Apply { object, .. } => Some(&object.body),
            _ => None,
        }
    }
}
