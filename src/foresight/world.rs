//! The world after a step, when all goes well: what is written is there, and in time it serves.
use std::collections::{BTreeMap, BTreeSet};

use super::{Act, Step};
use crate::desired::{Object, meta};
use crate::kinds::{KINDS, Kind};
use crate::model::{Stack, Storage};
use crate::observed::{Child, ClaimState, Endpoints, Managed, Observed, PodState, Progress, State, TaskEnd, Workload, record_of};

/// Any hash of an entry that is ours and whole.
const WHOLE: u64 = 1;

/// Takes the step to be done.
pub fn carry_out(world: &mut Observed, stack: &Stack, step: &Step) {
    let Some(kind) = KINDS.iter().find(|row| row.name == step.kind).map(|row| row.kind) else { return };
    if let Act::Create(object) = &step.act {
        world.insert(created(stack, object));
        return;
    }
    if matches!(step.act, Act::Delete | Act::Renew) {
        world.remove(kind, &step.name);
        let runs = matches!(kind, Kind::Deployment | Kind::StatefulSet) && step.act == Act::Delete;
        world.retain(|child| !(runs && child.kind == Kind::Pod && child.component == step.component));
        return;
    }
    let Some(child) = world.edit(kind, &step.name) else { return };
    match &step.act {
        Act::Apply { object, count, .. } => applied(child, object, *count),
        Act::Count { count, remembered } => {
            child.managed.count.count = true;
            child.managed.count.other = None;
            child.hibernated_from = *remembered;
            set_count(child, *count);
        }
        Act::Strip { .. } => child.managed.foreign = None,
        Act::Grow(size) => {
            if let State::Claim(claim) = &mut child.state {
                claim.requested.clone_from(size);
            }
        }
        Act::Stamp(erased) => child.erasable = *erased,
        Act::Create(_) | Act::Delete | Act::Renew | Act::MakeSecret => {}
    }
}

fn set_count(child: &mut Child, count: i32) {
    if let State::Workload(workload) = &mut child.state {
        workload.replicas = count;
    }
}

fn applied(child: &mut Child, object: &Object, count: Option<i32>) {
    read_metadata(child, object);
    child.managed.ours = WHOLE;
    child.managed.text = None;
    child.managed.count.template = count.is_some();
    child.generation += 1;
    child.sent_generation = child.generation;
    if let Some(count) = count {
        set_count(child, count);
    }
}

/// What is read of an object's metadata.
fn read_metadata(child: &mut Child, object: &Object) {
    let metadata = &object.body["metadata"];
    if object.kind == Kind::ControllerRevision {
        let annotations = serde_json::from_value(metadata["annotations"].clone()).unwrap_or_default();
        child.state = State::Revision(Box::new(record_of(&annotations)));
    }
    let label = |name: &str| metadata["labels"][name].as_str().map(str::to_owned);
    child.desired = Some(object.hash.clone());
    child.owner = metadata["ownerReferences"][0]["uid"].as_str().map(str::to_owned);
    child.identity = label(meta::DATA_IDENTITY);
    child.data_version = label(meta::DATA_VERSION);
    child.members = label(meta::DATA_MEMBERS).and_then(|count| count.parse().ok());
    child.form = metadata["annotations"][meta::FORM].as_str().and_then(|form| form.parse().ok());
    child.erasable = metadata["annotations"][meta::ON_DELETE] == meta::ERASED;
}

fn created(stack: &Stack, object: &Object) -> Child {
    let state = match object.kind {
        Kind::Deployment | Kind::StatefulSet => State::Workload(Box::new(workload(stack, object))),
        Kind::HorizontalPodAutoscaler => State::Autoscaler { desired: 0, trouble: None },
        Kind::HttpRoute | Kind::GrpcRoute => State::Route { accepted: true, message: String::new() },
        Kind::Job => State::Task(Box::default()),
        _ => State::Nothing,
    };
    let mut child = child(object.kind, &object.name, &object.component, state);
    read_metadata(&mut child, object);
    child.owned_by_stack = child.owner.is_some();
    child.managed.ours = WHOLE;
    child.managed.count.template = object.count.is_some();
    child
}

