//! The Helm chart, rendered by helm itself: what it installs, what it may do, what it refuses.
#![allow(clippy::panic, reason = "a test ends at what it does not expect")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use mstack::api::MicroserviceStack;
use mstack::cli::install::objects::{Choice, MANAGED_BY, objects, title};
use mstack::kinds::KINDS;
use mstack::metrics::{Metrics, Stacks};
use pretty_assertions::assert_eq;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/mstack");
const NAMESPACE: &str = "mstack-system";

fn helm(arguments: &[&str]) -> Output {
    let helm = cluster::helm().unwrap_or_else(|error| panic!("{error}"));
    Command::new(helm).args(arguments).output().expect("helm starts")
}

/// What stays installed: without what is there for the time of a `helm test`.
fn render(arguments: &[&str]) -> Output {
    helm(&[&["template", "mstack", CHART, "--namespace", NAMESPACE, "--skip-tests"], arguments].concat())
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
    let role: ClusterRole = object(&documents(&rendered(&[])), "ClusterRole", "mstack-system-mstack");
    assert_eq!(rights(&role.rules.expect("rules")), needed_rights());
}

fn needed_rights() -> Rights {
    let mut needed = Rights::new();
    for kind in &KINDS {
        allow(&mut needed, kind.group, kind.plural, &["get", "list", "watch"]);
        if kind.managed {
            allow(&mut needed, kind.group, kind.plural, &["create", "patch", "delete"]);
        }
    }
    let group = mstack::api::GROUP;
    allow(&mut needed, group, "microservicestacks", &["get", "list", "watch", "patch"]);
    allow(&mut needed, group, "microservicestacks/status", &["patch"]);
    allow(&mut needed, group, "microservicestacks/finalizers", &["update"]);
    allow(&mut needed, "", "secrets", &["get", "list", "watch", "create", "patch", "delete"]);
    allow(&mut needed, "", "persistentvolumeclaims", &["patch", "delete"]);
    allow(&mut needed, "storage.k8s.io", "storageclasses", &["get"]);
    allow(&mut needed, "events.k8s.io", "events", &["create", "patch"]);
    needed
}

#[test]
fn with_watch_namespaces_the_same_rights_hold_in_these_namespaces_alone() {
    let documents = documents(&rendered(&["--set", "watch.namespaces={shop,bank}", "--set", "rbac.aggregate=false"]));
    let of_kind = |kind: &str| documents.iter().filter(|document| document["kind"] == kind).collect::<Vec<_>>();
    assert_eq!((of_kind("ClusterRole"), of_kind("ClusterRoleBinding")), (vec![], vec![]));
    let place = |object: &Value| {
        let text = |key: &str| object["metadata"][key].as_str().expect(key).to_owned();
        (text("namespace"), text("name"))
    };
    let places = [("shop", "mstack-stacks"), ("bank", "mstack-stacks"), (NAMESPACE, "mstack")];
    let places = places.map(|(namespace, name)| (namespace.to_owned(), name.to_owned()));
    assert_eq!(of_kind("Role").into_iter().map(place).collect::<BTreeSet<_>>(), places.clone().into());
    assert_eq!(of_kind("RoleBinding").into_iter().map(place).collect::<BTreeSet<_>>(), places.into());
    for role in of_kind("Role").into_iter().filter(|role| role["metadata"]["name"] == "mstack-stacks") {
        let role: Role = serde_json::from_value(role.clone()).expect("a Role");
        assert_eq!(rights(&role.rules.expect("rules")), needed_rights());
    }
    for binding in of_kind("RoleBinding") {
        let operator = json!([{"kind": "ServiceAccount", "name": "mstack", "namespace": NAMESPACE}]);
        assert_eq!(binding["subjects"], operator);
    }
    let deployment: Value = object(&documents, "Deployment", "mstack");
    let arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array().expect("args");
    assert!(arguments.contains(&json!("--namespaces=shop,bank")), "{arguments:?}");
}

fn kinds(arguments: &[&str]) -> BTreeSet<String> {
    let documents = documents(&rendered(arguments));
    documents.iter().map(|document| document["kind"].as_str().expect("a kind").to_owned()).collect()
}

