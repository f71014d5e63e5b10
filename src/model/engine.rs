//! The table of engines: data, not branches. Adding an engine is adding a row.
use crate::api::Engine;

/// How an engine is run, in the terms of its official image.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// The engine.
    pub engine: Engine,
    /// servicebinding.io `type`, such as `postgresql`.
    pub binding_type: String,
    /// Image repository; the version is its tag.
    pub image: String,
    /// Version where the spec says none.
    pub version: String,
    /// Port that clients use.
    pub port: u16,
    /// Folder that the volume is mounted at.
    pub mount_path: String,
    /// Environment of the container; `$(USERNAME)`, `$(PASSWORD)`, `$(DATABASE)` stand for the credentials.
    pub env: Vec<(String, String)>,
    /// Environment only with credentials, as pairs of variable and key of the Secret (`username`, `password`, `database`).
    pub credentials_env: Vec<(String, String)>,
    /// Environment only without authentication.
    pub open_env: Vec<(String, String)>,
    /// Arguments of the container always.
    pub args: Vec<String>,
    /// Arguments only with credentials; `$(PASSWORD)` expands from the environment.
    pub credentials_args: Vec<String>,
    /// Readiness check inside the container; empty: a connection to the port.
    pub ready: Vec<String>,
    /// User name of generated credentials; empty: the engine knows no users.
    pub username: String,
    /// Whether the engine has several databases inside (then `DATABASE` is given to consumers).
    pub databases: bool,
    /// Whether the engine can do without authentication.
    pub open: bool,
    /// Folder whose files the image runs at the first initialisation; empty: none.
    pub init_path: String,
    /// URI for consumers; `$(HOST)`, `$(PORT)`, `$(USERNAME)`, `$(PASSWORD)`, `$(DATABASE)` expand.
    pub uri: String,
    /// The same without authentication.
    pub open_uri: String,
    /// User and group of the official image.
    pub user: Option<i64>,
    /// Group of the official image.
    pub group: Option<i64>,
    /// Writable folders beside the volume, for a read-only image (`Restricted`).
    pub scratch: Vec<String>,
    /// Whether the recipe replicates, so that more than one instance is allowed.
    pub replicates: bool,
}