fn workload(stack: &Stack, object: &Object) -> Workload {
    let mut workload = Workload { replicas: object.count.unwrap_or_default(), ..Workload::default() };
    if let Some(database) = stack.databases.get(&object.component) {
        workload.guard_image.clone_from(&database.guard_image);
        if let Storage::Volume { template, class, identity, .. } = &database.storage {
            workload.volume_size = Some(template.clone());
            workload.volume_class.clone_from(class);
            workload.volume_identity.clone_from(identity);
        }
    }
    workload
}

fn child(kind: Kind, name: &str, component: &str, state: State) -> Child {
    Child {
        kind,
        name: name.to_owned(),
        uid: String::new(),
        version: 1,
        generation: 1,
        sent_generation: 1,
        owner: None,
        owned_by_stack: false,
        component: component.to_owned(),
        identity: None,
        data_version: None,
        members: None,
        form: None,
        hibernated_from: None,
        erasable: false,
        deleting: false,
        desired: None,
        managed: Managed::default(),
        state,
        seen: 0,
    }
}

/// Lets time pass: what is going away is gone, workloads have the instances that they ask for, and those serve.
pub fn settle(world: &mut Observed, stack: &Stack) {
    world.retain(|child| !child.deleting && child.kind != Kind::EndpointSlice);
    let mut counts: BTreeMap<String, i32> = BTreeMap::new();
    let mut settled = |mut child: Child| {
        match &mut child.state {
            State::Workload(workload) => {
                ready(workload, child.generation.max(child.sent_generation));
                counts.insert(child.component.clone(), workload.replicas);
            }
            State::Task(task) => task.end = task.end.take().or(Some(TaskEnd::Complete)),
            State::Claim(claim) => {
                claim.bound = true;
                claim.size.clone_from(&claim.requested);
            }
            State::Pod(pod) => *pod = PodState { ready: true, ..PodState::default() },
            _ => {}
        }
        child
    };
    *world = world.all().cloned().map(&mut settled).collect();
    world.retain(|child| child.kind != Kind::Pod || counts.get(&child.component) != Some(&0));
    claims(world, stack, &counts);
    serve(world, stack, &counts);
}

/// The StatefulSet controller makes the volumes that are missing, from the template.
fn claims(world: &mut Observed, stack: &Stack, counts: &BTreeMap<String, i32>) {
    for database in stack.databases.values() {
        let Some(State::Workload(set)) = world.get(Kind::StatefulSet, &database.objects.base).map(|set| &set.state) else {
            continue;
        };
        let (Some(size), identity) = (set.volume_size.clone(), set.volume_identity.clone()) else { continue };
        for ordinal in 0..counts.get(&database.name).copied().unwrap_or_default() {
            let name = database.objects.claim(ordinal);
            let claim = ClaimState { size: size.clone(), requested: size.clone(), bound: true, ..ClaimState::default() };
            let made = child(Kind::PersistentVolumeClaim, &name, &database.name, State::Claim(Box::new(claim)));
            if world.get(Kind::PersistentVolumeClaim, &name).is_none() {
                world.insert(Child { identity: identity.clone(), ..made });
            }
        }
    }
}

fn ready(workload: &mut Workload, generation: i64) {
    let count = workload.replicas;
    (workload.updated, workload.ready, workload.current) = (count, count, count);
    workload.observed_generation = generation;
    workload.progress = Progress::Complete;
    workload.trouble = None;
}

/// Every instance has its address in its Service.
fn serve(world: &mut Observed, stack: &Stack, counts: &BTreeMap<String, i32>) {
    let services = stack.services.values().filter(|service| !service.ports.is_empty());
    let bases = services.map(|service| (&service.name, service.objects.base.as_str()));
    let databases = stack.databases.values().map(|database| (&database.name, database.counted_on()));
    let served: BTreeSet<(&String, &str)> = bases.chain(databases).collect();
    for (component, base) in served {
        let ready = counts.get(component).copied().unwrap_or_default();
        let state = State::Endpoints(Endpoints { service: base.to_owned(), ready });
        world.insert(child(Kind::EndpointSlice, base, component, state));
    }
}
