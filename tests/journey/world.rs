//! The cluster with the operator on it, and the words in which the journey speaks to it.
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use cluster::{Backup, Cluster, Options, Profile};
use serde_json::Value;

pub const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/mstack");
pub const OPERATOR: &str = concat!("localhost/mstack:", env!("CARGO_PKG_VERSION"));
const SHOP: &str = "localhost/shop:1";
/// Kinds that mstack makes and that go with their stack.
const CHILDREN: &str = "deployments,statefulsets,services,configmaps,serviceaccounts,poddisruptionbudgets,\
                        horizontalpodautoscalers,httproutes.gateway.networking.k8s.io,ingresses,networkpolicies";
const OF_THE_SHOP: &str = "microservicestack.dev/stack=shop";

pub struct World {
    cluster: Cluster,
    gateway: String,
    figures: RefCell<Vec<(String, Duration)>>,
}

impl World {
    /// A cluster of two nodes, with the operator installed by its chart.
    pub async fn start() -> Self {
        let options = Options { profile: Profile::Full, ..Options::default() };
        Cluster::prepare(&options).await.unwrap();
        let begun = Instant::now();
        let cluster = Cluster::start(options).await.unwrap();
        let world = Self { cluster, gateway: String::new(), figures: RefCell::default() };
        world.figure("cluster of two nodes ready", begun.elapsed());
        for image in [OPERATOR, SHOP] {
            world.cluster.load(image).await.unwrap();
        }
        world.install();
        let gateway = world.field("infra", "gateway/public", "{.status.addresses[0].value}");
        Self { gateway, ..world }
    }

    pub fn install(&self) {
        let begun = Instant::now();
        let (repository, tag) = OPERATOR.rsplit_once(':').unwrap();
        let (repository, tag) = (format!("image.repository={repository}"), format!("image.tag={tag}"));
        let image = ["--set", &repository, "--set-string", &tag];
        self.helm(&[&["upgrade", "--install", "mstack", CHART, "--create-namespace", "--wait"], &image[..]].concat());
        self.figure("helm install to both operators ready", begun.elapsed());
    }

    /// Upgrades to what a chart has by itself, with the page.
    pub fn upgrade(&self, chart: &Path, repository: &str) {
        let begun = Instant::now();
        let repository = format!("image.repository={repository}");
        self.helm(&["upgrade", "mstack", &chart.to_string_lossy(), "--set", &repository, "--set", "ui.enabled=true", "--wait"]);
        self.figure("helm upgrade to both operators replaced", begun.elapsed());
    }

    pub fn roll_back(&self) {
        let begun = Instant::now();
        self.helm(&["rollback", "mstack", "--wait"]);
        self.figure("helm rollback to both operators replaced", begun.elapsed());
    }

    pub fn uninstall(&self) {
        self.helm(&["uninstall", "mstack", "--wait"]);
    }

    /// What the chart's own test says of the release.
    pub fn test(&self) -> String {
        self.helm(&["test", "mstack", "--logs"])
    }

