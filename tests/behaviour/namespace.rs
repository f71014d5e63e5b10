//! A namespace of a test, and what is read of the stacks in it.
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Api, Client};
use mstack::kinds::Kind;
use serde_json::{Value, json};

use super::{LOOK, PATIENCE, Request, World};

/// A namespace of a test.
pub struct Namespace<'a> {
    pub world: &'a World,
    pub name: String,
    pub client: Client,
}

impl<'a> Namespace<'a> {
    /// A namespace that exists, for instance from before a restart.
    pub async fn again(world: &'a World, name: &str) -> Namespace<'a> {
        Namespace { world, name: name.to_owned(), client: world.client().await }
    }
}

impl Namespace<'_> {
    /// Applies manifests as a user would.
    pub fn apply(&self, yaml: &str) {
        self.try_apply(yaml).unwrap();
    }

    /// Applies manifests; the API server may refuse them.
    pub fn try_apply(&self, yaml: &str) -> Result<String, cluster::Error> {
        self.world.cluster.kubectl_stdin(&["-n", &self.name, "apply", "-f", "-"], yaml)
    }

    /// What the API server says to a manifest that is not meant.
    pub fn dry_run(&self, yaml: &str) -> Result<String, cluster::Error> {
        self.world.cluster.kubectl_stdin(&["-n", &self.name, "create", "--dry-run=server", "-f", "-"], yaml)
    }

    /// Applies a stack from its spec.
    pub fn apply_stack(&self, name: &str, spec: &str) {
        let indented = spec.replace('\n', "\n  ");
        self.apply(&format!(
            "apiVersion: microservicestack.dev/v1alpha1\nkind: MicroserviceStack\nmetadata: {{name: {name}}}\nspec:\n  {indented}\n"
        ));
    }

    /// Applies a manifest as soon as the API server takes it, such as after a change of a definition.
    pub async fn until_applied(&self, yaml: &str) {
        let begun = Instant::now();
        while let Err(error) = self.try_apply(yaml) {
            assert!(begun.elapsed() < PATIENCE, "{error}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Runs kubectl in this namespace.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let arguments: Vec<&str> = ["-n", &self.name].into_iter().chain(arguments.iter().copied()).collect();
        self.world.cluster.kubectl(&arguments).unwrap()
    }

    /// Objects of a resource such as `deployments.apps`.
    pub fn api(&self, resource: &ApiResource) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.name, resource)
    }

    /// A child as JSON; null where there is none.
    pub async fn get(&self, kind: Kind, name: &str) -> Value {
        let object = self.api(&mstack::cluster::slim::resource(kind.row())).get_opt(name).await.unwrap();
        serde_json::to_value(object).unwrap()
    }

    /// A stack as JSON; null where there is none.
    pub async fn stack(&self, name: &str) -> Value {
        let object = self.api(&mstack::cluster::slim::stacks()).get_opt(name).await.unwrap();
        serde_json::to_value(object).unwrap()
    }

