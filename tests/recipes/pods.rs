//! The pods of one database, as processes: what their template says is carried out with the tools of this machine.
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mstack::api::MicroserviceStack;
use mstack::desired::{self, Passwords};
use mstack::kinds::Kind;
use mstack::model::{self, Facts};
use serde_json::Value;

use crate::images::{BUILT, Image};

/// Identity of the data.
pub const IDENTITY: &str = "data-1";
const PATIENCE: Duration = Duration::from_mins(3);
/// What a root file system takes from this machine; everything else in it is its own.
const SHARED: [&str; 4] = ["/usr", "/etc/ld.so.cache", "/etc/alternatives", "/etc/ssl"];
const DEVICES: [&str; 4] = ["null", "zero", "random", "urandom"];
/// What consumers speak to servers with that have no client on this machine.
const CLIENTS: &[(&str, &str)] =
    &[("clients/nats.py", include_str!("clients/nats.py")), ("clients/amqp.py", include_str!("clients/amqp.py"))];
/// How many pods there can be; the consumer is beside them.
const PODS: usize = 3;
const CONSUMER: usize = PODS;

/// What is run in a pod.
#[derive(Clone, Copy)]
pub enum Run<'a> {
    /// What the container says.
    Container,
    /// A program and its arguments, with the container's variables.
    Program(&'a [String]),
    /// A script, likewise.
    Shell(&'a str),
}

/// The pods of the database `orders`.
pub struct Pods {
    image: &'static Image,
    folder: PathBuf,
    network: String,
    objects: Vec<desired::Object>,
    secret: Value,
    servers: BTreeMap<usize, Child>,
    /// Whether the identity is recorded outside of the volumes by now.
    pub recorded: bool,
}

impl Pods {
    /// The pods and a consumer on a network of their own, from a database as it is written; none runs yet.
    pub fn new(name: &str, image: &'static Image, database: &str) -> Self {
        let network = format!("mr{}{}", std::process::id(), name.len());
        let folder = std::env::temp_dir().join(format!("mstack-recipes-{name}-{}", std::process::id()));
        let mut pods =
            Self { image, folder, network, objects: Vec::new(), secret: Value::Null, servers: BTreeMap::new(), recorded: false };
        fs::create_dir_all(BUILT).unwrap();
        pods.render(database);
        pods.connect();
        for ordinal in 0..PODS {
            fs::create_dir_all(pods.volume(ordinal)).unwrap();
            open(&pods.volume(ordinal));
        }
        pods
    }

    /// The same, with the first instance up and the identity of its data recorded.
    pub fn begun(name: &str, image: &'static Image, database: &str) -> Self {
        let mut pods = Self::new(name, image, database);
        pods.start(0).unwrap();
        pods.until_ready(0);
        pods.recorded = true;
        pods
    }

    /// Renders the database anew, as after an edit.
    pub fn render(&mut self, database: &str) {
        let yaml = format!(
            "apiVersion: microservicestack.dev/v1alpha1\nkind: MicroserviceStack\nmetadata: {{name: shop, namespace: shop}}\nspec: {{databases: {{orders: {database}}}, services: {{api: {{image: a/b, uses: [orders]}}}}}}"
        );
        let object: MicroserviceStack = serde_saphyr::from_str(&yaml).unwrap();
        let facts = Facts { guard_image: Some("mstack".to_owned()), ..Facts::default() };
        let mut stack = model::check(&object, &facts).unwrap();
        stack.set_identity("orders", IDENTITY);
        let passwords = Passwords { consumer: "pass-1", peer: self.image.peer };
        self.secret =
            serde_json::to_value(desired::credentials_secret(&stack, &stack.databases["orders"], passwords, IDENTITY)).unwrap();
        self.objects = desired::build(&stack).objects;
    }

    /// The volume of an instance.
    pub fn volume(&self, ordinal: usize) -> PathBuf {
        self.folder.join(format!("{ordinal}/data"))
    }

    /// Takes away all that a volume holds.
    pub fn empty_volume(&self, ordinal: usize) {
        fs::remove_dir_all(self.volume(ordinal)).unwrap();
        fs::create_dir_all(self.volume(ordinal)).unwrap();
        open(&self.volume(ordinal));
    }

    /// Runs the init containers, then the server; the error is the last word of an init container that failed.
    pub fn start(&mut self, ordinal: usize) -> Result<(), String> {
        // A container that is started anew has what its image brings and its volumes, and nothing else.
        let _ = fs::remove_dir_all(self.folder.join(format!("{ordinal}/root")));
        let known = |name: &&&str| self.find_container(name).is_some();
        for name in ["volume-guard", "prepare"].iter().filter(known) {
            self.run(ordinal, name, Run::Container).map_err(|error| {
                let word =
                    fs::read_to_string(self.folder.join(format!("{ordinal}/root/dev/termination-log"))).unwrap_or_default();
                if word.trim().is_empty() { error } else { word }
            })?;
        }
        let log = fs::File::create(self.folder.join(format!("{ordinal}/log"))).unwrap();
        let mut server = self.command(ordinal, &self.container("orders"), Run::Container);
        let server = server.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        self.servers.insert(ordinal, server);
        Ok(())
    }

    /// Ends a server as a node that loses power does.
    pub fn kill(&mut self, ordinal: usize) {
        let mut server = self.servers.remove(&ordinal).unwrap();
        end(&mut server);
    }

    /// Ends a server as the kubelet does, by the image's signal.
    pub fn stop(&mut self, ordinal: usize) {
        let Some(mut server) = self.servers.remove(&ordinal) else { return };
        signal(&server, self.image.stop);
        self.until("the server has ended", || server.try_wait().unwrap().is_some());
    }

    /// Waits until the readiness check of an instance passes.
    pub fn until_ready(&self, ordinal: usize) {
        self.until(&format!("orders-{ordinal} is ready"), || self.is_ready(ordinal));
    }

    /// The readiness check: a program in the container, or a connection by the kubelet.
    pub fn is_ready(&self, ordinal: usize) -> bool {
        let probe = self.container("orders")["readinessProbe"].clone();
        if let Some(words) = probe["exec"]["command"].as_array() {
            let words: Vec<String> = words.iter().map(|word| word.as_str().unwrap().to_owned()).collect();
            return self.run(ordinal, "orders", Run::Program(&words)).is_ok();
        }
        let connect = |port: &Value| format!("exec 3<> /dev/tcp/{}/{port}", address(ordinal));
        let http = &probe["httpGet"];
        if let Some(path) = http["path"].as_str() {
            let get = format!("{}; printf 'GET {path} HTTP/1.0\r\n\r\n' >&3; head -1 <&3", connect(&http["port"]));
            return self.consumer(&get).is_ok_and(|answer| answer.contains(" 200 "));
        }
        self.consumer(&connect(&probe["tcpSocket"]["port"])).is_ok()
    }

    /// Runs a script as a consumer: with the variables of the service, elsewhere on the network.
    pub fn consumer(&self, script: &str) -> Result<String, String> {
        let deployment = self.objects.iter().find(|object| object.kind == Kind::Deployment).unwrap();
        let container = deployment.body["spec"]["template"]["spec"]["containers"][0].clone();
        let copy = "export ORDERS_COPY=$(echo $ORDERS_RO_URI | sed s/orders-ro/orders-1.orders-headless/); PGPASSWORD=$ORDERS_PASSWORD; export PGPASSWORD; ";
        output(self.command(CONSUMER, &container, Run::Shell(&format!("{copy}{script}"))))
    }

    /// Runs something with what a container of an instance has, to its end.
    pub fn run(&self, ordinal: usize, container: &str, what: Run<'_>) -> Result<String, String> {
        output(self.command(ordinal, &self.container(container), what))
    }

    /// Waits for something that comes by itself.
    pub fn until(&self, what: &str, mut is: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !is() {
            if begun.elapsed() > PATIENCE {
                for ordinal in 0..PODS {
                    eprintln!("{}", fs::read_to_string(self.folder.join(format!("{ordinal}/log"))).unwrap_or_default());
                }
                panic!("not within {} s: {what}", PATIENCE.as_secs());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn template(&self) -> &Value {
        let set = self.objects.iter().find(|object| object.kind == Kind::StatefulSet).unwrap();
        &set.body["spec"]["template"]["spec"]
    }

    fn container(&self, name: &str) -> Value {
        self.find_container(name).unwrap()
    }

    fn find_container(&self, name: &str) -> Option<Value> {
        let all =
            ["initContainers", "containers"].map(|list| self.template()[list].as_array().cloned().unwrap_or_default()).concat();
        all.into_iter().find(|container| container["name"] == name)
    }

    /// The process of a container: its own mounts, network and process ids, its root, its user.
    fn command(&self, ordinal: usize, container: &Value, what: Run<'_>) -> Command {
        let root = self.root(ordinal, container);
        let env = self.env(ordinal, container);
        let words = |list: &Value| -> Vec<String> {
            list.as_array().into_iter().flatten().map(|word| expanded(word.as_str().unwrap(), &env)).collect()
        };
        let (mut entry, mut arguments) = (words(&container["command"]), words(&container["args"]));
        if entry.is_empty() && arguments.is_empty() {
            arguments = self.image.command.iter().map(|&word| word.to_owned()).collect();
        }
        if entry.is_empty() {
            entry =
                vec![if container["name"] == "volume-guard" { "/mstack-command" } else { "/docker-entrypoint.sh" }.to_owned()];
        }
        let program = match what {
            Run::Container => [entry, arguments].concat(),
            Run::Program(words) => words.to_vec(),
            Run::Shell(script) => ["bash", "-c", script].map(str::to_owned).to_vec(),
        };
        let security = &self.template()["securityContext"];
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &format!("{}-{ordinal}", self.network)]);
        command.args([
            "unshare",
            "--mount",
            "--pid",
            "--ipc",
            "--fork",
            "--kill-child",
            "sh",
            "-c",
            &self.mounts(&root, ordinal, container),
            "sh",
        ]);
        command.arg("chroot").arg(&root).args(["setpriv", "--clear-groups"]);
        command.args([format!("--reuid={}", security["runAsUser"]), format!("--regid={}", security["runAsGroup"])]);
        // As the images' working folder is.
        let data = container["volumeMounts"].as_array().and_then(|mounts| mounts.iter().find(|mount| mount["name"] == "data"));
        let working = data.and_then(|mount| mount["mountPath"].as_str()).unwrap_or("/tmp");
        command.args(["env", "-i", "-C", working, &format!("PATH={}:/usr/sbin:/usr/bin", self.image.path), "LC_ALL=C.UTF-8"]);
        command.args(self.image.env.iter().map(|(name, value)| format!("{name}={value}")));
        command.args(env.iter().map(|(name, value)| format!("{name}={value}"))).args(program);
        command.stdin(Stdio::null());
        command
    }

    /// The folders of a root file system, with all that is mounted into it later.
    fn root(&self, ordinal: usize, container: &Value) -> PathBuf {
        let root = self.folder.join(format!("{ordinal}/root"));
        for folder in ["usr", "etc/alternatives", "etc/ssl", "dev/shm", "proc", "servers", "tmp", "run"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for link in ["bin", "sbin", "lib", "lib64"] {
            let _ = std::os::unix::fs::symlink(format!("usr/{link}"), root.join(link));
        }
        for (link, target) in [("dev/fd", "/proc/self/fd"), ("dev/stdin", "/proc/self/fd/0")] {
            let _ = std::os::unix::fs::symlink(target, root.join(link));
        }
        for folder in ["tmp", "dev/shm"].iter().chain(self.image.writable) {
            fs::create_dir_all(root.join(folder)).unwrap();
            open(&root.join(folder));
        }
        for file in DEVICES
            .map(|device| format!("dev/{device}"))
            .into_iter()
            .chain(["etc/ld.so.cache".to_owned(), "mstack-command".to_owned()])
        {
            fs::OpenOptions::new().create(true).append(true).open(root.join(file)).unwrap();
        }
        fs::write(root.join("dev/termination-log"), "").unwrap();
        fs::set_permissions(root.join("dev/termination-log"), fs::Permissions::from_mode(0o666)).unwrap();
        for (file, text) in [("docker-entrypoint.sh", self.image.entry)].iter().chain(self.image.files).chain(CLIENTS) {
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            write(&root.join(file), text);
        }
        fs::set_permissions(root.join("docker-entrypoint.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        write(&root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\nengine:x:999:999::/tmp:/bin/sh\n");
        write(&root.join("etc/hosts"), &hosts());
        for mount in container["volumeMounts"].as_array().into_iter().flatten() {
            let place = root.join(mount["mountPath"].as_str().unwrap().trim_start_matches('/'));
            if mount["subPath"].is_string() {
                fs::create_dir_all(place.parent().unwrap()).unwrap();
                write(&place, "");
            } else {
                fs::create_dir_all(&place).unwrap();
            }
            self.fill(ordinal, mount["name"].as_str().unwrap());
        }
        root
    }

    /// Writes the files of a ConfigMap, which a volume of this name is made from.
    fn fill(&self, ordinal: usize, volume: &str) {
        let folder = self.folder.join(format!("{ordinal}/{volume}"));
        fs::create_dir_all(&folder).unwrap();
        let volumes = self.template()["volumes"].as_array().cloned().unwrap_or_default();
        let Some(name) =
            volumes.iter().find(|known| known["name"] == volume).and_then(|known| known["configMap"]["name"].as_str())
        else {
            return;
        };
        let map = self.objects.iter().find(|object| object.kind == Kind::ConfigMap && object.name == name).unwrap();
        for (file, text) in map.body["data"].as_object().unwrap() {
            write(&folder.join(file), text.as_str().unwrap());
        }
    }

    fn mounts(&self, root: &Path, ordinal: usize, container: &Value) -> String {
        let root = root.display();
        let bind = |from: &str, to: &str| format!("mount --bind {from} {root}{to}");
        let mut lines = vec!["set -e".to_owned()];
        lines.extend(SHARED.iter().map(|path| bind(path, path)));
        lines.extend(DEVICES.iter().map(|device| bind(&format!("/dev/{device}"), &format!("/dev/{device}"))));
        lines.push(bind(env!("CARGO_BIN_EXE_mstack"), "/mstack-command"));
        lines.push(bind(BUILT, "/servers"));
        lines.push(format!("mount -t proc proc {root}/proc"));
        for mount in container["volumeMounts"].as_array().into_iter().flatten() {
            let volume = self.folder.join(format!("{ordinal}/{}", mount["name"].as_str().unwrap()));
            let from = volume.join(mount["subPath"].as_str().unwrap_or_default());
            lines.push(bind(&from.display().to_string(), mount["mountPath"].as_str().unwrap()));
        }
        lines.push("exec \"$@\"".to_owned());
        lines.join("; ")
    }

    fn env(&self, ordinal: usize, container: &Value) -> Vec<(String, String)> {
        let mut env: Vec<(String, String)> = Vec::new();
        for variable in container["env"].as_array().into_iter().flatten() {
            let from = &variable["valueFrom"];
            let value = match (from["secretKeyRef"]["key"].as_str(), from["fieldRef"]["fieldPath"].as_str()) {
                (Some(key), _) => self.secret["data"][key].as_str().map(decoded),
                (_, Some("metadata.name")) => Some(format!("orders-{ordinal}")),
                (_, Some(_)) => Some(address(ordinal)),
                _ if from["configMapKeyRef"].is_object() => self.recorded.then(|| IDENTITY.to_owned()),
                _ => Some(expanded(variable["value"].as_str().unwrap_or_default(), &env)),
            };
            env.extend(value.map(|value| (variable["name"].as_str().unwrap().to_owned(), value)));
        }
        env
    }

    /// A switch, and a cable to each pod and to the consumer.
    fn connect(&self) {
        let network = &self.network;
        let mut lines = format!(
            "set -e; ip netns add {network}-hub; ip -n {network}-hub link add bridge type bridge; ip -n {network}-hub link set bridge up"
        );
        for ordinal in 0..=CONSUMER {
            let (pod, address) = (format!("{network}-{ordinal}"), address(ordinal));
            let _ = write!(
                lines,
                "; ip netns add {pod}; ip -n {pod} link set lo up; ip -n {pod} link add eth0 type veth peer name p{ordinal} netns {network}-hub; ip -n {network}-hub link set p{ordinal} master bridge up; ip -n {pod} address add {address}/24 dev eth0; ip -n {pod} link set eth0 up"
            );
        }
        let mut shell = Command::new("sh");
        shell.args(["-c", &lines]);
        output(shell).unwrap();
    }
}

impl Drop for Pods {
    fn drop(&mut self) {
        for server in self.servers.values_mut() {
            end(server);
        }
        for end in (0..=CONSUMER).map(|ordinal| ordinal.to_string()).chain(["hub".to_owned()]) {
            let _ = Command::new("ip").args(["netns", "del", &format!("{}-{end}", self.network)]).status();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Ends the first process of a pod, and with it all of them.
fn end(server: &mut Child) {
    signal(server, "-KILL");
    server.wait().unwrap();
}

/// To the first process of a pod: the change of user has parted it from ours.
fn signal(server: &Child, signal: &str) {
    let id = server.id();
    for child in fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default().split_whitespace() {
        let _ = Command::new("kill").args([signal, child]).status();
    }
}

fn hosts() -> String {
    let pod = |ordinal: usize| format!("{} orders-{ordinal}.orders-headless\n", address(ordinal));
    format!("127.0.0.1 localhost\n{}{} orders\n", (0..PODS).map(pod).collect::<String>(), address(0))
}

fn address(ordinal: usize) -> String {
    format!("10.99.0.{}", ordinal + 10)
}

/// Writes a file unless it is as it should be: somebody may read it just now.
fn write(file: &Path, text: &str) {
    if fs::read_to_string(file).ok().as_deref() != Some(text) {
        fs::write(file, text).unwrap();
    }
}

/// A folder that every user may write to, as a volume of the pod's group is.
fn open(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
}

/// `$(NAME)` of variables that come before.
fn expanded(text: &str, env: &[(String, String)]) -> String {
    env.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("$({name})"), value))
}

fn decoded(text: &str) -> String {
    let bytes: k8s_openapi::ByteString = serde_json::from_value(text.into()).unwrap();
    String::from_utf8(bytes.0).unwrap()
}

fn output(mut command: Command) -> Result<String, String> {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr) + &text(&output.stdout)) }
}
