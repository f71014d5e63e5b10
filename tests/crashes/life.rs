//! The life of a stack, step by step, beside an operator that may crash.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use mstack::cluster::slim;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::proxy::{Crash, Proxy, Sent};
use crate::state::{self, State, difference};
use crate::world::{component, is_ready, reason};

/// Longest wait for the end of a step: an operator that crashes at each write starts a hundred times.
const LONGEST: Duration = Duration::from_mins(5);
/// How long an operator that has nothing to do is watched for writes.
const SILENCE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(150);
/// A look at everything is a list of each kind: many lives at a time would keep the API server from its work.
const SELDOM: Duration = Duration::from_secs(2);

const SPEC: &str = r#"{
  "databases": {
    "orders": {"engine": "postgres", "version": 17, "storage": {"size": "1Gi"}, "init": {"01.sql": "select 1"}},
    "jobs": {"engine": "rabbitmq", "storage": {"size": "1Gi"}, "onDelete": "Delete"},
    "drafts": {"engine": "valkey", "storage": {"size": "1Gi"}, "onDelete": "Delete"}
  },
  "services": {
    "web": {"image": "web:1", "port": 8080, "replicas": 2, "uses": ["api"], "expose": [{"host": "shop.example.com"}],
            "files": {"/etc/web.toml": "a = 1"}},
    "api": {"image": "api:1", "port": 8080, "uses": ["orders", "jobs", "drafts"],
            "scale": {"min": 2, "max": 5, "cpu": 70}, "resources": {"cpu": "10m"}},
    "worker": {"image": "worker:1", "uses": ["jobs"]}
  }
}"#;

