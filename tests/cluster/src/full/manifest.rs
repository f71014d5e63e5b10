//! Manifests with `${PLACEHOLDERS}` for what differs between clusters.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::network::Network;
use crate::control_plane::ControlPlane;
use crate::{Error, files};

/// The values of one cluster, by placeholder.
pub(super) struct Values(Vec<(&'static str, String)>);

impl Values {
    pub(super) fn of(control_plane: &ControlPlane, network: &Network) -> Result<Self, Error> {
        let authority = files::read(&control_plane.state.authority().certificate())?;
        Ok(Self(vec![
            ("API_SERVER", control_plane.address.clone()),
            ("API_SERVER_PORT", control_plane.server_port().to_string()),
            ("ADDONS", network.addons().address),
            ("AUTHORITY", STANDARD.encode(authority)),
        ]))
    }
}

/// The manifest with every placeholder replaced.
pub(super) fn fill(manifest: &str, values: &Values) -> String {
    values.0.iter().fold(manifest.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_of_our_manifests_has_a_value() {
        let names = ["API_SERVER", "API_SERVER_PORT", "ADDONS", "AUTHORITY"];
        let values = Values(names.map(|name| (name, "value".to_owned())).into());
        for manifest in [
            include_str!("../../manifests/nodes.yaml"),
            include_str!("../../manifests/dns.yaml"),
            include_str!("../../manifests/storage.yaml"),
            include_str!("../../manifests/metrics.yaml"),
            include_str!("../../manifests/gateway.yaml"),
            include_str!("../../manifests/policies.yaml"),
        ] {
            assert!(!fill(manifest, &values).contains("${"), "{manifest}");
        }
    }
}
