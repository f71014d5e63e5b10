//! Rule 15, at the desk: `mstack lint` and the real API server come to the same verdict on hundreds of specs, each with one
//! mistake that is made from the schema itself, and lint names the place that the API server names.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation, reason = "a test ends at what it does not expect")]

use std::collections::BTreeSet;

use cluster::Cluster;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use mstack::lint::{self, SCHEMA};
use serde_json::{Value, json};

const CRD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crds/microservicestacks.yaml");
const CREATE: &str =
    "/apis/microservicestack.dev/v1alpha1/namespaces/default/microservicestacks?dryRun=All&fieldValidation=Strict";

/// Stacks that have as many fields as fit together.
const GOOD: [&str; 3] = [
    "{names: Plain, rollout: {onFailure: Hold, deadline: 5m, history: 3}, config: {REGION: eu},
      tests: {flow: {image: a/b, command: [a], args: [b], uses: [web], config: {A: 1}, resources: {cpu: 1}, security: {runAsUser: 1}, gate: true, timeout: 5m}}, jobs: {seed: {image: a/b, uses: [orders]}}, security: {profile: Baseline}, routing: {gateway: {name: public, namespace: infra, sectionName: web}, ingressClassName: a, from: [{namespace: infra, labels: {a: b}}]}, isolation: Strict, egress: [{cidr: 10.0.0.0/8, except: [10.1.0.0/16], ports: [443]}],
      databases: {orders: {engine: postgres, version: '17', instances: 1, storage: {size: 1Gi, class: fast}, credentials: {secret: mine},
          init: {a.sql: select 1}, resources: {cpu: 100m, memory: 1Gi, limits: {cpu: 1, memory: 2Gi}}, env: {A: b}, security: {runAsUser: 999}, allowFrom: [{namespace: backup}]},
        search: {engine: custom, image: acme/search, port: 9200, dataPath: /data, uri: 'http://$(HOST)', storage: {size: 1Gi}, command: [a], args: [b]},
        cache: {engine: redis, ephemeral: true, auth: None}},
      services: {web: {image: a/b, command: [x], args: [more], port: 8080, replicas: 2, expose: [{host: a.example.com, path: /, port: http}], uses: [api, orders],
          bindings: {orders: {env: {URL: uri}}}, health: {http: /, startup: 60s, period: 5s, timeout: 1s, failures: 3}, live: {tcp: true, port: http}, scratch: [/tmp], migrate: {command: [a], args: [b], image: a/b},
          config: {A: 1}, files: {/etc/a: text}, secrets: [given], resources: {cpu: 1, memory: 1Gi, limits: {cpu: 2}}, security: {profile: Restricted, runAsUser: 1000, runAsGroup: 1000}},
        api: {image: a/b, ports: {http: 80, admin: '80:81'}, scale: {min: 1, max: 3, cpu: 50, memory: 60}, resources: {cpu: 1, memory: 1Gi}, usesOptional: [cache], ready: {exec: [a]}, allowFrom: [{namespace: a, labels: {b: c}, ports: [http]}], egress: []}}}",
    "{services: {worker: {image: a/b, uses: []}}}",
    "{}",
];

/// Mistakes between fields, which only rules see.
const BAD: [&str; 18] = [
    "{services: {web: {image: a/b, port: 80, allowFrom: [{}, {cidr: 10.0.0.0/8, namespace: a}]}}}",
    "{egress: [{ports: [80]}], routing: {from: [{except: [10.0.0.0/8], namespace: a}]}}",
    "{services: {web: {image: a/b, uses: [nobody]}}}",
    "{services: {web: {image: a/b, uses: [web]}}}",
    "{services: {web: {image: a/b, replicas: 1, scale: {max: 2, cpu: 70}, resources: {cpu: 1}}}}",
    "{services: {Web: {image: a/b}, b.c: {image: a/b}}}",
    "{databases: {9p: {engine: redis, ephemeral: true}}}",
    "{services: {db: {image: a/b}}, databases: {db: {engine: redis, ephemeral: true}}}",
    "{services: {web: {image: a/b, port: 80, ports: {http: 80}}}}",
    "{services: {web: {image: a/b, expose: [{host: a.example.com}]}}}",
    "{services: {web: {image: a/b, port: 80, health: {http: /}, ready: {http: /}}}}",
    "{services: {web: {image: a/b, port: 80, live: {http: /, tcp: true}}}}",
    "{services: {web: {image: a/b, scale: {min: 3, max: 2}}}}",
    "{services: {web: {image: a/b, scale: {max: 2, memory: 70}, resources: {cpu: 1}}}}",
    "{databases: {a: {engine: postgres}, b: {engine: postgres, ephemeral: true, storage: {size: 1Gi}}}}",
    "{databases: {db: {engine: custom, ephemeral: true}, dc: {engine: custom, image: a/b, port: 1, storage: {size: 1Gi}}}}",
    "{databases: {db: {engine: redis, ephemeral: true, port: 1, uri: a}}}",
    "{databases: {db: {engine: redis, ephemeral: true, auth: None, credentials: {secret: s}}}}",
];

