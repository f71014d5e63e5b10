//! The Helm chart, rendered by helm itself: what it installs, what it may do, what it refuses.
#![allow(clippy::panic, reason = "a test ends at what it does not expect")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use mstack::kinds::KINDS;
use pretty_assertions::assert_eq;
use serde::de::DeserializeOwned;
use serde_json::Value;

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/mstack");
const NAMESPACE: &str = "mstack-system";

fn helm(arguments: &[&str]) -> Output {
    let helm = cluster::helm().unwrap_or_else(|error| panic!("{error}"));
    Command::new(helm).args(arguments).output().expect("helm starts")
}

fn render(arguments: &[&str]) -> Output {
    helm(&[&["template", "mstack", CHART, "--namespace", NAMESPACE], arguments].concat())
}

fn rendered(arguments: &[&str]) -> String {
    let output = render(arguments);
    assert!(output.status.success(), "helm template {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("helm prints text")
}

fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).expect("helm prints YAML")
}

fn object<T: DeserializeOwned>(documents: &[Value], kind: &str, name: &str) -> T {
    let wanted = |document: &&Value| document["kind"] == kind && document["metadata"]["name"] == name;
    let found = documents.iter().find(wanted).unwrap_or_else(|| panic!("the chart has no {kind} {name}"));
    serde_json::from_value(found.clone()).unwrap_or_else(|error| panic!("{kind} {name}: {error}"))
}

/// Verbs by `resource.group`.
type Rights = BTreeMap<String, BTreeSet<String>>;

fn allow(rights: &mut Rights, group: &str, resource: &str, verbs: &[impl ToString]) {
    let name = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
    rights.entry(name).or_default().extend(verbs.iter().map(ToString::to_string));
}

fn rights(rules: &[PolicyRule]) -> Rights {
    let mut rights = Rights::new();
    for rule in rules {
        for group in rule.api_groups.iter().flatten() {
            for resource in rule.resources.iter().flatten() {
                allow(&mut rights, group, resource, &rule.verbs);
            }
        }
    }
    rights
}

#[test]
fn the_operator_has_exactly_the_verbs_that_the_table_of_kinds_needs() {
    let documents = documents(&rendered(&[]));
    let role: ClusterRole = object(&documents, "ClusterRole", "mstack-system-mstack");
    let mut needed = Rights::new();
    for kind in &KINDS {
        allow(&mut needed, kind.group, kind.plural, &["get", "list", "watch"]);
        if kind.managed {
            allow(&mut needed, kind.group, kind.plural, &["create", "patch", "delete"]);
        }
    }
    let group = mstack::api::GROUP;
    allow(&mut needed, group, "microservicestacks", &["get", "list", "watch"]);
    allow(&mut needed, group, "microservicestacks/status", &["patch"]);
    allow(&mut needed, group, "microservicestacks/finalizers", &["update"]);
    allow(&mut needed, "", "secrets", &["get", "list", "watch", "create"]);
    allow(&mut needed, "events.k8s.io", "events", &["create", "patch"]);
    assert_eq!(rights(&role.rules.expect("rules")), needed);
}

#[test]
fn whoever_may_edit_a_namespace_may_write_its_stacks_and_viewers_only_see_them() {
    let documents = documents(&rendered(&[]));
    let aggregated_to = |name: &str| -> BTreeSet<String> {
        let role: ClusterRole = object(&documents, "ClusterRole", name);
        let labels = role.metadata.labels.expect("labels");
        labels
            .keys()
            .filter_map(|label| label.strip_prefix("rbac.authorization.k8s.io/aggregate-to-"))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(aggregated_to("mstack-system-mstack-edit"), BTreeSet::from(["admin".to_owned(), "edit".to_owned()]));
    assert_eq!(aggregated_to("mstack-system-mstack-view"), BTreeSet::from(["view".to_owned()]));
    let view: ClusterRole = object(&documents, "ClusterRole", "mstack-system-mstack-view");
    let verbs: BTreeSet<String> = rights(&view.rules.expect("rules")).into_values().flatten().collect();
    assert_eq!(verbs, ["get", "list", "watch"].map(str::to_owned).into());
}

#[test]
fn the_chart_renders_what_was_reviewed() {
    // UPDATE=1 writes the file anew, to be reviewed as a diff.
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/chart.yaml");
    let now = rendered(&["--set", "crds.enabled=false"]);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&golden, &now).expect("the golden file is writable");
    }
    let reviewed = std::fs::read_to_string(&golden).expect("UPDATE=1 makes the golden file");
    assert_eq!(now, reviewed);
}

#[test]
fn the_crd_of_the_chart_is_the_one_in_crds_and_survives_an_uninstall() {
    const NAME: &str = "microservicestacks.microservicestack.dev";
    let crd = |arguments| object::<CustomResourceDefinition>(&documents(&rendered(arguments)), "CustomResourceDefinition", NAME);
    let generated: CustomResourceDefinition =
        serde_saphyr::from_str(include_str!("../crds/microservicestacks.yaml")).expect("crds/ holds a CRD");
    let (kept, left) = (crd(&[]), crd(&["--set", "crds.keep=false"]));
    assert!(kept.spec == generated.spec, "the chart's CRD is not the one in crds/: run `make generate`");
    assert_eq!(kept.metadata.annotations.unwrap_or_default()["helm.sh/resource-policy"], "keep");
    assert_eq!(left.metadata.annotations, None);
}

#[test]
fn a_digest_wins_over_a_tag_and_databases_get_the_same_image() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let arguments =
        ["--set", "image.repository=mirror/mstack", "--set", "image.tag=v7", "--set", &format!("image.digest={digest}")];
    let deployment: Value = object(&documents(&rendered(&arguments)), "Deployment", "mstack");
    let operator = &deployment["spec"]["template"]["spec"]["containers"][0];
    let guard = operator["env"].as_array().expect("env").iter().find(|env| env["name"] == "MSTACK_IMAGE").expect("MSTACK_IMAGE");
    assert_eq!(operator["image"], format!("mirror/mstack@{digest}"));
    assert_eq!(guard["value"], operator["image"]);
}

#[test]
fn a_misspelled_value_is_refused_by_name() {
    for typo in ["replicaCuont=3", "image.repo=x", "operator.concurency=2", "metrics.service.enabld=true"] {
        let output = render(&["--set", typo]);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        let key = typo.split('=').next().and_then(|path| path.rsplit('.').next()).expect("a key");
        assert!(!output.status.success(), "{typo} was accepted");
        assert!(message.contains(key), "{typo}: {message}");
    }
}

#[test]
fn values_that_cannot_work_are_refused() {
    for value in ["replicaCount=-1", "image.digest=latest", "operator.writes=0", "operator.logFormat=xml"] {
        assert!(!render(&["--set", value]).status.success(), "{value} was accepted");
    }
}

#[test]
fn helm_lint_is_content() {
    let output = helm(&["lint", "--strict", CHART]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_chart_and_the_binary_have_the_same_version() {
    let chart: Value = serde_saphyr::from_str(include_str!("../charts/mstack/Chart.yaml")).expect("Chart.yaml holds YAML");
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
}
