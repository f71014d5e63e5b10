//! Another version of the operator, and the way back, while the shop runs.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::commands;
use crate::traffic::Traffic;
use crate::world::{CHART, OPERATOR, World};
use crate::{list, names};

const NEXT: &str = "9.9.9";
const FIELD: &str = "fromTheNextVersion";

/// Everything of the shop that an operator could touch.
#[derive(Debug, PartialEq)]
struct Shop {
    /// Uid and restarts of each pod, but for those of tests.
    pods: BTreeMap<String, (String, i64)>,
    /// How often the spec of each workload was written.
    generations: BTreeMap<String, i64>,
    children: BTreeMap<String, String>,
    kept: BTreeMap<String, String>,
}

impl Shop {
    fn now(world: &World) -> Self {
        let name = |object: &Value| object["metadata"]["name"].as_str().unwrap().to_owned();
        let pod = |pod: &Value| {
            let containers =
                list(&pod["status"]["containerStatuses"]).iter().chain(list(&pod["status"]["initContainerStatuses"]));
            let restarts = containers.map(|container| container["restartCount"].as_i64().unwrap()).sum();
            (name(pod), (pod["metadata"]["uid"].as_str().unwrap().to_owned(), restarts))
        };
        let generation = |object: &Value| (name(object), object["metadata"]["generation"].as_i64().unwrap());
        Self {
            pods: world.list("shop", "pods", "microservicestack.dev/component").iter().map(pod).collect(),
            generations: world
                .list("shop", "deployments,statefulsets", "microservicestack.dev/stack=shop")
                .iter()
                .map(generation)
                .collect(),
            children: world.children(),
            kept: world.kept(),
        }
    }

    /// All but what a change of web's count changes.
    fn without_web(mut self) -> Self {
        self.pods.retain(|name, _| !name.starts_with("web-"));
        self.generations.remove("web");
        self
    }
}

/// Rule 13: "At rest: zero writes", and another operator finds the shop at rest: no pod restarts, the CRD is that of the chart, and
/// nothing is lost.
pub fn another_version_of_the_operator_comes_and_goes_and_the_shop_does_not_notice(world: &World) {
    let (before, first) = (Shop::now(world), operators(world));
    let (repository, own) = OPERATOR.rsplit_once(':').unwrap();
    world.alias(OPERATOR, &format!("{repository}:{NEXT}"));
    let chart = next_version();
    let traffic = Traffic::start(world.gateway(), "/api/products");

    world.upgrade(&chart, repository);
    let second = operators(world);
    works(world, &second, &format!("{repository}:{NEXT}"), &first);
    definition(world, NEXT, true);
    assert_eq!(Shop::now(world), before, "an upgrade of the operator touched the shop");
    commands::the_page_of_the_shop_is_shown(world);
    // It works, and does not only look on.
    scale_web(world, "+1", "3");

    world.roll_back();
    works(world, &operators(world), OPERATOR, &second);
    definition(world, own, false);
    scale_web(world, "-1", "2");
    assert_eq!(Shop::now(world).without_web(), before.without_web(), "the way back touched the shop");
    traffic.stop("another version of the operator, and the way back");
}

/// A chart of a later version, whose definition of the stack has a field more.
fn next_version() -> PathBuf {
    let chart = Path::new(env!("CARGO_TARGET_TMPDIR")).join("next-chart");
    let _ = fs::remove_dir_all(&chart);
    assert!(Command::new("cp").arg("-r").arg(CHART).arg(&chart).status().unwrap().success());
    let change = |file: &str, from: &str, to: &str| {
        let (path, from) = (chart.join(file), from.to_owned());
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(&from), "{from:?} is not in {file}");
        fs::write(path, text.replacen(&from, to, 1)).unwrap();
    };
    let own = env!("CARGO_PKG_VERSION");
    change("Chart.yaml", &format!("\nversion: {own}\n"), &format!("\nversion: {NEXT}\n"));
    change("Chart.yaml", &format!("appVersion: \"{own}\""), &format!("appVersion: \"{NEXT}\""));
    let spec = "description: What the application consists of.\n            properties:\n";
    change("files/microservicestacks.yaml", spec, &format!("{spec}              {FIELD}: {{ type: string }}\n"));
    chart
}

/// The operators, once those of before have ended.
fn operators(world: &World) -> Vec<Value> {
    world.until("two operators, and none that ends", Duration::from_mins(1), || {
        let pods = world.list("mstack-system", "pods", "app.kubernetes.io/name=mstack");
        let stay = pods.iter().all(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        if pods.len() == 2 && stay { Ok(pods) } else { Err(format!("{:?}", names(&pods))) }
    })
}

/// All operators are new, of this image, and one of them leads a shop that is ready.
fn works(world: &World, operators: &[Value], image: &str, before: &[Value]) {
    let images: Vec<&Value> = operators.iter().map(|pod| &pod["spec"]["containers"][0]["image"]).collect();
    assert_eq!(images, [image, image]);
    let (now, before) = (names(operators), names(before));
    assert!(now.iter().all(|pod| !before.contains(pod)), "{before:?} -> {now:?}");
    world.until("a new operator leads", Duration::from_secs(30), || {
        let holder = world.field("mstack-system", "lease/mstack", "{.spec.holderIdentity}");
        now.iter().any(|pod| holder.starts_with(pod.as_str())).then_some(()).ok_or(holder)
    });
    world.until_ready(Duration::from_mins(1));
}

/// The definition is that of the chart of this version, and the API server serves it.
fn definition(world: &World, version: &str, has_field: bool) {
    let crd = "crd/microservicestacks.microservicestack.dev";
    assert_eq!(world.field("mstack-system", crd, "{.metadata.labels.helm\\.sh/chart}"), format!("mstack-{version}"));
    world.until(&format!("{FIELD} is served: {has_field}"), Duration::from_secs(30), || {
        let explained = world.kubectl(&["explain", "microservicestack.spec"]);
        (explained.contains(FIELD) == has_field).then_some(()).ok_or(explained)
    });
    let checks = world.told_json(&["doctor", "--only", "operator,definition"]);
    let told = list(&checks["checks"]).iter().find(|check| check["id"] == "definition").unwrap();
    assert_eq!(told["state"], if has_field { "Warning" } else { "Good" }, "{checks:#}");
}

fn scale_web(world: &World, by: &str, to: &str) {
    world.told(&["scale", "shop", &format!("web={by}")]);
    world.until_ready(Duration::from_mins(1));
    assert_eq!(world.field("shop", "deployment/web", "{.spec.replicas}"), to);
}