#[test]
fn kinds_of_the_prometheus_operator_are_rendered_where_the_cluster_has_them_or_when_asked() {
    let monitoring = |arguments: &[&str]| {
        let kinds = kinds(arguments);
        (kinds.contains("ServiceMonitor"), kinds.contains("PrometheusRule"))
    };
    let has = ["monitoring.coreos.com/v1/ServiceMonitor", "monitoring.coreos.com/v1/PrometheusRule"];
    let never = ["--set", "metrics.serviceMonitor.render=never,metrics.rules.render=never"];
    let always = ["--set", "metrics.serviceMonitor.render=always,metrics.rules.render=always"];
    let versions = ["--api-versions", has[0], "--api-versions", has[1]];
    assert_eq!(monitoring(&[]), (false, false));
    assert_eq!(monitoring(&versions), (true, true));
    assert_eq!(monitoring(&versions[..2]), (true, false));
    assert_eq!(monitoring(&[versions, [never[0], never[1], never[0], never[1]]].concat()), (false, false));
    assert_eq!(monitoring(&always), (true, true));
    // Without the Service there is nothing that a monitor could select.
    assert_eq!(monitoring(&[always[0], always[1], "--set", "metrics.service.enabled=false"]), (false, true));
}

#[test]
fn every_alert_has_a_section_of_its_name_that_it_links_to() {
    let documents = documents(&rendered(&["--set", "metrics.rules.render=always"]));
    let rule: Value = object(&documents, "PrometheusRule", "mstack");
    let operations = include_str!("../docs/operations.md");
    let groups = rule["spec"]["groups"].as_array().expect("groups");
    let rules: Vec<&Value> = groups.iter().flat_map(|group| group["rules"].as_array().expect("rules")).collect();
    assert!(rules.len() > 5, "{rules:?}");
    for rule in rules {
        let alert = rule["alert"].as_str().expect("an alert");
        let link = rule["annotations"]["runbook_url"].as_str().expect("a runbook");
        assert!(link.ends_with(&format!("/docs/operations.md#{}", alert.to_lowercase())), "{alert}: {link}");
        assert!(operations.contains(&format!("\n### {alert}\n")), "docs/operations.md has no section {alert}");
    }
}

