//! Golden cases: a stack as it is written, and all objects that come of it, compared whole. They also hold that an
//! upgrade of the operator changes no workload: a difference here is a write to every stack in the field.
//!
//! `UPDATE=1 cargo test --test golden` writes `out.yaml` anew; read the difference before it is committed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at what it does not expect")]

mod cases;
mod commands;
mod convert;
mod views;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use cases::{UID, cases, containers};
use mstack::desired::{self, Desired, Passwords};
use mstack::kinds::Kind;
use mstack::model::{Credentials, Stack, VolumeFacts};
use pretty_assertions::assert_eq;
use serde_json::Value;

const PASSWORD: &str = "p@ss/word";

/// What a case gives where that is not its `out`, which `UPDATE=1` writes.
fn difference(case: &Path, made: &str) -> Option<String> {
    let file = case.join("out");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, made).unwrap();
    }
    let is_as_committed = std::fs::read_to_string(&file).unwrap_or_default() == made;
    (!is_as_committed).then(|| format!("{}:\n{made}", case.display()))
}

#[test]
fn every_case_gives_exactly_the_objects_in_its_file() {
    for case in cases() {
        let stack = stack(&case);
        let (file, found) = (case.join("out.yaml"), rendered(&stack));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&file, &found).unwrap();
        }
        let wanted =
            std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}; run with UPDATE=1", file.display()));
        assert_eq!(wanted, found, "{}", file.display());
    }
}

/// Rule 13: what is sent to pods that are there is what was sent to them before there was another form of their recipe.
#[test]
fn rule_13_pods_of_a_former_form_of_their_recipe_are_restarted_by_no_new_operator() {
    let case = cases().into_iter().find(|case| case.ends_with("restricted")).unwrap();
    let sent = |form: Option<i32>| {
        let volume = VolumeFacts { form, ..VolumeFacts::default() };
        let stack = cases::stack_over(cases::object(&case), UID, [("d-rabbitmq".to_owned(), volume)].into());
        let mut objects = desired::build(&stack).objects.into_iter();
        objects.find(|object| object.kind == Kind::StatefulSet && object.name == "d-rabbitmq").unwrap()
    };
    assert_eq!(sent(Some(1)).hash, "cf616497236654a4");
    assert_eq!(sent(Some(2)), sent(None));
}

#[test]
fn the_same_stack_always_gives_the_same_objects() {
    for case in cases() {
        assert_eq!(desired::build(&stack(&case)), desired::build(&stack(&case)));
    }
}

/// Server-side apply drops `null` and normalises what is empty, so it could not be told from drift. An empty `emptyDir`
/// is the exception: it says which kind of volume it is.
#[test]
fn nothing_empty_is_sent() {
    for (object, body) in bodies() {
        walk(&body, &mut String::new(), &mut |path, value| {
            let empty = value.is_null()
                || value.as_object().is_some_and(serde_json::Map::is_empty)
                || value.as_array().is_some_and(Vec::is_empty);
            let text = value.as_str() == Some("") && !path.contains(".data.");
            assert!(!(empty || text) || path.ends_with(".emptyDir"), "{object}: {path} is empty");
        });
    }
}

#[test]
fn objects_of_a_component_come_together_and_components_in_the_order_of_the_waves_before_tasks() {
    for case in cases() {
        let stack = stack(&case);
        let mut components: Vec<String> = desired::build(&stack).objects.into_iter().map(|object| object.component).collect();
        components.dedup();
        // A database outside the stack has none.
        let is_run = |name: &String| stack.databases.get(name).is_none_or(|database| database.external().is_none());
        let waves = stack.waves.concat().into_iter().filter(is_run);
        let tasks = stack.tasks.iter().filter(|_| stack.isolated).map(mstack::model::Task::component);
        assert_eq!(components, waves.chain(tasks).collect::<Vec<_>>());
    }
}

#[test]
fn no_two_objects_of_a_kind_have_the_same_name() {
    for case in cases() {
        let mut seen = BTreeSet::new();
        for object in desired::build(&stack(&case)).objects {
            assert!(seen.insert((object.kind, object.name.clone())), "{:?} {}", object.kind, object.name);
        }
    }
}

