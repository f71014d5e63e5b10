//! The operator of one namespace, as a process that can crash.
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Child;

use serde_json::json;

use crate::world;

/// The operator of one namespace.
pub struct Operator {
    namespace: String,
    kubeconfig: PathBuf,
    log: PathBuf,
    process: Option<Child>,
}

impl Operator {
    /// An operator that speaks to this address, and has its files in this folder; it does not run yet.
    pub fn new(folder: &Path, namespace: &str, number: usize, server: SocketAddr) -> Self {
        let file = |kind: &str| folder.join(format!("{namespace}.{number}.{kind}"));
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "proxy",
            "clusters": [{"name": "proxy", "cluster": {"server": format!("http://{server}")}}],
            "users": [{"name": "proxy", "user": {}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
        });
        std::fs::write(file("kubeconfig"), kubeconfig.to_string()).unwrap();
        Self { namespace: namespace.to_owned(), kubeconfig: file("kubeconfig"), log: file("log"), process: None }
    }

    pub fn start(&mut self) {
        let mut command = world::operator(&self.kubeconfig, &self.log);
        command
            .args(["--http-address", "127.0.0.1:0"])
            .env("MSTACK_IMAGE", "localhost/mstack:test")
            .env("MSTACK_NAMESPACES", &self.namespace);
        self.process = Some(world::spawn_for_good(command));
    }

    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Ends it as by a power failure, and starts it again.
    pub fn crash(&mut self) {
        self.stop();
        self.start();
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.stop();
    }
}