/// Names of all metrics, without prefix and suffix; one without a value yet is not printed, so each has one.
fn names_of_metrics() -> BTreeSet<String> {
    let (metrics, stacks) = (Metrics::default(), Stacks::default());
    metrics.reconciled(true, 0.1);
    metrics.requests().ended("get", "pods".to_owned(), Some(200), Duration::from_millis(1));
    let status = json!({
        "conditions": [{"type": "Ready", "status": "True", "reason": "Available", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
        "services": {"web": {"phase": "Ready", "wave": 0, "instances": {"desired": 1, "updated": 1, "ready": 1, "serving": 1, "terminating": 0}}},
    });
    stacks.add("shop", "shop", &serde_json::from_value(status).expect("a status"));
    let text = metrics.text(&stacks);
    assert!(text.ends_with("# EOF\n"), "{text}");
    let helps = text.lines().filter_map(|line| line.strip_prefix("# HELP mstack_"));
    helps.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn alerts_and_dashboard_ask_only_for_metrics_that_there_are() {
    let known = names_of_metrics();
    for text in [include_str!("../charts/mstack/files/alerts.yaml"), include_str!("../charts/mstack/files/dashboard.json")] {
        let asked: BTreeSet<String> = text
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .filter_map(|word| word.strip_prefix("mstack_"))
            .map(|name| ["_total", "_bucket", "_info"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_owned())
            .collect();
        assert!(asked.len() > 3, "{asked:?}");
        assert_eq!(asked.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new());
    }
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
fn helm_test_asks_the_doctor_of_the_same_release_with_rights_that_only_read_and_go_again() {
    let output = helm(&["template", "mine", CHART, "--namespace", NAMESPACE, "--show-only", "templates/tests/doctor.yaml"]);
    let documents = documents(&String::from_utf8(output.stdout).expect("helm prints text"));
    for document in &documents {
        let hook = document["metadata"]["annotations"].as_object().expect("annotations");
        assert_eq!(
            (&hook["helm.sh/hook"], &hook["helm.sh/hook-delete-policy"]),
            (&json!("test"), &json!("before-hook-creation,hook-succeeded"))
        );
        let verbs = document["rules"].as_array().into_iter().flatten().flat_map(|rule| rule["verbs"].as_array().expect("verbs"));
        assert!(verbs.clone().all(|verb| verb == "get" || verb == "list"), "{document:#}");
    }
    let pod: Value = object(&documents, "Pod", "mine-mstack-test");
    let operator: Value = object(&self::documents(&rendered(&[])), "Deployment", "mstack");
    let [tried, operator] = [&pod["spec"], &operator["spec"]["template"]["spec"]].map(|spec| &spec["containers"][0]);
    assert_eq!([&tried["image"], &tried["securityContext"]], [&operator["image"], &operator["securityContext"]]);
    assert_eq!(tried["args"], json!(["doctor", "--skip=rights,stacks", "--operator=mstack-system/mine-mstack"]));
}

#[test]
fn the_chart_renders_what_was_reviewed() {
    is_as_reviewed("chart.yaml", &[]);
}

#[test]
fn everything_that_can_be_switched_on_renders_what_was_reviewed() {
    let everything = "watch.namespaces={shop},metrics.serviceMonitor.render=always,metrics.rules.render=always,argocd.health=true,ui.enabled=true,operator.traces=http://collector:4318";
    is_as_reviewed("chart-everything.yaml", &["--set", everything]);
}

fn is_as_reviewed(file: &str, arguments: &[&str]) {
    // UPDATE=1 writes the file anew, to be reviewed as a diff.
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    let output =
        helm(&[&["template", "mstack", CHART, "--namespace", NAMESPACE, "--set", "crds.enabled=false"], arguments].concat());
    let now = String::from_utf8(output.stdout).expect("helm prints text");
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
    for typo in [
        "replicaCuont=3",
        "image.repo=x",
        "operator.concurency=2",
        "metrics.service.enabld=true",
        "watch.namespace=a",
        "argocd.helth=true",
    ] {
        let output = render(&["--set", typo]);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        let key = typo.split('=').next().and_then(|path| path.rsplit('.').next()).expect("a key");
        assert!(!output.status.success(), "{typo} was accepted");
        assert!(message.contains(key), "{typo}: {message}");
    }
}

#[test]
fn values_that_cannot_work_are_refused() {
    for value in [
        "replicaCount=-1",
        "image.digest=latest",
        "operator.writes=0",
        "operator.logFormat=xml",
        "watch.namespaces={A_b}",
        "metrics.rules.render=sometimes",
    ] {
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
    let images = chart["annotations"]["artifacthub.io/images"].as_str().expect("images");
    assert!(images.contains(&format!("mstack:{}\n", env!("CARGO_PKG_VERSION"))), "{images}");
}

/// Each value: its path, its default, and what it means.
fn values(text: &str) -> Vec<[String; 3]> {
    let (mut values, mut parents, mut comment) = (Vec::new(), Vec::<(usize, String)>::new(), String::new());
    for line in text.lines() {
        let content = line.trim_start();
        if let Some(words) = content.strip_prefix('#') {
            let words = words.trim_start_matches(" --").trim();
            comment = if comment.is_empty() { words.to_owned() } else { format!("{comment} {words}") };
        } else if let Some((key, value)) = content.split_once(':') {
            let indent = line.len() - content.len();
            parents.retain(|(of, _)| *of < indent);
            let path = parents.iter().map(|(_, key)| key.as_str()).chain([key]).collect::<Vec<_>>().join(".");
            if value.is_empty() {
                parents.push((indent, key.to_owned()));
            } else {
                values.push([path, value.trim().to_owned(), std::mem::take(&mut comment)]);
            }
        }
    }
    values
}

#[test]
fn the_readme_of_the_chart_has_every_value_with_its_default_and_meaning() {
    const BEGIN: &str = "from values.yaml -->\n";
    const END: &str = "<!-- end of values -->";
    let values = values(include_str!("../charts/mstack/values.yaml"));
    let silent: Vec<_> = values.iter().filter(|[_, _, meaning]| meaning.is_empty()).collect();
    assert_eq!(silent, Vec::<&[String; 3]>::new(), "every value has a comment");
    let rows =
        values.iter().map(|[path, default, meaning]| format!("| `{path}` | `{default}` | {} |\n", meaning.replace('|', "\\|")));
    let table = format!("\n| value | default | meaning |\n|---|---|---|\n{}\n", rows.collect::<Vec<_>>().concat());
    let path = Path::new(CHART).join("README.md");
    let text = std::fs::read_to_string(&path).expect("the chart has a README");
    let (head, rest) = text.split_once(BEGIN).expect("the table begins");
    let (_, tail) = rest.split_once(END).expect("the table ends");
    let now = format!("{head}{BEGIN}{table}{END}{tail}");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &now).expect("the README is writable");
    }
    assert_eq!(now, std::fs::read_to_string(&path).expect("the chart has a README"));
}

#[test]
fn the_stack_that_the_chart_shows_as_its_example_has_no_violation() {
    let chart: Value = serde_saphyr::from_str(include_str!("../charts/mstack/Chart.yaml")).expect("Chart.yaml holds YAML");
    let examples: Vec<MicroserviceStack> =
        serde_saphyr::from_str(chart["annotations"]["artifacthub.io/crdsExamples"].as_str().expect("examples")).expect("stacks");
    for mut stack in examples {
        stack.metadata.namespace = Some("shop".to_owned());
        mstack::model::check(&stack, &mstack::model::Facts::default()).unwrap_or_else(|violations| panic!("{violations}"));
    }
}

#[test]
fn two_releases_of_one_namespace_have_a_lease_each() {
    let lease = |release: &str| {
        let output = helm(&["template", release, CHART, "--namespace", NAMESPACE, "--show-only", "templates/deployment.yaml"]);
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines().find_map(|line| line.trim().strip_prefix("- --lease-name=").map(str::to_owned)).expect("a lease")
    };
    assert_eq!((lease("mstack"), lease("left")), ("mstack".to_owned(), "left-mstack".to_owned()));
}

/// What is helm's alone is told otherwise: who manages, and which chart.
fn without_helm(text: &str) -> String {
    let managed = format!("{}: {}", MANAGED_BY.0, MANAGED_BY.1);
    let kept = text.lines().filter(|line| !line.contains("helm.sh/chart:") && !line.trim_start().starts_with('#'));
    kept.fold(String::new(), |all, line| all + &line.replace(&format!("{}: Helm", MANAGED_BY.0), &managed) + "\n")
}

#[test]
fn the_manifests_of_mstack_install_are_the_charts_own() {
    let made = without_helm(&rendered(&["--set", "crds.enabled=false"]));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/install/manifests.yaml");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &made).expect("the manifests are writable");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "{} is out of date; run `make generate`", path.display());
}

#[test]
fn what_mstack_install_applies_is_what_helm_would_install_with_the_same_values() {
    let image = ["--set", "image.repository=registry.example.com/mstack", "--set", "image.tag=x", "--set", "ui.enabled=true"];
    let arguments = [&["template", "mstack", CHART, "--namespace", "team-a", "--skip-tests"], &image[..]].concat();
    let text = String::from_utf8(helm(&arguments).stdout).expect("text");
    let by_name =
        |objects: Vec<Value>| -> BTreeMap<String, Value> { objects.into_iter().map(|object| (title(&object), object)).collect() };
    let mut by_helm = by_name(documents(&without_helm(&text)));
    let choice = Choice { namespace: "team-a".to_owned(), image: Some("registry.example.com/mstack:x".to_owned()), ui: true };
    let mut by_command = by_name(objects(&choice).expect("objects"));
    let crd = by_helm.get_mut("CustomResourceDefinition microservicestacks.microservicestack.dev").expect("the definition");
    crd["metadata"].as_object_mut().expect("metadata").remove("annotations"); // Helm's word for keeping it.
    for objects in [&mut by_helm, &mut by_command] {
        // As types, for 1 and 1.0 are the same bound.
        let crd = objects.get_mut("CustomResourceDefinition microservicestacks.microservicestack.dev").expect("the definition");
        let typed: CustomResourceDefinition = serde_json::from_value(crd.take()).expect("a definition");
        *crd = serde_json::to_value(typed).expect("JSON");
        let deployment = objects.get_mut("Deployment mstack").expect("the operator");
        let args = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array_mut().expect("args");
        args.sort_by_key(ToString::to_string);
    }
    assert_eq!(by_command, by_helm);
}
