//! NetworkPolicies, enforced on the nodes by a small agent: the CNI plugin knows nothing of them.

use std::time::Duration;

use super::Full;
use super::network::Place;
use crate::command::{command, run, wait_until};
use crate::pki::Identity;
use crate::{Error, files};

const PART: &str = "network-policies";
const USER: &str = "system:network-policies";
const AGENT: &str = include_str!("policies.py");

pub(super) fn start(full: &Full) -> Result<(), Error> {
    full.apply(include_str!("../../manifests/policies.yaml"))?;
    let agent = full.state().file("policies.py");
    files::write(&agent, AGENT)?;
    let authority = full.state().authority();
    let own = authority.issue(PART, &Identity { user: USER, groups: &[], hosts: &[] })?;
    let mut python = command("python3", ["-u"]);
    python.arg(agent).arg(full.control_plane.server());
    python.args([authority.certificate(), own.certificate, own.key]);
    python.args(nodes(full).map(|(name, place)| format!("{name}={}", place.namespace)));
    full.state().start(PART, &python)?;
    wait_until("the policy agent", Duration::from_secs(30), Duration::from_millis(100), || {
        full.state().check_running(PART)?;
        nodes(full).try_for_each(|(_, place)| is_guarded(&place))
    })
}

fn nodes<'a>(full: &'a Full) -> impl Iterator<Item = (String, Place)> + 'a {
    (1..=full.nodes).map(|index| (format!("node-{index}"), full.network.node(index)))
}

/// Whether packets through the node pass the agent's chains.
fn is_guarded(place: &Place) -> Result<(), Error> {
    let rule = ["-t", "mangle", "-C", "FORWARD", "-j", "MSTACK-OUT"];
    run(&mut place.inside(&command("iptables", rule))).map(drop)
}