/// What a user does.
pub enum Edit {
    Create,
    Merge(&'static str),
    Delete,
}

/// When it is done, as far as the stack tells.
#[derive(Clone, Copy)]
pub enum Done {
    Ready,
    /// This service cannot start.
    Stuck(&'static str),
    /// The services of the last good revision are back.
    RolledBack,
    Hibernated,
    Gone,
}

pub struct Step {
    pub what: &'static str,
    pub edit: Edit,
    pub done: Done,
}

const fn step(what: &'static str, edit: Edit, done: Done) -> Step {
    Step { what, edit, done }
}

/// The whole life.
pub const STEPS: [Step; 14] = [
    step("create", Edit::Create, Done::Ready),
    step("scale up", Edit::Merge(r#"{"services": {"web": {"replicas": 4}, "worker": {"replicas": 2}}}"#), Done::Ready),
    step(
        "two images and a file",
        Edit::Merge(
            r#"{"services": {
        "web": {"image": "web:2", "files": {"/etc/web.toml": "a = 2"}}, "api": {"image": "api:2"}}}"#,
        ),
        Done::Ready,
    ),
    step("remove a service", Edit::Merge(r#"{"services": {"worker": null}}"#), Done::Ready),
    step(
        "add a service",
        Edit::Merge(r#"{"services": {"late": {"image": "late:1", "port": 80, "uses": ["api"]}}}"#),
        Done::Ready,
    ),
    step(
        "a template that never starts",
        Edit::Merge(r#"{"services": {"late": {"image": "late:2", "resources": {"cpu": 100000}}}}"#),
        Done::Stuck("late"),
    ),
    step("back to the good one", Edit::Merge(r#"{"services": {"late": {"image": "late:1", "resources": null}}}"#), Done::Ready),
    step(
        "a revision that fails",
        Edit::Merge(
            r#"{"rollout": {"deadline": "5s"}, "services": {
        "web": {"image": "web:3"}, "late": {"image": "late:3", "resources": {"cpu": 100000}}}}"#,
        ),
        Done::RolledBack,
    ),
    step(
        "the one that is mended",
        Edit::Merge(r#"{"rollout": null, "services": {"late": {"image": "late:1", "resources": null}}}"#),
        Done::Ready,
    ),
    step("more storage", Edit::Merge(r#"{"databases": {"orders": {"storage": {"size": "2Gi"}}}}"#), Done::Ready),
    step("hibernate", Edit::Merge(r#"{"hibernate": true}"#), Done::Hibernated),
    step("wake", Edit::Merge(r#"{"hibernate": null}"#), Done::Ready),
    step(
        "remove a database with its data",
        Edit::Merge(
            r#"{"databases": {"drafts": null}, "services": {"api": {
        "uses": ["orders", "jobs"]}}}"#,
        ),
        Done::Ready,
    ),
    step("delete the stack", Edit::Delete, Done::Gone),
];

/// One stack in a namespace of its own, with its operator.
pub struct Life {
    pub namespace: String,
    pub client: Client,
    /// One for each operator.
    pub proxies: Vec<Arc<Proxy>>,
}

/// What has become of a life.
pub struct Lived {
    /// The state after each step.
    pub states: Vec<State>,
    pub sent: Vec<Sent>,
    pub crashes: usize,
    pub took: Duration,
}

impl Life {
    /// Lives the whole life. With states of another life, each step must end in the same one.
    pub async fn live(&self, crash: &Crash, expected: Option<&[State]>) -> Result<Lived, String> {
        let begun = Instant::now();
        let mut states = Vec::new();
        let mut kept = BTreeMap::new();
        for (number, step) in STEPS.iter().enumerate() {
            let told = |error: String| format!("{crash}, in {} at `{}`: {error}", self.namespace, step.what);
            self.edit(&step.edit).await;
            self.done(step.done).await.map_err(told)?;
            let last = number + 2 >= STEPS.len();
            match expected {
                Some(expected) => self.converge(&expected[number]).await.map_err(told)?,
                None => self.silent().await,
            }
            if last && expected.is_some() {
                self.stays_silent().await.map_err(told)?;
            }
            let data = state::data(&self.client, &self.namespace, "orders").await;
            if number > 0 && data != kept {
                return Err(told(format!("the data of orders is {data:?} and was {kept:?}")));
            }
            kept = data;
            states.push(state::of(&self.client, &self.namespace).await);
        }
        self.proxies.iter().for_each(|proxy| proxy.stop());
        let crashes = self.proxies.iter().map(|proxy| proxy.crashes()).sum();
        Ok(Lived { states, sent: self.sent(), crashes, took: begun.elapsed() })
    }

    /// What all operators have written so far, in its order.
    fn sent(&self) -> Vec<Sent> {
        let mut sent: Vec<Sent> = self.proxies.iter().flat_map(|proxy| proxy.sent()).collect();
        sent.sort_by_key(|sent| sent.at);
        sent
    }

    fn stacks(&self) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &slim::stacks())
    }

    async fn stack(&self) -> Value {
        serde_json::to_value(self.stacks().get_opt("shop").await.unwrap()).unwrap()
    }

    pub async fn edit(&self, edit: &Edit) {
        match edit {
            Edit::Create => {
                let spec: Value = serde_json::from_str(SPEC).unwrap();
                let stack = json!({"apiVersion": "microservicestack.dev/v1alpha1", "kind": "MicroserviceStack",
                    "metadata": {"name": "shop"}, "spec": spec});
                self.stacks().create(&PostParams::default(), &serde_json::from_value(stack).unwrap()).await.unwrap();
            }
            Edit::Merge(patch) => {
                let spec: Value = serde_json::from_str(patch).unwrap();
                let patch = Patch::Merge(json!({"spec": spec}));
                self.stacks().patch("shop", &PatchParams::default(), &patch).await.unwrap();
            }
            Edit::Delete => drop(self.stacks().delete("shop", &DeleteParams::default()).await.unwrap()),
        }
    }

    /// Waits until the stack tells that it is done.
    pub async fn done(&self, done: Done) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let stack = self.stack().await;
            if is_done(&stack, done) {
                return Ok(());
            }
            if begun.elapsed() > LONGEST {
                return Err(format!("not done within {LONGEST:?}: {:#}", stack["status"]));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until everything is as it was in another life.
    pub async fn converge(&self, expected: &State) -> Result<(), String> {
        let begun = Instant::now();
        let mut pause = LOOK;
        loop {
            let seen = state::of(&self.client, &self.namespace).await;
            if seen == *expected {
                return Ok(());
            }
            if begun.elapsed() > LONGEST {
                return Err(format!("not the same state within {LONGEST:?}:\n{}", difference(expected, &seen)));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(SELDOM);
        }
    }

    /// Waits until nobody has changed anything for a while, and no pod is ending: what comes of that is still to come.
    async fn silent(&self) {
        let (mut since, mut before) = (Instant::now(), BTreeMap::new());
        loop {
            let (now, ends) = state::versions(&self.client, &self.namespace).await;
            if now != before || ends {
                (since, before) = (Instant::now(), now);
            }
            let last = self.sent().last().map_or(since, |sent| sent.at);
            if last.max(since).elapsed() > SILENCE {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// With all as it should be, a status may still be written; after it, nothing.
    async fn stays_silent(&self) -> Result<(), String> {
        let mark = self.sent().len();
        tokio::time::sleep(SILENCE).await;
        let sent = self.sent().split_off(mark);
        let late: Vec<String> = sent.iter().map(|sent| sent.write.to_string()).collect();
        let children = late.iter().filter(|write| !write.contains("microservicestacks/")).count();
        if children > 0 || late.len() > 2 { Err(format!("it writes on: {late:?}")) } else { Ok(()) }
    }
}

fn is_done(stack: &Value, done: Done) -> bool {
    let current = stack["status"]["observedGeneration"] == stack["metadata"]["generation"];
    match done {
        Done::Ready => is_ready(stack),
        Done::Stuck(service) => {
            let instances = &component(stack, service)["instances"];
            current && !is_ready(stack) && instances["updated"] == 1 && instances["serving"] == 1
        }
        Done::RolledBack => {
            let mut services = stack["status"]["services"].as_object().into_iter().flatten();
            current && reason(stack) == "RolledBack" && services.all(|(_, service)| service["phase"] == "Ready")
        }
        Done::Hibernated => current && reason(stack) == "Hibernated",
        Done::Gone => stack.is_null(),
    }
}

/// A namespace; its ServiceAccount is made by Kubernetes.
pub async fn make_namespace(client: &Client, name: &str) {
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
    let made = namespaces.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    assert_eq!(made.name_any(), name);
}
