//! Names of Services, answered by CoreDNS.

use std::time::Duration;

use super::Full;
use crate::command::{check_http, command, wait_until};
use crate::{Error, files, parts};

const PART: &str = "coredns";

pub(super) fn start(full: &Full) -> Result<(), Error> {
    full.apply(include_str!("../../manifests/dns.yaml"))?;
    let corefile = full.state().file("Corefile");
    let address = full.network.addons().address;
    files::write(&corefile, configuration(&address, &full.kubeconfig_of("system:coredns")?))?;
    let mut coredns = command(parts::path(PART)?, ["-conf"]);
    full.state().start(PART, &full.among_addons(coredns.arg(corefile)))?;
    wait_until("CoreDNS", Duration::from_secs(30), Duration::from_millis(100), || {
        full.state().check_running(PART)?;
        check_http(&format!("{address}:8181"), "/ready")
    })
}

/// Names outside the cluster do not exist: the nodes have no way out, and a quick answer beats a timeout. They have a
/// block of their own, because within one block `template` would answer before `kubernetes`.
fn configuration(address: &str, kubeconfig: &str) -> String {
    format!(
        "\
cluster.local:53 in-addr.arpa:53 {{
  bind {address}
  errors
  ready {address}:8181
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {kubeconfig}
    ttl 5
  }}
}}
.:53 {{
  bind {address}
  errors
  template ANY ANY . {{
    rcode NXDOMAIN
  }}
}}
"
    )
}