    /// Merges into a stack's spec.
    pub async fn patch_stack(&self, name: &str, patch: Value) {
        self.api(&mstack::cluster::slim::stacks()).patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    /// The pods of a component.
    pub async fn pods(&self, component: &str) -> Vec<Value> {
        let pods = self.api(&mstack::cluster::slim::resource(Kind::Pod.row()));
        let params = ListParams::default().labels(&format!("microservicestack.dev/component={component}"));
        pods.list(&params).await.unwrap().items.iter().map(|pod| serde_json::to_value(pod).unwrap()).collect()
    }

    /// Makes a pod unready as its node would: its container waits, for this reason.
    pub async fn fail_pod(&self, pod: &Value, reason: &str, message: &str) {
        self.set_pod(pod, false, json!({"waiting": {"reason": reason, "message": message}})).await;
    }

    /// Makes a pod ready again.
    pub async fn mend_pod(&self, pod: &Value) {
        self.set_pod(pod, true, json!({"running": {}})).await;
    }

    async fn set_pod(&self, pod: &Value, ready: bool, state: Value) {
        let container = &pod["spec"]["containers"][0];
        let word = if ready { "True" } else { "False" };
        let status = json!({"status": {
            "conditions": [
                {"type": "PodScheduled", "status": "True"}, {"type": "Initialized", "status": "True"},
                {"type": "Ready", "status": word}, {"type": "ContainersReady", "status": word},
            ],
            "containerStatuses": [{
                "name": container["name"], "image": container["image"], "imageID": "", "ready": ready, "restartCount": 0, "state": state,
            }],
        }});
        let pods = self.api(&mstack::cluster::slim::resource(Kind::Pod.row()));
        let name = pod["metadata"]["name"].as_str().unwrap();
        pods.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    }

    /// Waits until a stack is as it should be; on failure says what it saw last.
    pub async fn stack_until(&self, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        self.until(what, || self.stack(name), is).await
    }

    /// Waits until a stack is ready at its present generation.
    pub async fn stack_ready(&self, name: &str) -> Value {
        self.stack_until(name, "ready", is_ready).await
    }

    /// Waits until a child is as it should be.
    pub async fn child_until(&self, kind: Kind, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        self.until(what, || self.get(kind, name), is).await
    }

    /// The image of a service's template.
    pub async fn image(&self, service: &str) -> Value {
        image(&self.get(Kind::Deployment, service).await).clone()
    }

    /// Waits until the template of a service has this image.
    pub async fn image_until(&self, service: &str, what: &str, wanted: &str) -> Value {
        self.child_until(Kind::Deployment, service, what, |workload| image(workload) == wanted).await
    }

    /// Waits until what is seen is as it should be; on failure says what was seen last.
    pub async fn until<F: Future<Output = Value>>(&self, what: &str, see: impl Fn() -> F, is: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let seen = see().await;
            if is(&seen) {
                return seen;
            }
            if begun.elapsed() >= PATIENCE {
                let log = self.world.log();
                let last: Vec<_> = log.lines().rev().filter(|line| line.contains(&self.name)).take(20).collect();
                panic!(
                    "not {what} within {PATIENCE:?}; last seen:\n{}\noperator's last lines:\n{}",
                    serde_json::to_string_pretty(&seen).unwrap(),
                    last.into_iter().rev().collect::<Vec<_>>().join("\n")
                );
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The operator's requests in this namespace so far.
    pub fn requests(&self) -> Vec<Request> {
        self.world.journal().requests().iter().filter(|request| request.namespace == self.name).cloned().collect()
    }

    /// The requests since a mark, once all is at rest: what a change has cost.
    pub async fn requests_since(&self, mark: usize) -> Vec<Request> {
        self.world.at_rest(Some(&self.name)).await;
        self.requests().split_off(mark)
    }

    /// The operator's Events of a reason, once there are as many as there should be.
    pub async fn events_until(&self, reason: &str, what: &str, is: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let api = self.api(&ApiResource::erase::<k8s_openapi::api::events::v1::Event>(&()));
        let list = || async {
            let all = api.list(&ListParams::default()).await.unwrap().items;
            let all = all.into_iter().map(|event| serde_json::to_value(event).unwrap());
            all.filter(|event| event["reason"] == reason && event["reportingController"] == "mstack").collect::<Value>()
        };
        let told = self.until(what, list, |events| is(events.as_array().unwrap())).await;
        told.as_array().unwrap().clone()
    }

    /// Names of all children by resource, as the API server has them.
    pub fn children(&self) -> BTreeMap<String, Vec<String>> {
        let kinds = "deployments,statefulsets,services,serviceaccounts,poddisruptionbudgets,horizontalpodautoscalers,ingresses,networkpolicies,configmaps,secrets,persistentvolumeclaims";
        let mut list = self.kubectl(&["get", kinds, "-l", "microservicestack.dev/stack", "-o", "name"]);
        // A StatefulSet has ControllerRevisions of its own, with the labels of its pods.
        let of_stack = "microservicestack.dev/stack,!microservicestack.dev/component";
        list += &self.kubectl(&["get", "controllerrevisions,jobs", "-l", of_stack, "-o", "name"]);
        let mut children: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (resource, name) in list.lines().filter_map(|line| line.split_once('/')) {
            children.entry(resource.split('.').next().unwrap_or(resource).to_owned()).or_default().push(name.to_owned());
        }
        children
    }
}

/// The image of a workload's template.
pub fn image(workload: &Value) -> &Value {
    &workload["spec"]["template"]["spec"]["containers"][0]["image"]
}

/// The status of a service or a database.
pub fn component<'a>(stack: &'a Value, name: &str) -> &'a Value {
    let status = &stack["status"];
    if status["services"][name].is_null() { &status["databases"][name] } else { &status["services"][name] }
}

/// The status of a condition.
pub fn condition<'a>(stack: &'a Value, r#type: &str) -> Option<&'a Value> {
    stack["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == r#type)
}

/// Whether `Ready` is true at the present generation.
pub fn is_ready(stack: &Value) -> bool {
    condition(stack, "Ready")
        .is_some_and(|ready| ready["status"] == "True" && ready["observedGeneration"] == stack["metadata"]["generation"])
}

/// The reason of `Ready`.
pub fn reason(stack: &Value) -> &str {
    condition(stack, "Ready").and_then(|ready| ready["reason"].as_str()).unwrap_or_default()
}

/// The message of `Ready`.
pub fn message(stack: &Value) -> &str {
    condition(stack, "Ready").and_then(|ready| ready["message"].as_str()).unwrap_or_default()
}
