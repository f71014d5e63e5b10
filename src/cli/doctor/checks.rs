//! The table of checks, and what each of them reads.
use futures::future::{BoxFuture, FutureExt};
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::version::Info;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ListParams, PostParams};
use serde_json::Value;

use super::super::common::access::{Access, STACKS, name_of, qualified, told};
use super::super::common::refusal::{Refusal, Right};
use super::judge::{self, good, unknown};
use super::view::State;
use crate::api::{GROUP, crd_yaml};
use crate::cluster::lease;

/// How a check ended, what was found, and what mends it.
pub type Verdict = (State, String, String);

/// One check.
pub struct Check {
    /// Its name.
    pub id: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// Whether it is made before an installation.
    pub before: bool,
    /// Whether it is made afterwards.
    pub after: bool,
    /// Makes it.
    pub run: for<'a> fn(&'a Access, &'a Info, bool) -> BoxFuture<'a, Verdict>,
}

impl Check {
    /// Whether it is made before an installation, or afterwards.
    pub fn is_due(&self, before: bool) -> bool {
        if before { self.before } else { self.after }
    }
}

/// All checks, in the order in which one builds on another.
pub const CHECKS: [Check; 10] = [
    Check {
        id: "kubernetes",
        why: "older versions lack what pods of a stack are drained and stamped with",
        before: true,
        after: true,
        run: |_, info, _| async move { judge::kubernetes(&info.major, &info.minor, &info.git_version) }.boxed(),
    },
    Check {
        id: "rights",
        why: "a missing right shows only when it is needed",
        before: true,
        after: true,
        run: |access, _, pre| rights(access, pre).boxed(),
    },
    Check {
        id: "definition",
        why: "the API server drops fields that its definition of MicroserviceStack does not have",
        before: false,
        after: true,
        run: |access, _, _| definition(access).boxed(),
    },
    Check {
        id: "operator",
        why: "without an operator that leads nothing of a stack is carried out and nothing is put back",
        before: false,
        after: true,
        run: |access, _, _| operator(access).boxed(),
    },
    Check {
        id: "versions",
        why: "a plan of another version may not be what the operator does",
        before: false,
        after: true,
        run: |access, _, _| versions(access).boxed(),
    },
    Check {
        id: "stacks",
        why: "a stack that is stalled does not go on until a person acts",
        before: false,
        after: true,
        run: |access, _, _| stacks(access).boxed(),
    },
    Check {
        id: "storage",
        why: "a database with `storage` and no `class` gets its volume from the default StorageClass",
        before: true,
        after: true,
        run: |access, _, _| storage(access).boxed(),
    },
    Check {
        id: "gateway-api",
        why: "`routing.gateway` needs HTTPRoute; without it an Ingress is made, which needs a controller of its own",
        before: true,
        after: true,
        run: |access, _, _| {
            group(access, "gateway.networking.k8s.io", "the Gateway API", "install the CRDs of the Gateway API and a controller")
                .boxed()
        },
    },
    Check {
        id: "metrics",
        why: "autoscalers (`scale`) and `mstack top` need metrics.k8s.io",
        before: true,
        after: true,
        run: |access, _, _| group(access, "metrics.k8s.io", "metrics.k8s.io", "install metrics-server").boxed(),
    },
    Check {
        id: "network",
        why: "isolation is only as good as the network that enforces it",
        before: true,
        after: true,
        run: |access, _, _| network(access).boxed(),
    },
];

/// The version of the cluster: the one question that has to be answered.
///
/// # Errors
/// When it is not.
pub async fn reached(access: &Access) -> Result<Info, String> {
    let right = Right::everywhere("get", "/version");
    access.ask(&right, access.client.apiserver_version()).await.map_err(|refusal| refusal.to_string())
}

