//! The cluster's own certificate authority and the certificates it signs.

use std::path::{Path, PathBuf};

use crate::command::{command, is_installed, run};
use crate::{Error, files};

const CONFIGURATION: &str = "\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, digitalSignature, keyCertSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth, serverAuth
authorityKeyIdentifier = keyid
";

/// The authority of one cluster: a folder with `ca.crt`, `ca.key` and what was issued.
pub(crate) struct Authority {
    folder: PathBuf,
}

/// Who a certificate speaks for: a user with groups, a server with addresses, or both.
#[derive(Default)]
pub(crate) struct Identity<'a> {
    pub(crate) user: &'a str,
    pub(crate) groups: &'a [&'a str],
    pub(crate) hosts: &'a [&'a str],
}

/// A certificate and its key, as files in PEM form.
pub(crate) struct Certificate {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    /// Makes a new authority in `folder`.
    pub(crate) fn create(folder: &Path) -> Result<Self, Error> {
        if !is_installed("openssl") {
            return Err(Error::machine("certificates are made with `openssl`, which is missing", "apt-get install openssl"));
        }
        files::write(&folder.join("openssl.cnf"), CONFIGURATION)?;
        let authority = Self { folder: folder.to_owned() };
        authority.request("ca", "/CN=mstack-cluster", "authority", &[])?;
        Ok(authority)
    }

    /// The authority that was made in `folder` before.
    pub(crate) fn open(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The authority's own certificate.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// The authority's key.
    pub(crate) fn key(&self) -> PathBuf {
        self.folder.join("ca.key")
    }

    /// Signs a certificate for `identity` and keeps it under `name`.
    pub(crate) fn issue(&self, name: &str, identity: &Identity) -> Result<Certificate, Error> {
        let mut signing = vec!["-CA".to_owned(), text(&self.certificate()), "-CAkey".to_owned(), text(&self.key())];
        if !identity.hosts.is_empty() {
            signing.extend(["-addext".to_owned(), format!("subjectAltName = {}", alternative_names(identity.hosts))]);
        }
        self.request(name, &subject(identity), "leaf", &signing)
    }

    fn request(&self, name: &str, subject: &str, extensions: &str, more: &[String]) -> Result<Certificate, Error> {
        let made =
            Certificate { certificate: self.folder.join(format!("{name}.crt")), key: self.folder.join(format!("{name}.key")) };
        let mut openssl = command("openssl", ["req", "-x509", "-newkey", "ec", "-noenc", "-days", "3650", "-batch"]);
        openssl.args(["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", subject, "-extensions", extensions]);
        openssl.arg("-config").arg(self.folder.join("openssl.cnf")).args(more);
        openssl.arg("-keyout").arg(&made.key).arg("-out").arg(&made.certificate);
        run(&mut openssl)?;
        Ok(made)
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn subject(identity: &Identity) -> String {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('/', "\\/").replace('+', "\\+");
    let groups = identity.groups.iter().fold(String::new(), |text, group| text + "/O=" + &escaped(group));
    format!("{groups}/CN={}", escaped(identity.user))
}

fn alternative_names(hosts: &[&str]) -> String {
    let named = |host: &&str| {
        let kind = if host.parse::<std::net::IpAddr>().is_ok() { "IP" } else { "DNS" };
        format!("{kind}:{host}")
    };
    hosts.iter().map(named).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_may_be_in_several_groups() {
        let identity = Identity { user: "operator", groups: &["a", "b"], hosts: &[] };
        assert_eq!(subject(&identity), "/O=a/O=b/CN=operator");
    }

    #[test]
    fn addresses_and_names_are_told_apart() {
        assert_eq!(alternative_names(&["localhost", "127.0.0.1"]), "DNS:localhost, IP:127.0.0.1");
    }
}
