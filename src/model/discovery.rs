//! Names of the variables that a consumer gets of a component that it uses (rule 4).
use super::{Database, Port, SecretRef, Service};

/// Keys that a binding may give another name, of a service with a main port.
pub const SERVICE_KEYS: [&str; 4] = ["host", "port", "addr", "url"];
/// Keys that a binding may give another name, of a database.
pub const DATABASE_KEYS: [&str; 7] = ["host", "port", "addr", "username", "password", "database", "uri"];

/// Further keys of a database whose copies can be read.
pub const READ_ONLY_KEYS: [&str; 2] = ["ro-host", "ro-uri"];

/// `ORDER_ITEMS` for `order-items`.
pub fn prefix(component: &str) -> String {
    component.to_uppercase().replace('-', "_")
}

/// The port that the variables without a port's name speak of: the only one, or the one called `http`.
pub fn main_port(ports: &[Port]) -> Option<&Port> {
    match ports {
        [only] => Some(only),
        several => several.iter().find(|port| port.name == "http"),
    }
}

impl Service {
    /// Names of the variables that consumers of this service get.
    pub fn variables(&self) -> Vec<String> {
        service_variables(&self.name, &self.ports)
    }
}

impl Database {
    /// Names of the variables that consumers of this database get.
    pub fn variables(&self) -> Vec<String> {
        let prefix = prefix(&self.name);
        self.keys().iter().map(|key| format!("{prefix}_{}", self::prefix(key))).collect()
    }

    /// Keys that `bindings` may name: what a Secret outside the stack has may change at any time.
    pub fn bindable(&self) -> Vec<&'static str> {
        if self.external().is_some() { DATABASE_KEYS.to_vec() } else { self.keys() }
    }

    /// Keys that consumers of this database get: users and databases only where the engine knows them.
    pub fn keys(&self) -> Vec<&'static str> {
        if let Some(secret) = self.external() {
            return external_keys(secret);
        }
        let open = self.credentials == super::Credentials::None;
        let given = |key: &&str| match *key {
            "username" => !open && !self.recipe.username.is_empty(),
            "password" => !open,
            "database" => self.recipe.databases,
            _ => true,
        };
        let further: &[&str] = if self.has_primary() { &READ_ONLY_KEYS } else { &[] };
        DATABASE_KEYS.into_iter().filter(given).chain(further.iter().copied()).collect()
    }
}

/// What the Secret of a database outside the stack has; all of it while there is no such Secret, for then nobody knows.
fn external_keys(secret: &SecretRef) -> Vec<&'static str> {
    let has = |key: &str| secret.digest.is_none() || secret.keys.contains(key);
    let given = |key: &&str| if *key == "addr" { has("host") && has("port") } else { has(key) };
    DATABASE_KEYS.into_iter().filter(given).collect()
}

/// Names of the variables of a service with these ports.
pub fn service_variables(name: &str, ports: &[Port]) -> Vec<String> {
    let prefix = prefix(name);
    let mut names = Vec::new();
    if !ports.is_empty() {
        names.push(format!("{prefix}_HOST"));
    }
    if main_port(ports).is_some() {
        names.extend(["PORT", "ADDR", "URL"].map(|key| format!("{prefix}_{key}")));
    }
    if ports.len() > 1 {
        for port in ports {
            let port = self::prefix(&port.name);
            names.extend(["PORT", "URL"].map(|key| format!("{prefix}_{port}_{key}")));
        }
    }
    names
}
