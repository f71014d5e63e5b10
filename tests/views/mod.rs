//! What the commands that ask a cluster print, whole: from what was gathered to text, at 80 columns and without colour. Each
//! folder of `tests/views` is a case, called like its command. `UPDATE=1` writes the `out`s.
use std::path::{Path, PathBuf};

use k8s_openapi::api::apps::v1::ControllerRevision;
use mstack::cli::common::output::Screen;
use mstack::cli::common::revisions;
use mstack::cli::doctor::view::{Finding, State};
use mstack::cli::plan::view::{Change, Planned};
use mstack::cli::plan::{Difference, Mark};
use mstack::cli::{doctor, history, plan, status, uninstall};
use mstack::model::active;
use mstack::model::revision::Part;
use serde_json::{Value, json};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/views");
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    cases.sort();
    cases
}

/// What a case prints.
fn printed(name: &str, given: &Value) -> String {
    let screen = Screen { colour: false, width: 80, unicode: given["ascii"] != true };
    match name.split('-').next().unwrap() {
        "status" => {
            let extras = serde_json::from_value(given["extras"].clone()).unwrap_or_default();
            status::view::text(&status::view_of(&given["stack"]), &extras, given["wide"] == true, screen)
        }
        "list" => {
            let views: Vec<_> = given["stacks"].as_array().unwrap().iter().map(status::view_of).collect();
            status::view::list(&views, given["everywhere"] == true, given["wide"] == true, screen)
        }
        "plan" => plan::view::text(&planned(given), screen),
        "history" => {
            let metadata = json!({"name": "shop", "namespace": "shop", "uid": "1", "generation": 2});
            let status = json!({"observedGeneration": given["seen"], "conditions": given["conditions"]});
            let stack = json!({"metadata": metadata, "spec": given["spec"], "status": status});
            let recorded = revisions::of(&stack, records(given));
            let entries = history::view::entries(&stack, &revisions::asked(&stack).unwrap(), &recorded);
            history::view::text(&stack, &entries, text(&given["now"]).parse().unwrap(), given["wide"] == true, screen)
        }
        "uninstall" => {
            let found = uninstall::Found {
                namespace: text(&given["namespace"]).to_owned(),
                going: list(&given["going"], Clone::clone),
                stacks: list(&given["stacks"], |stack| text(stack).to_owned()),
                definition_stays: given["stays"] == true,
            };
            uninstall::deleted(&found, given["dry"] == true) + &uninstall::stays(&found)
        }
        "doctor" => doctor::view::text(&findings(given), screen),
        other => panic!("no command is called {other}"),
    }
}

fn text(value: &Value) -> &'static str {
    String::leak(value.as_str().unwrap_or_default().to_owned())
}

fn list<T>(value: &Value, read: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().into_iter().flatten().map(read).collect()
}

fn planned(given: &Value) -> Planned {
    Planned {
        namespace: "shop".to_owned(),
        stack: "shop".to_owned(),
        is_new: given["new"] == true,
        untouched: usize::try_from(given["untouched"].as_u64().unwrap_or_default()).unwrap(),
        paused: given["paused"] == true,
        blocked: serde_json::from_value(given["blocked"].clone()).unwrap_or_default(),
        conflicts: list(&given["conflicts"], |words| text(words).to_owned()),
        held: serde_json::from_value(given["held"].clone()).unwrap_or_default(),
        notices: list(&given["notices"], |words| text(words).to_owned()),
        changes: list(&given["changes"], change),
    }
}

fn change(given: &Value) -> Change {
    let given_text = |value: &Value| value.as_str().map(str::to_owned);
    let value = |value: &Value| (!value.is_null()).then(|| value.clone());
    Change {
        kind: text(&given["kind"]),
        name: text(&given["name"]).to_owned(),
        is_there: given["create"] != true,
        stays: given["delete"] != true,
        at_once: given["later"] != true,
        differences: list(&given["differences"], |given| Difference {
            path: text(&given["path"]).to_owned(),
            before: value(&given["before"]),
            after: value(&given["after"]),
        }),
        marks: list(&given["marks"], mark),
        refused: given_text(&given["refused"]),
        unjudged: given_text(&given["notJudged"]),
        ..Change::default()
    }
}

/// The records of a case, the latest first; one without a spec cannot be read.
fn records(given: &Value) -> Vec<ControllerRevision> {
    let revisions = given["revisions"].as_array().unwrap();
    let one = |(at, given): (usize, &Value)| {
        let part = serde_json::from_value(given["spec"].clone()).ok().map(|spec| Part::of(&active(&spec)));
        let name = part.clone().map_or_else(|| "shop-00000".to_owned(), |part| part.revision("shop").name);
        let annotation = |name: &str| format!("microservicestack.dev/{name}");
        let object = json!({
            "metadata": {
                "name": name,
                "ownerReferences": [{"apiVersion": "v1", "kind": "MicroserviceStack", "name": "shop", "uid": "1", "controller": true}],
                "creationTimestamp": given["at"],
                "annotations": {
                    annotation("outcome"): given["outcome"],
                    annotation("reason"): given["reason"].as_str().unwrap_or_default(),
                    annotation("number"): (revisions.len() - at).to_string(),
                },
            },
            "revision": 1,
            "data": part,
        });
        serde_json::from_value(object).unwrap()
    };
    revisions.iter().enumerate().map(one).collect()
}

/// A mark in the words of a case, such as `restarts 3`.
fn mark(given: &Value) -> Mark {
    let words: Vec<&str> = text(given).split(' ').collect();
    let number = |at: usize| words[at].parse().unwrap();
    match words[0] {
        "restarts" => Mark::Restarts { pods: number(1), outage: words.len() > 2 },
        "scales" => Mark::Scales { from: number(1), to: number(2) },
        "ends" => Mark::Ends(number(1)),
        "recreates" => Mark::Recreates,
        "data" => Mark::DataAtRisk("it is kept nowhere, and is lost with the pod"),
        other => panic!("{other} is no mark"),
    }
}

fn findings(given: &Value) -> Vec<Finding> {
    list(&given["findings"], |given| Finding {
        id: text(&given["id"]),
        state: match text(&given["state"]) {
            "Good" => State::Good,
            "Warning" => State::Warning,
            "Bad" => State::Bad,
            _ => State::Unknown,
        },
        message: text(&given["message"]).to_owned(),
        why: text(&given["why"]),
        fix: text(&given["fix"]).to_owned(),
    })
}

#[test]
fn every_view_is_as_committed() {
    let mut failed = Vec::new();
    for case in cases() {
        let given = std::fs::read_to_string(case.join("in.yaml")).unwrap();
        let given: Value = serde_saphyr::from_str(&given).unwrap_or_else(|error| panic!("{}: {error}", case.display()));
        let made = printed(case.file_name().unwrap().to_str().unwrap(), &given);
        for line in made.lines() {
            // A word cannot be broken, and a command is copied as it stands.
            let is_whole = line.split_whitespace().count() == 1 || line.contains("fix: ") && line.contains("kubectl ");
            assert!(line.chars().count() <= 80 || is_whole || given["wide"] == true, "{}: {line}", case.display());
            assert_eq!(line.trim_end(), line, "{}", case.display());
            assert!(given["ascii"] != true || line.is_ascii(), "{}: {line}", case.display());
        }
        failed.extend(crate::difference(&case, &made));
    }
    assert!(failed.is_empty(), "run `UPDATE=1 cargo test --test golden` and look at the difference\n{}", failed.join("\n"));
}