async fn may(access: &Access, verb: &str, group: &str, resource: &str, everywhere: bool) -> Result<bool, Refusal> {
    let attributes = ResourceAttributes {
        namespace: (!everywhere).then(|| access.namespace.clone()),
        verb: Some(verb.to_owned()),
        group: Some(group.to_owned()),
        resource: Some(resource.to_owned()),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..SelfSubjectAccessReviewSpec::default() };
    let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
    let api = Api::<SelfSubjectAccessReview>::all(access.client.clone());
    let right = Right::everywhere("create", "selfsubjectaccessreviews.authorization.k8s.io");
    let answer = access.ask(&right, api.create(&PostParams::default(), &review)).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// Rights of the one who asks: to install, or to work with stacks.
async fn rights(access: &Access, pre: bool) -> Verdict {
    let (needed, everywhere): (&[(&str, &str, &str)], bool) = if pre {
        (
            &[
                ("create", "apiextensions.k8s.io", "customresourcedefinitions"),
                ("create", "rbac.authorization.k8s.io", "clusterroles"),
                ("create", "rbac.authorization.k8s.io", "clusterrolebindings"),
                ("create", "apps", "deployments"),
            ],
            true,
        )
    } else {
        (
            &[
                ("get", GROUP, "microservicestacks"),
                ("create", GROUP, "microservicestacks"),
                ("patch", GROUP, "microservicestacks"),
            ],
            false,
        )
    };
    let mut missing = Vec::new();
    for (verb, group, resource) in needed {
        match may(access, verb, group, resource, everywhere).await {
            Ok(true) => {}
            Ok(false) => missing.push(format!("{verb} {}", qualified(group, resource))),
            Err(refusal) => return unknown(refusal.short()),
        }
    }
    let (place, purpose) = if everywhere {
        ("in the whole cluster".to_owned(), "install")
    } else {
        (format!("in the namespace {}", access.namespace), "work with stacks")
    };
    if missing.is_empty() {
        return good(format!("you may {purpose} {place}"));
    }
    let state = if pre { State::Bad } else { State::Warning };
    (
        state,
        format!("to {purpose}, you may not {} {place}", missing.join(", ")),
        "ask an administrator for these rights".to_owned(),
    )
}

async fn definition(access: &Access) -> Verdict {
    let missing = || {
        (
            State::Bad,
            "the cluster does not know MicroserviceStack".to_owned(),
            "mstack crd | kubectl apply --server-side -f -".to_owned(),
        )
    };
    match served(access, GROUP).await {
        Ok(true) => {}
        Ok(false) => return missing(),
        Err(refusal) => return unknown(refusal.short()),
    }
    let api = Api::<CustomResourceDefinition>::all(access.client.clone());
    let right = Right::everywhere("get", "customresourcedefinitions.apiextensions.k8s.io");
    match access.ask(&right, api.get_opt(&format!("microservicestacks.{GROUP}"))).await {
        Ok(None) => missing(),
        Ok(Some(there)) => {
            let own: Value = crd_yaml().ok().and_then(|yaml| serde_saphyr::from_str(&yaml).ok()).unwrap_or_default();
            let own: Option<CustomResourceDefinition> = serde_json::from_value(own).ok();
            judge::definition(&serde_json::to_value(there).unwrap_or_default(), &serde_json::to_value(own).unwrap_or_default())
        }
        Err(refusal) => {
            unknown(format!("the cluster knows MicroserviceStack; of which version is not told: {}", refusal.short()))
        }
    }
}

async fn lease(access: &Access) -> Result<Option<Lease>, Refusal> {
    let (namespace, name) = &access.operator;
    let there = access.within(namespace);
    there.ask(&Right::new("get", "leases.coordination.k8s.io"), there.api::<Lease>().get_opt(name)).await
}

async fn operator(access: &Access) -> Verdict {
    match lease(access).await {
        Ok(found) => judge::operator(found.as_ref(), &access.operator, Timestamp::now()),
        Err(refusal) => unknown(refusal.short()),
    }
}

async fn versions(access: &Access) -> Verdict {
    match lease(access).await {
        Ok(found) => {
            let version = found.and_then(|lease| lease.metadata.annotations?.get(lease::VERSION).cloned());
            judge::versions(env!("CARGO_PKG_VERSION"), version.as_deref())
        }
        Err(refusal) => unknown(refusal.short()),
    }
}

/// Those of all namespaces where they may be listed, else those of this one.
async fn stacks(access: &Access) -> Verdict {
    let found = match access.stacks(true, None).await {
        Ok(found) => Ok(found),
        Err(_) => access.stacks(false, None).await,
    };
    let Ok(found) = found else {
        return unknown(format!("you may not list {STACKS} in the namespace {}", access.namespace));
    };
    let text = |stack: &Value, name: &str| stack["metadata"][name].as_str().unwrap_or_default().to_owned();
    let stalled: Vec<(String, String, String)> = found
        .iter()
        .filter(|stack| told(stack, "Stalled", "status") == "True")
        .map(|stack| (text(stack, "namespace"), name_of(stack).to_owned(), told(stack, "Stalled", "reason").to_owned()))
        .collect();
    judge::stacks(found.len(), &stalled)
}

async fn storage(access: &Access) -> Verdict {
    let api = Api::<StorageClass>::all(access.client.clone());
    let params = ListParams::default();
    match access.ask(&Right::everywhere("list", "storageclasses.storage.k8s.io"), api.list(&params)).await {
        Ok(found) => judge::classes(&found.items),
        Err(refusal) => unknown(refusal.short()),
    }
}

async fn served(access: &Access, group: &str) -> Result<bool, Refusal> {
    let right = Right::everywhere("get", "/apis");
    let groups = access.ask(&right, access.client.list_api_groups()).await?;
    Ok(groups.groups.iter().any(|known| known.name == group))
}

async fn group(access: &Access, name: &str, what: &str, fix: &str) -> Verdict {
    match served(access, name).await {
        Ok(true) => good(format!("the cluster has {what}")),
        Ok(false) => (State::Warning, format!("the cluster does not have {what}"), fix.to_owned()),
        Err(refusal) => unknown(refusal.short()),
    }
}

async fn network(access: &Access) -> Verdict {
    let api = Api::<DaemonSet>::all(access.client.clone());
    let params = ListParams::default();
    match access.ask(&Right::everywhere("list", "daemonsets.apps"), api.list(&params)).await {
        Ok(found) => judge::network(&found.items.iter().filter_map(|set| set.metadata.name.clone()).collect::<Vec<_>>()),
        Err(refusal) => unknown(refusal.short()),
    }
}