    fn helm(&self, arguments: &[&str]) -> String {
        let mut helm = Command::new(cluster::helm().unwrap());
        helm.env("KUBECONFIG", self.cluster.kubeconfig()).args(arguments);
        let output = helm.args(["--namespace", "mstack-system", "--timeout", "3m"]).output().unwrap();
        if !output.status.success() {
            self.fail(&format!("helm {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)));
        }
        String::from_utf8(output.stdout).unwrap()
    }

    /// Copies all that the API server knows.
    pub async fn save(&self) -> Backup {
        self.cluster.save().await.unwrap()
    }

    /// Makes the API server forget what has happened since.
    pub async fn restore(&self, backup: &Backup) {
        self.cluster.restore(backup).await.unwrap();
    }

    /// Gives an image on the nodes another name, too.
    pub fn alias(&self, image: &str, other: &str) {
        let aliased = self.cluster.alias(image, other);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(aliased)).unwrap();
    }

    pub fn kubeconfig(&self) -> &Path {
        self.cluster.kubeconfig()
    }

    pub fn gateway(&self) -> &str {
        &self.gateway
    }

    pub fn kubectl(&self, arguments: &[&str]) -> String {
        self.cluster.kubectl(arguments).unwrap_or_else(|error| self.fail(&error.to_string()))
    }

    pub fn apply(&self, manifest: &str) {
        self.kubectl_stdin(&["apply", "-f", "-"], manifest);
    }

    /// The same with `input` on standard input.
    pub fn kubectl_stdin(&self, arguments: &[&str], input: &str) -> String {
        self.cluster.kubectl_stdin(arguments, input).unwrap_or_else(|error| self.fail(&error.to_string()))
    }

    /// Changes the shop's spec as `kubectl patch --type=merge` does.
    pub fn merge(&self, patch: &Value) {
        self.kubectl(&["-n", "shop", "patch", "mstack", "shop", "--type=merge", "-p", &patch.to_string()]);
    }

    /// One field of one object; empty when there is none.
    pub fn field(&self, namespace: &str, object: &str, path: &str) -> String {
        self.kubectl(&["-n", namespace, "get", object, "--ignore-not-found", "-o", &format!("jsonpath={path}")])
    }

    pub fn list(&self, namespace: &str, kinds: &str, selector: &str) -> Vec<Value> {
        let answer = self.kubectl(&["-n", namespace, "get", kinds, "-l", selector, "-o", "json"]);
        let list: Value = serde_json::from_str(&answer).unwrap();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    pub fn stack(&self) -> Value {
        serde_json::from_str(&self.kubectl(&["-n", "shop", "get", "mstack", "shop", "-o", "json"])).unwrap()
    }

    /// Uids of everything that goes with the stack, by kind and name; the last part is the component.
    pub fn children(&self) -> BTreeMap<String, String> {
        let owned = |object: &Value| object["metadata"]["ownerReferences"][0]["kind"] == "MicroserviceStack";
        let of_the_shop = self.list("shop", CHILDREN, OF_THE_SHOP);
        of_the_shop.iter().filter(|object| owned(object)).map(|object| (key(object, true), uid(object))).collect()
    }

    /// What outlives the stack: uids of volumes and Secrets, the latter with a fingerprint of what they hold.
    pub fn kept(&self) -> BTreeMap<String, String> {
        let kept = self.list("shop", "persistentvolumeclaims,secrets", OF_THE_SHOP);
        kept.iter().map(|object| (key(object, false), format!("{} {:x}", uid(object), fingerprint(&object["data"])))).collect()
    }

    /// Runs a pod of nobody's beside the shop, and waits until it is there.
    pub fn run_pod(&self, name: &str, labels: &str) {
        let (labels, image) = (format!("--labels={labels}"), "--image=localhost/busybox:1");
        self.kubectl(&["-n", "shop", "run", name, image, &labels, "--restart=Never", "--command", "--", "sleep", "infinity"]);
        self.kubectl(&["-n", "shop", "wait", &format!("pod/{name}"), "--for=condition=Ready", "--timeout=60s"]);
    }

    /// Whether a pod gets a connection; a blocked one is given up after three seconds.
    pub fn connects(&self, from: &str, to: &str, port: u16) -> bool {
        // The images of databases have bash, and no nc.
        const CALL: &str = r#"if command -v bash > /dev/null; then exec timeout 3 bash -c "< /dev/tcp/$0/$1"; else exec timeout 3 nc "$0" "$1" < /dev/null; fi"#;
        self.cluster.kubectl(&["-n", "shop", "exec", from, "--", "sh", "-c", CALL, to, &port.to_string()]).is_ok()
    }

    /// What a database answers, asked inside its pod with its own credentials.
    pub fn query(&self, database: &str, sql: &str) -> String {
        const PSQL: &str = r#"exec psql -tAc "$0""#;
        let pod = format!("{database}-0");
        self.kubectl(&["-n", "shop", "exec", &pod, "--", "sh", "-c", PSQL, sql]).trim().to_owned()
    }

    /// What a host of the database `products` answers to its consumers' role, asked from the database's second instance.
    pub fn query_at(&self, host: &str, sql: &str) -> Result<String, String> {
        const PSQL: &str = r#"PGPASSWORD=$POSTGRES_PASSWORD exec psql -h "$0" -U "$MSTACK_USER" -tAc "$1""#;
        let answer = self.cluster.kubectl(&["-n", "shop", "exec", "products-1", "--", "sh", "-c", PSQL, host, sql]);
        answer.map(|text| text.trim().to_owned()).map_err(|error| error.to_string())
    }

    /// A request from outside, through the Gateway.
    pub fn try_get(&self, path: &str) -> Result<Value, String> {
        self.ask(path, &[])
    }

    pub fn get(&self, path: &str) -> Value {
        self.ask(path, &[]).unwrap_or_else(|error| self.fail(&error))
    }

    /// Places an order as a customer does and returns its id.
    pub fn order(&self, product: &str, quantity: u32) -> String {
        let wish = format!(r#"{{"product":"{product}","quantity":{quantity}}}"#);
        let answer = self.ask("/api/orders", &["-d", &wish]).unwrap_or_else(|error| self.fail(&error));
        answer["order"]["id"].as_str().unwrap().to_owned()
    }

    fn ask(&self, path: &str, arguments: &[&str]) -> Result<Value, String> {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--fail-with-body", "--max-time", "10", "-H", "Host: shop.example.com"]).args(arguments);
        let output = curl.arg(format!("http://{}{path}", self.gateway)).output().unwrap();
        let (body, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if !output.status.success() {
            return Err(format!("{path}: {body} {error}"));
        }
        serde_json::from_str(&body).map_err(|_| format!("{path} answered {body}"))
    }

    pub fn until_ready(&self, patience: Duration) {
        self.until("the shop is Ready at its present generation", patience, || {
            let stack = self.stack();
            let conditions = stack["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
            let current = stack["status"]["observedGeneration"] == stack["metadata"]["generation"];
            match ready {
                Some(ready) if current && ready["status"] == "True" => Ok(()),
                Some(ready) => Err(format!("{}: {}", ready["reason"], ready["message"])),
                None => Err("no condition Ready".to_owned()),
            }
        });
    }

    /// Asks again and again until the answer is good; at the deadline shows what there is and ends the test.
    pub fn until<T>(&self, what: &str, patience: Duration, mut probe: impl FnMut() -> Result<T, String>) -> T {
        let begun = Instant::now();
        loop {
            match probe() {
                Ok(value) => return value,
                Err(last) if begun.elapsed() > patience => {
                    self.fail(&format!("not within {} s: {what}; last seen: {last}", patience.as_secs()));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    pub fn figure(&self, what: &str, took: Duration) {
        println!("{:>7.1} s  {what}", took.as_secs_f32());
        self.figures.borrow_mut().push((what.to_owned(), took));
    }

    pub fn tell_figures(&self) {
        println!("\nfigures of the journey");
        for (what, took) in self.figures.borrow().iter() {
            println!("{:>7.1} s  {what}", took.as_secs_f32());
        }
    }

    /// Ends the test with everything that helps to understand why.
    fn fail(&self, why: &str) -> ! {
        eprintln!("\n--- {why}\n");
        let asked: [&[&str]; 6] = [
            &["-n", "shop", "get", "mstack", "shop", "-o", "yaml"],
            &["get", "pods", "-A", "-o", "wide"],
            &["-n", "shop", "get", CHILDREN],
            &["-n", "shop", "get", "events", "--sort-by=.lastTimestamp"],
            &["-n", "shop", "logs", "-l", OF_THE_SHOP, "--all-containers", "--prefix", "--tail=30"],
            &["-n", "mstack-system", "logs", "-l", "app.kubernetes.io/name=mstack", "--prefix", "--tail=200"],
        ];
        for arguments in asked {
            let answer = self.cluster.kubectl(arguments).unwrap_or_else(|error| error.to_string());
            eprintln!("$ kubectl {}\n{answer}", arguments.join(" "));
        }
        panic!("{why}");
    }
}

fn key(object: &Value, with_component: bool) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]));
    let component = text(&object["metadata"]["labels"]["microservicestack.dev/component"]);
    if with_component { format!("{name}/{component}") } else { name }
}

fn uid(object: &Value) -> String {
    object["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}

/// Tells contents apart without showing them.
fn fingerprint(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.to_string().hash(&mut hasher);
    hasher.finish()
}
