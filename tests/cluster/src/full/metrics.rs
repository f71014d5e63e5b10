//! Processor and memory use of pods, answered by metrics-server from the kubelets.

use std::time::Duration;

use super::Full;
use crate::command::{command, wait_until};
use crate::pki::Identity;
use crate::{Error, parts};

const PART: &str = "metrics-server";

pub(super) fn start(full: &Full) -> Result<(), Error> {
    full.apply(include_str!("../../manifests/metrics.yaml"))?;
    let address = full.network.addons().address;
    let authority = full.state().authority();
    let hosts = ["metrics-server.kube-system.svc", &address];
    let serving = authority.issue(PART, &Identity { user: PART, groups: &[], hosts: &hosts })?;
    let kubeconfig = full.kubeconfig_of("system:metrics-server")?;
    let mut server = command(
        parts::path(PART)?,
        [
            "--secure-port=10250",
            "--metric-resolution=10s",
            "--kubelet-request-timeout=5s",
            "--kubelet-preferred-address-types=InternalIP",
        ],
    );
    for flag in ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"] {
        server.arg(format!("--{flag}={kubeconfig}"));
    }
    server.arg(format!("--bind-address={address}"));
    server.arg(format!("--tls-cert-file={}", serving.certificate.display()));
    server.arg(format!("--tls-private-key-file={}", serving.key.display()));
    server.arg(format!("--kubelet-certificate-authority={}", authority.certificate().display()));
    full.state().start(PART, &full.among_addons(&server))
}

/// Waits until the figures of the first node are there.
pub(super) fn wait_until_served(full: &Full) -> Result<(), Error> {
    wait_until("metrics", Duration::from_secs(90), Duration::from_millis(500), || {
        full.state().check_running(PART)?;
        full.control_plane.kubectl(&["top", "node", "node-1"])
    })
    .map(drop)
}
