//! The control plane: etcd, API server, controller-manager and scheduler as processes of this machine.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::command::{command, run, wait_until};
use crate::pki::{Authority, Identity};
use crate::state::State;
use crate::{Error, Options, Profile, files, parts, simulation};

/// First address of the Service network: the Service `kubernetes`.
pub(crate) const KUBERNETES_SERVICE: &str = "10.96.0.1";
const SERVICE_NETWORK: &str = "10.96.0.0/16";
const READY: Duration = Duration::from_secs(90);

/// Which of the cluster's ports is whose.
mod port {
    pub(super) const API_SERVER: u16 = 0;
    pub(super) const ETCD_CLIENTS: u16 = 1;
    pub(super) const ETCD_PEERS: u16 = 2;
    pub(super) const CONTROLLER_MANAGER: u16 = 3;
    pub(super) const SCHEDULER: u16 = 4;
}

/// A control plane that belongs to a state folder; holds what its command lines depend on.
#[derive(Clone, Debug)]
pub(crate) struct ControlPlane {
    pub(crate) state: State,
    /// Where the API server listens.
    pub(crate) address: String,
    /// What was asked for.
    pub(crate) options: Options,
}

impl ControlPlane {
    /// Starts all four and waits until requests are served and namespaces work.
    pub(crate) fn start(&self) -> Result<(), Error> {
        self.make_certificates()?;
        self.make_etcd_data()?;
        self.start_etcd()?;
        self.start_api_server()?;
        self.state.start("kube-controller-manager", &self.controller_manager()?)?;
        self.state.start("kube-scheduler", &self.scheduler()?)?;
        self.wait_for_controllers()
    }

    /// Where clients reach the API server.
    pub(crate) fn server(&self) -> String {
        format!("https://{}:{}", self.address, self.state.port(port::API_SERVER))
    }

    /// The port of the API server.
    pub(crate) fn server_port(&self) -> u16 {
        self.state.port(port::API_SERVER)
    }

    /// The file with one JSON object per request.
    pub(crate) fn audit_log(&self) -> std::path::PathBuf {
        self.state.log("audit")
    }

    /// Starts the API server and waits until it says that it is ready.
    pub(crate) fn start_api_server(&self) -> Result<(), Error> {
        self.state.start("kube-apiserver", &self.api_server()?)?;
        wait_until("the API server", READY, Duration::from_millis(100), || {
            self.state.check_running("etcd")?;
            self.state.check_running("kube-apiserver")?;
            std::net::TcpStream::connect((self.address.as_str(), self.server_port()))
                .map_err(|error| Error::request(error.to_string(), "wait"))?;
            self.kubectl(&["get", "--raw", "/readyz"])
        })
        .map(drop)
    }

    /// Starts etcd on the data that it has.
    pub(crate) fn start_etcd(&self) -> Result<(), Error> {
        self.state.start("etcd", &self.etcd()?)
    }

    /// Stops the API server at once, as a crash would.
    pub(crate) fn stop_api_server(&self) -> Result<(), Error> {
        self.stop("kube-apiserver", "KILL")
    }

    /// Sends a signal to a part and waits for its end.
    pub(crate) fn stop(&self, part: &str, signal: &str) -> Result<(), Error> {
        let processes = self.state.processes();
        let Some(process) = processes.iter().find(|process| process.name == part) else { return Ok(()) };
        process.signal(signal);
        wait_until(&format!("the end of {part}"), Duration::from_secs(10), Duration::from_millis(20), || {
            if process.is_running() { Err(Error::request("it still runs", "wait")) } else { Ok(()) }
        })
    }

