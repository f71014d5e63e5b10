//! Who keeps the applications, each as its documentation says.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::application::{self, Blanks};
use crate::meter;
use crate::world::{OPERATOR, World, spawn_for_good};

const KRO_USER: &str = "kro";
const HELM_USER: &str = "helm";

pub enum Peer {
    Mstack { pid: u32 },
    Kro { controller: Child, kubeconfig: PathBuf },
    Helm { chart: PathBuf, kubeconfig: PathBuf },
}

impl Peer {
    /// The operator, with the rights that its chart gives.
    pub fn mstack(world: &mut World) -> Self {
        world.start_operator();
        Self::Mstack { pid: world.operator_id() }
    }

    /// kro with its own defaults, and a `ResourceGraphDefinition` of the same objects.
    pub fn kro(world: &mut World) -> Self {
        world.cluster.kubectl(&["apply", "--server-side", "-f", &told("KRO_DEFINITIONS")]).unwrap();
        let kubeconfig = administrator(world, KRO_USER);
        let controller = kro(&kubeconfig);
        world.cluster.kubectl_stdin(&["apply", "-f", "-"], &graph().to_string()).unwrap();
        let graph = "resourcegraphdefinition/shop";
        if let Err(error) = world.cluster.kubectl(&["wait", graph, "--for=jsonpath={.status.state}=Active", "--timeout=60s"]) {
            let told = world.cluster.kubectl(&["get", graph, "-o", "yaml"]).unwrap();
            panic!("kro does not take the graph: {error}\n{told}");
        }
        world.cluster.wait_until_served(&["shops.kro.run"]).unwrap();
        Self::Kro { controller, kubeconfig }
    }

    /// Helm with a chart of the same objects.
    pub fn helm(world: &mut World) -> Self {
        let chart = world.cluster.kubeconfig().with_file_name("shop");
        fs::create_dir_all(chart.join("templates")).unwrap();
        fs::write(chart.join("Chart.yaml"), "{apiVersion: v2, name: shop, version: 1.0.0}").unwrap();
        let blanks = Blanks { image: json!("{{ .Values.image }}"), replicas: json!("{{ .Values.replicas }}") };
        for (index, object) in application::template(&blanks).iter().enumerate() {
            // Not a text, but a number.
            let text = object.to_string().replace("\"{{ .Values.replicas }}\"", "{{ .Values.replicas }}");
            fs::write(chart.join(format!("templates/{index}.yaml")), text).unwrap();
        }
        Self::Helm { chart, kubeconfig: administrator(world, HELM_USER) }
    }

    /// Who it is for the API server.
    pub fn user(&self) -> &'static str {
        match self {
            Self::Mstack { .. } => OPERATOR,
            Self::Kro { .. } => KRO_USER,
            Self::Helm { .. } => HELM_USER,
        }
    }

    /// The process that stays, if there is one.
    pub fn process(&self) -> Option<u32> {
        match self {
            Self::Mstack { pid } => Some(*pid),
            Self::Kro { controller, .. } => Some(controller.id()),
            Self::Helm { .. } => None,
        }
    }

    /// Processor time so far.
    pub fn spent(&self) -> Duration {
        self.process().map_or_else(meter::spent_by_children, meter::spent)
    }

    /// Declares an application, or a change of it.
    pub fn apply(&self, world: &World, namespace: &str, image: &str, replicas: u32) {
        let declare = |object: &Value| {
            world.cluster.kubectl_stdin(&["apply", "--server-side", "-n", namespace, "-f", "-"], &object.to_string()).unwrap();
        };
        match self {
            Self::Mstack { .. } => declare(&application::stack(image, replicas)),
            Self::Kro { .. } => declare(&json!({
                "apiVersion": "kro.run/v1alpha1", "kind": "Shop", "metadata": {"name": "shop"}, "spec": {"image": image, "replicas": replicas},
            })),
            Self::Helm { chart, kubeconfig } => {
                let values = format!("image={image},replicas={replicas}");
                let chart = chart.to_string_lossy();
                let arguments = ["upgrade", "--install", "shop", &chart, "-n", namespace, "--set", &values];
                let helm = Command::new(cluster::helm().unwrap()).args(arguments).env("KUBECONFIG", kubeconfig).output().unwrap();
                assert!(helm.status.success(), "{}", String::from_utf8_lossy(&helm.stderr));
            }
        }
    }

    /// Ends it as a crash would and starts it again.
    pub fn restart(&mut self, world: &mut World) {
        match self {
            Self::Mstack { pid } => {
                world.kill_operator();
                world.start_operator();
                *pid = world.operator_id();
            }
            Self::Kro { controller, kubeconfig } => {
                end(controller);
                *controller = kro(kubeconfig);
            }
            Self::Helm { .. } => {}
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Self::Kro { controller, .. } = self {
            end(controller);
        }
    }
}

fn end(process: &mut Child) {
    process.kill().unwrap();
    process.wait().unwrap();
}

/// An ordinary user with all rights, for whom the API server's rules of fairness hold as for the operator.
fn administrator(world: &World, user: &str) -> PathBuf {
    let kubeconfig = world.cluster.kubeconfig_for(user, &[]).unwrap();
    let user = format!("--user={user}");
    world.cluster.kubectl(&["create", "clusterrolebinding", "peer", "--clusterrole=cluster-admin", &user]).unwrap();
    kubeconfig
}

fn kro(kubeconfig: &Path) -> Child {
    let binary = told("KRO_BINARY");
    let log = fs::File::options().create(true).append(true).open(kubeconfig.with_file_name("kro.log")).unwrap();
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", &binary, "--metrics-bind-address=127.0.0.1:0", "--health-probe-bind-address=127.0.0.1:0"])
        .env("KUBECONFIG", kubeconfig)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log);
    spawn_for_good(command)
}

/// The objects as kro's own kind, with what changes as its fields.
fn graph() -> Value {
    let blanks = Blanks { image: json!("${schema.spec.image}"), replicas: json!("${schema.spec.replicas}") };
    let resource = |(index, template)| json!({"id": format!("object{index}"), "template": template});
    let resources: Vec<Value> = application::template(&blanks).into_iter().enumerate().map(resource).collect();
    json!({
        "apiVersion": "kro.run/v1alpha1",
        "kind": "ResourceGraphDefinition",
        "metadata": {"name": "shop"},
        "spec": {
            "schema": {"apiVersion": "v1alpha1", "kind": "Shop", "spec": {"image": "string", "replicas": "integer"}},
            "resources": resources,
        },
    })
}

/// What `make compare` tells of kro.
fn told(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable}: run make compare"))
}

/// The peers with their versions, in the order in which they are tried.
pub fn names() -> [String; 3] {
    [
        concat!("mstack ", env!("CARGO_PKG_VERSION")).to_owned(),
        format!("kro {}", told("KRO_VERSION")),
        format!("Helm {}", helm_version()),
    ]
}

fn helm_version() -> String {
    let version = Command::new(cluster::helm().unwrap()).args(["version", "--template", "{{.Version}}"]).output().unwrap();
    String::from_utf8(version.stdout).unwrap().trim_start_matches('v').to_owned()
}
