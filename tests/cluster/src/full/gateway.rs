//! The way in from outside: the Gateway `infra/public`, served by Contour and Envoy.

use std::time::Duration;

use serde_json::json;

use super::Full;
use crate::command::{command, run, wait_until};
use crate::{Error, definitions, files, parts};

/// Contour has Envoy listen on a port that needs no privilege: the Gateway's port and this.
const SHIFT: u16 = 8000;
const HTTP: u16 = 80;
const XDS: [&str; 2] = ["--xds-address=127.0.0.1", "--xds-port=8001"];

pub(super) fn start(full: &Full) -> Result<(), Error> {
    apply_definitions(full)?;
    full.apply(include_str!("../../manifests/gateway.yaml"))?;
    redirect_http(full)?;
    full.state().start("contour", &full.among_addons(&contour(full)?))?;
    full.state().start("envoy", &full.among_addons(&envoy(full)?))
}

/// Where the Gateway is reached from this machine.
pub(crate) fn url(network: &super::Network) -> String {
    format!("http://{}/", network.addons().address)
}

/// Waits until the Gateway is programmed and Envoy answers, be it that no route is known yet.
pub(super) fn wait_until_served(full: &Full) -> Result<(), Error> {
    let wait = ["wait", "--namespace=infra", "--for=condition=Programmed", "--timeout=5s", "gateway/public"];
    wait_until("the gateway", Duration::from_mins(1), Duration::from_millis(200), || {
        full.state().check_running("contour")?;
        full.state().check_running("envoy")?;
        full.control_plane.kubectl(&wait)
    })?;
    accept_class(full)
}

/// A Contour that serves one named Gateway leaves the status of its class alone; users would see `Unknown`.
fn accept_class(full: &Full) -> Result<(), Error> {
    let accepted = json!({ "status": { "conditions": [{
        "type": "Accepted",
        "status": "True",
        "reason": "Accepted",
        "message": "served by Contour through the Gateway infra/public",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "observedGeneration": 1,
    }] } });
    let patch = accepted.to_string();
    full.control_plane
        .kubectl(&["patch", "gatewayclass", "contour", "--subresource=status", "--type=merge", "--patch", &patch])
        .map(drop)
}

fn apply_definitions(full: &Full) -> Result<(), Error> {
    let mut apply = full.control_plane.kubectl_command(&["apply", "--server-side"])?;
    for definitions in ["gateway-api-crds", "contour-crds"] {
        apply.arg("--filename").arg(parts::path(definitions)?);
    }
    run(&mut apply)?;
    let names = ["gateways", "gatewayclasses", "httproutes"].map(|name| format!("{name}.gateway.networking.k8s.io"));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    definitions::wait_until_served(|arguments| full.control_plane.kubectl(arguments), &names)
}

/// So that clients use the port that the Gateway names.
fn redirect_http(full: &Full) -> Result<(), Error> {
    let (from, to) = (HTTP.to_string(), (HTTP + SHIFT).to_string());
    let rule = ["-t", "nat", "-A", "PREROUTING", "-p", "tcp", "--dport", &from, "-j", "REDIRECT", "--to-ports", &to];
    run(&mut full.among_addons(&command("iptables", rule))).map(drop)
}

fn contour(full: &Full) -> Result<std::process::Command, Error> {
    let address = full.network.addons().address;
    let configuration = full.state().file("contour.yaml");
    files::write_json(&configuration, &json!({ "gateway": { "gatewayRef": { "namespace": "infra", "name": "public" } } }))?;
    let mut contour = command(parts::path("contour")?, ["serve", "--insecure", "--disable-leader-election"]);
    contour.args(XDS).arg("--config-path").arg(configuration);
    contour.arg("--kubeconfig").arg(full.kubeconfig_of("system:contour")?);
    contour.arg(format!("--ingress-status-address={address}"));
    contour.arg(format!("--envoy-service-http-address={address}"));
    contour.arg(format!("--envoy-service-http-port={}", HTTP + SHIFT));
    Ok(contour)
}

fn envoy(full: &Full) -> Result<std::process::Command, Error> {
    let bootstrap = full.state().file("envoy.json");
    let admin = full.state().file("envoy-admin.sock");
    let mut write = command(parts::path("contour")?, ["bootstrap"]);
    run(write.arg(&bootstrap).args(XDS).arg("--admin-address").arg(admin))?;
    let mut envoy = command(
        parts::path("envoy")?,
        ["--disable-hot-restart", "--concurrency", "1", "--log-level", "warn", "--service-cluster", "infra"],
    );
    envoy.args(["--service-node", "public", "--config-path"]).arg(bootstrap);
    Ok(envoy)
}
