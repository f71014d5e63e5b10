//! Job: runs a migration, a test or a job to its end. It is made once and never changed.
use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule};

use super::{Object, filled, meta, pod};
use crate::api::RETRY;
use crate::kinds::Kind;
use crate::model::{Stack, Task, TaskKind};

/// A job is tried again this often; a migration and a test never are, for nobody knows how far they came, or would trust them.
const TRIES: i32 = 3;

pub fn build(stack: &Stack, task: &Task) -> Object {
    let (backoff, deadline) = match task.kind {
        TaskKind::Migrate => (0, None),
        TaskKind::Test { timeout, .. } => (0, Some(i64::from(timeout))),
        TaskKind::Job => (TRIES, None),
    };
    let mut metadata = meta::of_task(stack, task, &task.job);
    metadata.annotations = filled(annotations(stack, task));
    let job = Job {
        metadata,
        spec: Some(JobSpec {
            backoff_limit: Some(backoff),
            active_deadline_seconds: deadline,
            pod_failure_policy: (task.kind != TaskKind::Migrate).then(not_counting_evictions),
            pod_replacement_policy: Some("Failed".to_owned()),
            template: pod::of_task(stack, task),
            ..JobSpec::default()
        }),
        ..Job::default()
    };
    Object::new(Kind::Job, &task.component(), &job)
}

fn annotations(stack: &Stack, task: &Task) -> BTreeMap<String, String> {
    let locks = if task.kind == TaskKind::Migrate { task.locks().join(",") } else { String::new() };
    let told = [(RETRY, stack.rollout.retry.clone()), (meta::LOCKS, locks)];
    told.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key.to_owned(), value)).collect()
}

/// A drained node is no failure of a test. A migration that is cut off is not begun anew by itself.
fn not_counting_evictions() -> PodFailurePolicy {
    let pattern = PodFailurePolicyOnPodConditionsPattern { type_: "DisruptionTarget".to_owned(), status: "True".to_owned() };
    PodFailurePolicy {
        rules: vec![PodFailurePolicyRule {
            action: "Ignore".to_owned(),
            on_pod_conditions: Some(vec![pattern]),
            ..PodFailurePolicyRule::default()
        }],
    }
}
