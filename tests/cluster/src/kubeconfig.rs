//! Kubeconfig files with everything embedded, so that they can be copied anywhere on this machine.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::pki::{Authority, Certificate};
use crate::{Error, files};

/// Writes the kubeconfig of one user of the cluster `name` at `server`.
pub(crate) fn write(path: &Path, name: &str, server: &str, authority: &Authority, user: &Certificate) -> Result<(), Error> {
    let content = content(
        name,
        server,
        &files::read(&authority.certificate())?,
        &files::read(&user.certificate)?,
        &files::read(&user.key)?,
    );
    files::write_secret(path, &format!("{content:#}\n"))
}

fn content(name: &str, server: &str, authority: &str, certificate: &str, key: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": name, "cluster": {
            "server": server,
            "certificate-authority-data": STANDARD.encode(authority),
        }}],
        "users": [{ "name": name, "user": {
            "client-certificate-data": STANDARD.encode(certificate),
            "client-key-data": STANDARD.encode(key),
        }}],
        "contexts": [{ "name": name, "context": { "cluster": name, "user": name } }],
        "current-context": name,
    })
}