#[tokio::test]
async fn rule_15_lint_and_the_api_server_agree_on_hundreds_of_mistakes_and_their_places() {
    let cluster = Cluster::control_plane().await.unwrap();
    cluster.kubectl(&["apply", "--server-side", "-f", CRD]).unwrap();
    cluster.wait_until_served(&["microservicestacks.microservicestack.dev"]).unwrap();
    let client = client(&cluster).await;
    let mut specs: Vec<(String, Value)> = BAD.iter().map(|spec| ((*spec).to_owned(), object(spec))).collect();
    for good in GOOD.map(object) {
        specs.push(("nothing is changed".to_owned(), good.clone()));
        mutate(&SCHEMA, &good, &mut Vec::new(), &mut |what, mistaken| specs.push((what, mistaken)), &good);
    }
    let (mut refused, mut differ) = (0, Vec::new());
    for (what, object) in &specs {
        let places = refusal(&client, object).await;
        refused += usize::from(places.is_some());
        if let Some(difference) = difference(places.as_ref(), object) {
            differ.push(format!("{what}\n  {difference}"));
        }
    }
    println!("{} specs, {refused} of them refused", specs.len());
    assert!(refused >= 300, "only {refused} of {} specs are refused", specs.len());
    assert!(differ.is_empty(), "{} of {} differ:\n{}", differ.len(), specs.len(), differ.join("\n"));
}

/// How lint differs from the API server, which named these places.
fn difference(places: Option<&BTreeSet<String>>, object: &Value) -> Option<String> {
    let findings = lint::lint(&object.to_string()).findings;
    let named: BTreeSet<String> = findings.iter().filter(|one| one.refused).map(|one| plain(&one.path)).collect();
    match places {
        None if named.is_empty() => None,
        None => Some(format!("lint alone refuses it at {named:?}")),
        Some(places) if named.is_empty() => Some(format!("the API server alone refuses it at {places:?}")),
        // A rule of the API server may speak of all services, and lint of the one. What stands in a map where none is
        // expected is a field that is not known to the API server, and a wrong type to lint.
        Some(places) => {
            let same = |place: &str, name: &str| name.starts_with(place) || place.starts_with(&format!("{name}."));
            let missed = places.iter().find(|place| !named.iter().any(|name| same(place, name)))?;
            Some(format!("the API server names {missed}, and lint {named:?}"))
        }
    }
}

/// A path without brackets: `spec.services[web].uses[0]` is `spec.services.web.uses.0`.
fn plain(path: &str) -> String {
    path.replace('[', ".").replace([']', '/'], "").replace("..", ".")
}

/// The places that the API server names when it refuses an object; nothing where it admits it.
async fn refusal(client: &Client, object: &Value) -> Option<BTreeSet<String>> {
    let request = http::Request::post(CREATE).header("content-type", "application/json").body(object.to_string().into_bytes());
    let kube::Error::Api(status) = client.request_text(request.unwrap()).await.err()? else { panic!("no answer") };
    let details = status.details.as_ref();
    let causes = details
        .into_iter()
        .flat_map(|details| &details.causes)
        .filter(|cause| !cause.message.contains("some validation rules were not checked"));
    let mut places: BTreeSet<String> =
        causes.map(|cause| plain(&cause.field)).map(|path| if path == "<nil>" { String::new() } else { path }).collect();
    if let Some((_, unknown)) = status.message.split_once("strict decoding error: ") {
        places.extend(unknown.split("unknown field \"").skip(1).filter_map(|rest| rest.split('"').next()).map(plain));
    }
    assert!(status.code == 422 || !places.is_empty() || status.code == 400, "{status:?}");
    Some(places)
}