/// Design, section 5: "no ... foreign ServiceAccount, ownerReference, reserved label or selector".
#[test]
fn every_child_has_our_labels_and_our_owner_reference() {
    for case in cases() {
        for object in desired::build(&stack(&case)).objects {
            let metadata = &object.body["metadata"];
            let (label, of) = match object.component.strip_prefix("task/") {
                Some(task) => ("microservicestack.dev/task", task),
                None => ("microservicestack.dev/component", object.component.as_str()),
            };
            assert_eq!(metadata["labels"][label], of);
            assert_eq!(metadata["ownerReferences"][0]["uid"], UID);
            let selector = &object.body["spec"]["selector"];
            let selector = if selector["matchLabels"].is_null() { selector } else { &selector["matchLabels"] };
            if !selector.is_null() {
                assert_eq!(selector["microservicestack.dev/component"], object.component.as_str());
                let of_primary = usize::from(selector["apps.kubernetes.io/pod-index"] == "0");
                assert_eq!(selector.as_object().unwrap().len(), 2 + of_primary);
            }
        }
    }
}

/// Rule 4: "The order is fixed: injected variables, stack `config`, service `config` (wins), so `$(API_ADDR)` expands."
#[test]
fn rule_4_every_reference_in_an_injected_variable_is_to_one_that_comes_before_it() {
    for (object, body) in bodies() {
        for container in containers(&body) {
            let mut before = BTreeSet::new();
            for variable in container["env"].as_array().into_iter().flatten() {
                let name = variable["name"].as_str().unwrap();
                for reference in references(variable["value"].as_str().unwrap_or_default()) {
                    assert!(
                        before.contains(&reference),
                        "{object}: {name} refers to {reference}, which comes later or not at all"
                    );
                }
                assert!(before.insert(name.to_owned()), "{object}: {name} comes twice");
            }
            for text in container["args"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                assert!(references(text).iter().all(|reference| before.contains(reference)), "{object}: {text} does not expand");
            }
        }
    }
}

/// Every volume is mounted and every mount has its volume; a folder comes before the folders in it.
#[test]
fn volumes_and_mounts_fit_together() {
    for (object, body) in bodies() {
        let names = |list: &Value| -> BTreeSet<String> {
            list.as_array()
                .into_iter()
                .flatten()
                .filter_map(|item| item["name"].as_str().or(item["metadata"]["name"].as_str()))
                .map(str::to_owned)
                .collect()
        };
        let mut volumes = names(&body["spec"]["template"]["spec"]["volumes"]);
        volumes.extend(names(&body["spec"]["volumeClaimTemplates"]));
        let mounted = containers(&body).iter().flat_map(|container| names(&container["volumeMounts"])).collect();
        assert_eq!(volumes, mounted, "{object}");
        for container in containers(&body) {
            let paths: Vec<&str> = container["volumeMounts"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|mount| mount["mountPath"].as_str())
                .collect();
            assert!(paths.is_sorted(), "{object}: {paths:?}");
        }
    }
}

/// Design, section 5: "Every pod has what breaks no image ... and passes Pod Security `baseline`; `Restricted` ... passes
/// `restricted`, and engines pass it by their own rows."
#[test]
fn pods_pass_pod_security_baseline_and_the_restricted_ones_restricted() {
    let mut restricted = 0;
    for (object, body) in bodies().into_iter().filter(|(_, body)| !body["spec"]["template"].is_null()) {
        let spec = &body["spec"]["template"]["spec"];
        let pod = &spec["securityContext"];
        assert_eq!(pod["seccompProfile"]["type"], "RuntimeDefault", "{object}");
        assert_eq!(spec["automountServiceAccountToken"], false, "{object}");
        assert_eq!(spec["enableServiceLinks"], false, "{object}");
        for forbidden in ["hostNetwork", "hostPID", "hostIPC"] {
            assert!(spec[forbidden].is_null(), "{object}: {forbidden}");
        }
        for volume in spec["volumes"].as_array().into_iter().flatten() {
            assert!(volume["emptyDir"].is_object() || volume["configMap"].is_object(), "{object}: {volume}");
        }
        for container in containers(&body) {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false, "{object}");
            assert!(context["privileged"].is_null() && container["ports"].to_string().find("hostPort").is_none(), "{object}");
            if pod["runAsNonRoot"] == true {
                restricted += 1;
                assert_eq!(context["capabilities"]["drop"][0], "ALL", "{object}");
                assert_ne!(pod["runAsUser"], 0, "{object}");
            }
        }
    }
    assert!(restricted >= 8, "the cases have only {restricted} restricted containers");
}