    /// Runs kubectl as the administrator.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Result<String, Error> {
        run(&mut self.kubectl_command(arguments)?)
    }

    pub(crate) fn kubectl_command(&self, arguments: &[&str]) -> Result<Command, Error> {
        let mut kubectl = command(parts::path("kubectl")?, [""; 0]);
        kubectl.arg("--kubeconfig").arg(self.state.kubeconfig()).args(arguments);
        Ok(kubectl)
    }

    fn has_simulated_nodes(&self) -> bool {
        self.options.kwok_nodes > 0
    }

    fn wait_for_controllers(&self) -> Result<(), Error> {
        wait_until("the controllers", READY, Duration::from_millis(100), || {
            self.state.check_running("kube-controller-manager")?;
            self.state.check_running("kube-scheduler")?;
            self.kubectl(&["get", "serviceaccount", "default", "--namespace", "default", "--output", "name"])
        })
        .map(drop)
    }

    fn make_certificates(&self) -> Result<(), Error> {
        let authority = Authority::create(&self.state.file("pki"))?;
        let hosts = [
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
            "127.0.0.1",
            KUBERNETES_SERVICE,
            &self.address,
        ];
        authority.issue("api-server", &Identity { user: "kube-apiserver", groups: &[], hosts: &hosts })?;
        for (name, user, groups) in [
            ("kubelet-client", "kube-apiserver-kubelet-client", &["system:masters"][..]),
            ("front-proxy", "front-proxy-client", &[]),
            ("service-account", "service-accounts", &[]),
        ] {
            authority.issue(name, &Identity { user, groups, hosts: &[] })?;
        }
        for (user, groups) in
            [("admin", &["system:masters"][..]), ("system:kube-controller-manager", &[]), ("system:kube-scheduler", &[])]
        {
            self.state.kubeconfig_for(user, groups, &self.server())?;
        }
        files::rename(&self.own_kubeconfig("admin"), &self.state.kubeconfig())
    }

    fn own_kubeconfig(&self, user: &str) -> std::path::PathBuf {
        self.state.file("kubeconfigs").join(user.replace(':', "_"))
    }

    /// Folder of etcd's data.
    pub(crate) fn etcd_data(&self) -> std::path::PathBuf {
        if self.options.etcd_on_disk {
            self.state.file("etcd")
        } else {
            Path::new("/dev/shm").join(format!("mstack-cluster-{}", self.state.name))
        }
    }

    /// What tells etcd's only member who it is, at its start and in its data.
    pub(crate) fn membership(&self) -> [String; 2] {
        let peers = self.etcd_url(port::ETCD_PEERS);
        [format!("--initial-advertise-peer-urls={peers}"), format!("--initial-cluster=default={peers}")]
    }

    fn etcd_url(&self, index: u16) -> String {
        format!("http://127.0.0.1:{}", self.state.port(index))
    }

    fn make_etcd_data(&self) -> Result<(), Error> {
        let data = self.etcd_data();
        files::remove_folder(&data)?;
        if self.options.etcd_on_disk { Ok(()) } else { self.state.note("folders", &data.to_string_lossy()) }
    }

    fn etcd(&self) -> Result<Command, Error> {
        let (clients, peers) = (self.etcd_url(port::ETCD_CLIENTS), self.etcd_url(port::ETCD_PEERS));
        let mut etcd = command(parts::path("etcd")?, ["--log-level=warn", "--quota-backend-bytes=8589934592"]);
        etcd.arg("--data-dir").arg(self.etcd_data());
        etcd.args([format!("--listen-client-urls={clients}"), format!("--advertise-client-urls={clients}")]);
        etcd.arg(format!("--listen-peer-urls={peers}")).args(self.membership());
        if !self.options.etcd_on_disk {
            etcd.arg("--unsafe-no-fsync");
        }
        Ok(etcd)
    }

    fn api_server(&self) -> Result<Command, Error> {
        let pki = |name: &str| self.state.file("pki").join(name).to_string_lossy().into_owned();
        let mut server = command(
            parts::path("kube-apiserver")?,
            [
                "--authorization-mode=Node,RBAC",
                "--endpoint-reconciler-type=none",
                "--kubelet-preferred-address-types=InternalIP",
                "--enable-admission-plugins=NodeRestriction",
                "--enable-aggregator-routing=true",
                "--allow-privileged=true",
                "--profiling=false",
                "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
                "--requestheader-username-headers=X-Remote-User",
                "--requestheader-group-headers=X-Remote-Group",
                "--requestheader-extra-headers-prefix=X-Remote-Extra-",
                "--requestheader-allowed-names=front-proxy-client",
            ],
        );
        server.args([
            format!("--etcd-servers=http://127.0.0.1:{}", self.state.port(port::ETCD_CLIENTS)),
            format!("--bind-address={}", self.address),
            format!("--advertise-address={}", self.address),
            format!("--secure-port={}", self.server_port()),
            format!("--service-cluster-ip-range={SERVICE_NETWORK}"),
        ]);
        for (flag, file) in [
            ("client-ca-file", "ca.crt"),
            ("tls-cert-file", "api-server.crt"),
            ("tls-private-key-file", "api-server.key"),
            ("service-account-key-file", "service-account.crt"),
            ("service-account-signing-key-file", "service-account.key"),
            ("requestheader-client-ca-file", "ca.crt"),
            ("proxy-client-cert-file", "front-proxy.crt"),
            ("proxy-client-key-file", "front-proxy.key"),
            ("kubelet-certificate-authority", "ca.crt"),
            ("kubelet-client-certificate", "kubelet-client.crt"),
            ("kubelet-client-key", "kubelet-client.key"),
        ] {
            server.arg(format!("--{flag}={}", pki(file)));
        }
        if self.options.audit {
            server.args(self.audit_flags()?);
        }
        Ok(server)
    }

    fn audit_flags(&self) -> Result<Vec<String>, Error> {
        let policy = self.state.file("audit-policy.json");
        let content = json!({
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [{ "level": "Metadata" }],
        });
        files::write_json(&policy, &content)?;
        Ok(vec![
            format!("--audit-policy-file={}", policy.display()),
            format!("--audit-log-path={}", self.audit_log().display()),
            "--audit-log-format=json".to_owned(),
            // The default rotates away at 100 MB what a test still wants to count.
            "--audit-log-maxsize=100000".to_owned(),
        ])
    }

    fn controller_manager(&self) -> Result<Command, Error> {
        let pki = self.state.authority();
        let mut manager = self.client("kube-controller-manager", port::CONTROLLER_MANAGER)?;
        manager.args(["--use-service-account-credentials=true", "--concurrent-serviceaccount-token-syncs=5"]);
        manager.args(["--kube-api-qps=2000", "--kube-api-burst=2200"]);
        manager.arg(format!("--service-account-private-key-file={}", self.state.file("pki/service-account.key").display()));
        manager.arg(format!("--root-ca-file={}", pki.certificate().display()));
        manager.arg(format!("--cluster-signing-cert-file={}", pki.certificate().display()));
        manager.arg(format!("--cluster-signing-key-file={}", pki.key().display()));
        manager.arg(if self.options.hpa || self.options.profile == Profile::Full {
            "--controllers=*"
        } else {
            "--controllers=*,-horizontal-pod-autoscaler-controller"
        });
        if !self.has_simulated_nodes() {
            return Ok(manager);
        }
        manager.arg("--enable-hostpath-provisioner");
        simulation::with_own_volumes(self, &manager)
    }

    fn scheduler(&self) -> Result<Command, Error> {
        self.client("kube-scheduler", port::SCHEDULER)
    }

    /// What controller-manager and scheduler have in common.
    fn client(&self, part: &str, port_index: u16) -> Result<Command, Error> {
        let kubeconfig = self.own_kubeconfig(&format!("system:{part}")).to_string_lossy().into_owned();
        let mut client = command(
            parts::path(part)?,
            ["--leader-elect=false", "--bind-address=127.0.0.1", "--kube-api-qps=2000", "--kube-api-burst=2200"],
        );
        for flag in ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"] {
            client.arg(format!("--{flag}={kubeconfig}"));
        }
        client.arg(format!("--secure-port={}", self.state.port(port_index)));
        Ok(client)
    }
}
