//! A real Prometheus takes what the operator tells of itself, and answers all that the chart asks of it.
//! `make test-prometheus` installs it.
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::pages::ask;
use crate::world::{Namespace, World, component};

const ALERTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/mstack/files/alerts.yaml");
const DASHBOARD: &str = include_str!("../../charts/mstack/files/dashboard.json");

/// One that asks the operator each second, with the chart's rules.
struct Prometheus {
    process: Child,
    log: std::path::PathBuf,
}

impl Prometheus {
    fn start(folder: &Path, operator: SocketAddr) -> Self {
        fs::create_dir(folder).unwrap();
        let config = json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [ALERTS],
            "scrape_configs": [{"job_name": "mstack", "static_configs": [{"targets": [operator.to_string()]}]}],
        });
        fs::write(folder.join("prometheus.yml"), config.to_string()).unwrap();
        let log = folder.join("log");
        let process = Command::new("prometheus")
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0"])
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { process, log }
    }

    /// Where it listens, once it does.
    fn address(&self) -> Option<SocketAddr> {
        let log = fs::read_to_string(&self.log).unwrap();
        let line = log.lines().find(|line| line.contains("msg=\"Listening on\""))?;
        line.rsplit_once("address=")?.1.parse().ok()
    }

    /// What its API has under a path; null while it does not answer.
    fn api(&self, path: &str) -> Value {
        let Some(address) = self.address() else { return Value::Null };
        let (code, body) = ask(address, "GET", &format!("/api/v1/{path}"), "localhost");
        if code == 200 { serde_json::from_str::<Value>(&body).unwrap()["data"].take() } else { Value::Null }
    }

    /// The series that an expression gives now.
    fn query(&self, expression: &str) -> Vec<Value> {
        let server = format!("http://{}", self.address().unwrap());
        let answer = Command::new("promtool").args(["query", "instant", "--format=json", &server, expression]).output().unwrap();
        assert!(answer.status.success(), "{expression}: {}", String::from_utf8_lossy(&answer.stderr));
        serde_json::from_slice(&answer.stdout).unwrap()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Type and help of each family of metrics on the operator's page.
fn families(page: &str) -> BTreeMap<String, [String; 2]> {
    let told = |what: &'static str| {
        let lines = page.lines().filter_map(move |line| line.strip_prefix("# ")?.strip_prefix(what)?.split_once(' '));
        lines.map(|(name, text)| (name.to_owned(), text.to_owned()))
    };
    let helps: BTreeMap<String, String> = told("HELP ").collect();
    told("TYPE ").map(|(name, kind)| (name.clone(), [kind, helps[&name].clone()])).collect()
}

/// What the dashboard's panels ask for, of all stacks.
fn questions() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let whole = |expression: &str| {
        ["$namespace", "$stack"].iter().fold(expression.replace("$__rate_interval", "1m"), |text, name| text.replace(name, ".*"))
    };
    targets.map(|target| whole(target["expr"].as_str().unwrap())).collect()
}

async fn a_stack_that_serves_in_part_and_meets_an_object_of_somebody_else(shop: &Namespace<'_>) {
    shop.kubectl(&["create", "service", "clusterip", "taken", "--tcp=80"]);
    shop.apply_stack("shop", "services: {web: {image: 'web:1', port: 80, replicas: 2}, taken: {image: 'taken:1', port: 80}}");
    shop.stack_until("shop", "half there", |stack| {
        component(stack, "web")["phase"] == "Ready" && component(stack, "taken")["phase"] == "Failed"
    })
    .await;
}

#[tokio::test]
#[ignore = "needs Prometheus: make test-prometheus"]
async fn a_real_prometheus_takes_every_metric_and_answers_every_question_of_the_chart() {
    let world = World::shared().await;
    let shop = world.namespace("watched-by-prometheus").await;
    a_stack_that_serves_in_part_and_meets_an_object_of_somebody_else(&shop).await;
    let [operator, _] = world.addresses().await;
    let prometheus = Prometheus::start(&world.cluster.kubeconfig().with_file_name("prometheus"), operator);

    let targets = || async { prometheus.api("targets").pointer("/activeTargets/0").cloned().unwrap_or_default() };
    let target = shop.until("scraped", targets, |target| target["health"] != "unknown" && !target.is_null()).await;
    assert_eq!([&target["health"], &target["lastError"]], ["up", ""]);
    let (_, page) = ask(operator, "GET", "/metrics", "operator");
    let known = prometheus.api("targets/metadata");
    let known = known.as_array().unwrap().iter().map(|metric| {
        let text = |field: &str| metric[field].as_str().unwrap().to_owned();
        (text("metric"), [text("type"), text("help")])
    });
    assert_eq!(known.collect::<BTreeMap<_, _>>(), families(&page));

    let rules = || async { prometheus.api("rules")["groups"].take() };
    let rules = shop.until("judged by its rules", rules, |groups| !groups.to_string().contains("\"unknown\"")).await;
    let rules: Vec<&Value> = rules.as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap()).collect();
    assert!(rules.len() >= 7 && rules.iter().all(|rule| rule["health"] == "ok"), "{rules:#?}");

    for question in questions() {
        let answers = || async { json!(prometheus.query(&question)) };
        shop.until(&format!("answered: {question}"), answers, |answers| answers != &json!([])).await;
    }
}
