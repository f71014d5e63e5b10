//! Labels, selectors and owner references: spelled here and nowhere else.
use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::api::GROUP;
use crate::model::engine::FIRST_FORM;
use crate::model::{Database, Stack, Task, Use};

/// Label of every child, its pods and volumes: the stack's name. Watches select by it, and so do selectors.
pub const STACK: &str = "microservicestack.dev/stack";
/// Label of every child, its pods and volumes: the component's name. Selectors use it.
pub const COMPONENT: &str = "microservicestack.dev/component";
/// Beginning of the labels of a pod that tell what it uses, each with the stack's name as its value. NetworkPolicies select by
/// them, so that an edge comes and goes with the template that needs it.
pub const USES: &str = "uses.microservicestack.dev/";
/// Label of Jobs and their pods: `<kind>-<name>` of a migration, a test or a job. They have no label of a component, so that
/// no Service and no autoscaler selects them.
pub const TASK: &str = "microservicestack.dev/task";
/// Label of volumes, credentials and identity records: identity of the data.
pub const DATA_IDENTITY: &str = "microservicestack.dev/data-identity";
/// Label of an identity record: highest version of the engine that has served the data.
pub const DATA_VERSION: &str = "microservicestack.dev/data-version";
/// Label of the record of a cluster's identity: how many members it has.
pub const DATA_MEMBERS: &str = "microservicestack.dev/data-members";
/// Annotation of a workload that hibernates: the count that it had before (rule 11).
pub const HIBERNATED_FROM: &str = "microservicestack.dev/hibernated-from";
/// Annotation of volumes, credentials and records, and of the StatefulSet that they are of: `Delete` once the stack said so.
/// Of a stack: the databases of which that is true (rule 9).
pub const ON_DELETE: &str = "microservicestack.dev/on-delete";
/// Value of [`ON_DELETE`] on data that goes with its database.
pub const ERASED: &str = "Delete";
/// Finalizer of a stack with such data.
pub const FINALIZER: &str = "microservicestack.dev/data";
/// Annotation of a StatefulSet, and of volumes that were asked to grow: form of the engine's recipe that the pods are of; none
/// is the first.
pub const FORM: &str = "microservicestack.dev/recipe-form";
/// Annotation of a volume that was asked to grow: image of the volume guard in the pods that mount it.
pub const GUARD_IMAGE: &str = "microservicestack.dev/volume-guard-image";
/// Annotation of a revision's record: `Good` or `Failed`.
pub const OUTCOME: &str = "microservicestack.dev/outcome";
/// Annotation of a revision's record: its place in the order of records.
pub const NUMBER: &str = "microservicestack.dev/number";
/// Annotation of a revision's record: why it failed.
pub const REASON: &str = "microservicestack.dev/reason";
/// Annotation of a revision's record: its services by hash, `api=1a2b3c4d,web=5e6f7a8b`.
pub const SERVICES: &str = "microservicestack.dev/services";
/// Annotation of a revision's record: the migrations that are complete.
pub const MIGRATIONS: &str = "microservicestack.dev/migrations";
/// Annotation of the Job of a migration: its databases, of which another one waits for it.
pub const LOCKS: &str = "microservicestack.dev/databases";
/// Value of `app.kubernetes.io/managed-by`.
pub const MANAGER: &str = "mstack";

/// The two immutable labels that select the pods of a component.
pub fn selector(stack: &Stack, component: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(STACK.to_owned(), stack.name.clone()), (COMPONENT.to_owned(), component.to_owned())])
}

/// The label of pods that may reach a component.
pub fn edge(stack: &Stack, target: &str) -> (String, String) {
    (format!("{USES}{target}"), stack.name.clone())
}

/// The labels of pods that use all this.
pub fn edges(stack: &Stack, uses: &[Use]) -> BTreeMap<String, String> {
    uses.iter().filter(|edge| stack.leads_to_pods(edge)).map(|to| edge(stack, &to.target)).collect()
}

/// All labels of an object of a component.
pub fn labels(stack: &Stack, component: &str) -> BTreeMap<String, String> {
    let mut labels = selector(stack, component);
    for (key, value) in [("name", component), ("instance", &stack.name), ("part-of", &stack.name), ("managed-by", MANAGER)] {
        labels.insert(format!("app.kubernetes.io/{key}"), value.to_owned());
    }
    labels
}

/// Metadata of a child that goes with its stack.
pub fn owned(stack: &Stack, component: &str, name: &str) -> ObjectMeta {
    ObjectMeta { owner_references: Some(vec![owner(stack)]), ..kept(stack, component, name) }
}

/// Metadata of a child that goes with its stack and belongs to no component.
pub fn owned_by_stack(stack: &Stack, name: &str) -> ObjectMeta {
    let mut labels = BTreeMap::from([(STACK.to_owned(), stack.name.clone())]);
    for (key, value) in [("instance", stack.name.as_str()), ("part-of", &stack.name), ("managed-by", MANAGER)] {
        labels.insert(format!("app.kubernetes.io/{key}"), value.to_owned());
    }
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(stack.namespace.clone()),
        labels: Some(labels),
        owner_references: Some(vec![owner(stack)]),
        ..ObjectMeta::default()
    }
}

/// Metadata of an object that outlives its stack (rule 9).
pub fn kept(stack: &Stack, component: &str, name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(stack.namespace.clone()),
        labels: Some(labels(stack, component)),
        ..ObjectMeta::default()
    }
}

/// Metadata of a child that goes with its stack and is of a task.
pub fn of_task(stack: &Stack, task: &Task, name: &str) -> ObjectMeta {
    let mut metadata = owned_by_stack(stack, name);
    metadata.labels.get_or_insert_default().insert(TASK.to_owned(), task.id());
    metadata
}

/// The two labels that select the pods of a task.
pub fn task_selector(stack: &Stack, task: &Task) -> BTreeMap<String, String> {
    BTreeMap::from([(STACK.to_owned(), stack.name.clone()), (TASK.to_owned(), task.id())])
}

/// The stamp of data that goes with its database.
pub fn stamp(database: &Database) -> Option<BTreeMap<String, String>> {
    database.erasable.then(|| BTreeMap::from([(ON_DELETE.to_owned(), ERASED.to_owned())]))
}

/// Annotations of a database's StatefulSet.
pub fn of_set(database: &Database) -> Option<BTreeMap<String, String>> {
    let form = database.recipe.form;
    let form = (form != FIRST_FORM).then(|| (FORM.to_owned(), form.to_string()));
    let annotations: BTreeMap<_, _> = stamp(database).into_iter().flatten().chain(form).collect();
    (!annotations.is_empty()).then_some(annotations)
}

fn owner(stack: &Stack) -> OwnerReference {
    OwnerReference {
        api_version: format!("{GROUP}/v1alpha1"),
        kind: "MicroserviceStack".to_owned(),
        name: stack.name.clone(),
        uid: stack.uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}