async fn client(cluster: &Cluster) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let file = Kubeconfig::read_from(cluster.kubeconfig()).unwrap();
    Client::try_from(Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap()).unwrap()
}

fn object(spec: &str) -> Value {
    let spec = &mstack::yaml::read(spec).documents[0].root.json();
    json!({ "apiVersion": "microservicestack.dev/v1alpha1", "kind": "MicroserviceStack", "metadata": { "name": "probe" }, "spec": spec })
}

/// One mistake at a time, at each place of a good object: what the schema forbids there.
fn mutate(schema: &Value, value: &Value, at: &mut Vec<String>, tell: &mut impl FnMut(String, Value), whole: &Value) {
    let path = at.join(".");
    if at.first().is_some_and(|top| top == "spec") {
        for (what, wrong) in mistakes(schema, value) {
            tell(format!("{path}: {what}"), with(whole, at, Some(wrong)));
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            at.push(name.to_owned());
            tell(format!("{path}: without {name}"), with(whole, at, None));
            at.pop();
        }
        if schema["properties"].is_object() {
            at.push("surplus".to_owned());
            tell(format!("{path}: a field that is not known"), with(whole, at, Some(json!(1))));
            at.pop();
        }
    }
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (key, value) in inner {
        let schema = [schema["properties"].get(&key), schema.get("additionalProperties"), schema.get("items")];
        if let Some(schema) = schema.into_iter().flatten().next() {
            at.push(key);
            mutate(schema, value, at, tell, whole);
            at.pop();
        }
    }
}

fn mistakes(schema: &Value, value: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let mut add = |what: &str, value: Value| found.push((what.to_owned(), value));
    for (what, other) in [
        ("a text", json!("text")),
        ("a number", json!(3)),
        ("a fraction", json!(1.5)),
        ("a boolean", json!(true)),
        ("a list", json!([1])),
        ("a map", json!({"a": 1})),
        ("nothing", Value::Null),
    ] {
        if std::mem::discriminant(&other) != std::mem::discriminant(value) || other == json!(1.5) {
            add(what, other);
        }
    }
    if let Some(least) = schema["minimum"].as_f64() {
        add("too low", json!(least as i64 - 1));
    }
    if let Some(most) = schema["maximum"].as_f64() {
        add("too high", json!(most as i64 + 1));
    }
    if let Some(most) = schema["maxLength"].as_u64() {
        add("too long", json!("x".repeat(most as usize + 1)));
        add("as long as can be", json!("x".repeat(most as usize)));
    }
    if schema["minLength"].as_u64() > Some(0) || schema["pattern"].is_string() {
        add("an empty text", json!(""));
        add("blanks", json!(" ß "));
    }
    if let Some(most) = schema["maxItems"].as_u64() {
        add("too many", (0..=most).map(|n| format!("/x{n}")).collect());
    }
    if let Some(most) = schema["maxProperties"].as_u64() {
        let one = value.as_object().and_then(|fields| fields.values().next()).cloned().unwrap_or(json!("x"));
        add("too many", (0..=most).map(|n| (format!("x{n}"), one.clone())).collect());
    }
    found
}

/// The object with another value at a place, or with none.
fn with(whole: &Value, at: &[String], value: Option<Value>) -> Value {
    let mut changed = whole.clone();
    let (last, way) = at.split_last().unwrap();
    let mut place = &mut changed;
    for step in way {
        place = match place {
            Value::Array(items) => &mut items[step.parse::<usize>().unwrap()],
            other => &mut other[step],
        };
    }
    match (place, value) {
        (Value::Array(items), Some(value)) => items[last.parse::<usize>().unwrap()] = value,
        (Value::Object(fields), Some(value)) => {
            fields.insert(last.clone(), value);
        }
        (Value::Object(fields), None) => {
            fields.remove(last);
        }
        _ => panic!("nothing is at {at:?}"),
    }
    changed
}