/// Names of child objects that others refer to: the hashed ConfigMaps, the Service of a StatefulSet, the targets of routes.
#[test]
fn every_reference_between_children_leads_to_one_of_them() {
    for case in cases() {
        let Desired { objects, .. } = desired::build(&stack(&case));
        let exists = |kind: Kind, name: &str| objects.iter().any(|object| object.kind == kind && object.name == name);
        for object in &objects {
            walk(&object.body, &mut String::new(), &mut |path, value| {
                let kind = match path {
                    _ if path.ends_with(".configMap.name") => Kind::ConfigMap,
                    _ if path.ends_with(".serviceName")
                        || path.ends_with(".service.name")
                        || path.contains(".backendRefs") && path.rsplit('.').next() == Some("name") =>
                    {
                        Kind::Service
                    }
                    _ if path.ends_with(".serviceAccountName") => Kind::ServiceAccount,
                    _ if path.ends_with(".scaleTargetRef.name") => Kind::Deployment,
                    _ => return,
                };
                let name = value.as_str().unwrap();
                assert!(exists(kind, name), "{}: {path} names {kind:?} {name}, which is not made", object.name);
            });
        }
    }
}

/// The stack of a case, with a UID that stays.
fn stack(case: &Path) -> Stack {
    cases::stack(cases::object(case), UID)
}

/// All that mstack makes for a stack, as YAML: the children with their counts, then the data objects.
fn rendered(stack: &Stack) -> String {
    let Desired { objects, tasks } = desired::build(stack);
    let mut out = format!("# revision {}\n", stack.revision.name);
    for object in objects {
        let count = object.count.map(|count| format!(" count {count}")).unwrap_or_default();
        let _ = write!(out, "--- # {}{count}\n{}", object.component, yaml(&object.body));
    }
    for task in tasks {
        let _ = write!(out, "--- # {}, once it is due\n{}", task.component, yaml(&task.body));
    }
    for database in stack.databases.values() {
        let identity = format!("identity-of-{}", database.name);
        if matches!(database.credentials, Credentials::Generated { .. }) {
            let secret = desired::credentials_secret(stack, database, Passwords { consumer: PASSWORD, peer: "peer" }, &identity);
            let _ = write!(out, "--- # {}, once\n{}", database.name, yaml(&serde_json::to_value(secret).unwrap()));
        }
        let record = desired::identity_record(stack, database, &identity);
        let _ = write!(out, "--- # {}, once it has served\n{}", database.name, yaml(&record.body));
    }
    out
}

fn yaml(body: &Value) -> String {
    let text = serde_saphyr::to_string(body).unwrap();
    if text.ends_with('\n') { text } else { text + "\n" }
}

/// Every object of every case with a name for messages.
fn bodies() -> Vec<(String, Value)> {
    let objects = |case: PathBuf| {
        let case_name = case.file_name().unwrap().to_string_lossy().into_owned();
        let Desired { objects, tasks } = desired::build(&stack(&case));
        objects
            .into_iter()
            .chain(tasks)
            .map(move |object| (format!("{case_name}: {:?} {}", object.kind, object.name), object.body))
            .collect::<Vec<_>>()
    };
    cases().into_iter().flat_map(objects).collect()
}

/// The names in the `$(NAME)` of a text.
fn references(text: &str) -> Vec<String> {
    text.split("$(").skip(1).filter_map(|rest| rest.split_once(')')).map(|(name, _)| name.to_owned()).collect()
}

fn walk(value: &Value, path: &mut String, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, value);
    let length = path.len();
    let mut step = |name: &str, value: &Value| {
        path.push('.');
        path.push_str(name);
        walk(value, path, visit);
        path.truncate(length);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| step(name, value)),
        Value::Array(items) => items.iter().for_each(|value| step("[]", value)),
        _ => {}
    }
}
