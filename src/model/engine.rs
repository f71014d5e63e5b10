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
    /// Versions that may run, by their beginning: `17` stands for `17.4` too. Empty: nothing is known of versions, and
    /// no change of them is judged.
    pub versions: &'static [&'static str],
    /// Port that clients use.
    pub port: u16,
    /// Folder that the volume is mounted at.
    pub mount_path: String,
    /// Environment of the container, complete.
    pub env: Vec<(String, String)>,
    /// Environment only with credentials, as pairs of variable and key of the Secret (`username`, `password`).
    pub credentials_env: Vec<(String, String)>,
    /// Environment only without authentication.
    pub open_env: Vec<(String, String)>,
    /// Arguments of the container always.
    pub args: Vec<String>,
    /// Arguments only with credentials; variables of the container expand.
    pub credentials_args: Vec<String>,
    /// Arguments only without authentication.
    pub open_args: Vec<String>,
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

/// The row of an engine. `database` names what a client connects to inside it, and the user that owns it.
pub fn recipe(engine: Engine, database: &str) -> Recipe {
    match engine {
        Engine::Postgres => postgres(database),
        Engine::Valkey => Recipe {
            versions: &["7.2", "8"],
            ready: pong("valkey-cli"),
            ..key_value(row(Engine::Valkey, "docker.io/valkey/valkey", "8.1", 6379))
        },
        Engine::Redis => Recipe {
            versions: &["6.2", "7", "8"],
            ready: pong("redis-cli"),
            ..key_value(row(Engine::Redis, "docker.io/library/redis", "8.2", 6379))
        },
        Engine::Rabbitmq => rabbitmq(database),
        Engine::Custom => custom(database),
    }
}

fn postgres(database: &str) -> Recipe {
    Recipe {
        binding_type: "postgresql".to_owned(),
        versions: &["14", "15", "16", "17"],
        mount_path: "/var/lib/postgresql/data".to_owned(),
        // A volume's top folder may hold `lost+found`, which initdb refuses.
        env: pairs(&[("PGDATA", "/var/lib/postgresql/data/pgdata"), ("POSTGRES_DB", database)]),
        credentials_env: pairs(&[("POSTGRES_USER", "username"), ("POSTGRES_PASSWORD", "password")]),
        // Over TCP: while the image initialises, its server listens on the socket alone.
        ready: shell("exec pg_isready -q -h 127.0.0.1 -U \"$POSTGRES_USER\" -d \"$POSTGRES_DB\""),
        username: database.to_owned(),
        databases: true,
        init_path: "/docker-entrypoint-initdb.d".to_owned(),
        uri: "postgresql://$(USERNAME):$(PASSWORD)@$(HOST):$(PORT)/$(DATABASE)".to_owned(),
        user: Some(999),
        group: Some(999),
        scratch: texts(&["/tmp", "/var/run/postgresql"]),
        ..row(Engine::Postgres, "docker.io/library/postgres", "17", 5432)
    }
}

/// What Valkey and Redis have in common.
fn key_value(row: Recipe) -> Recipe {
    Recipe {
        binding_type: "redis".to_owned(),
        mount_path: "/data".to_owned(),
        // The command line client of the readiness check reads its password from this variable.
        credentials_env: pairs(&[("REDISCLI_AUTH", "password")]),
        args: texts(&["--appendonly", "yes"]),
        credentials_args: texts(&["--requirepass", "$(REDISCLI_AUTH)"]),
        open_args: texts(&["--protected-mode", "no"]),
        open: true,
        uri: "redis://:$(PASSWORD)@$(HOST):$(PORT)".to_owned(),
        open_uri: "redis://$(HOST):$(PORT)".to_owned(),
        user: Some(999),
        group: Some(1000),
        scratch: texts(&["/tmp"]),
        ..row
    }
}

fn rabbitmq(database: &str) -> Recipe {
    Recipe {
        binding_type: "rabbitmq".to_owned(),
        versions: &["3.13", "4"],
        // The cookie lies beside this folder: on the volume, its group-readable mode would stop the server.
        mount_path: "/var/lib/rabbitmq/mnesia".to_owned(),
        // The data is kept in a folder of the node's name, so the name must not follow the pod's.
        env: pairs(&[("RABBITMQ_NODENAME", "rabbit@localhost")]),
        credentials_env: pairs(&[("RABBITMQ_DEFAULT_USER", "username"), ("RABBITMQ_DEFAULT_PASS", "password")]),
        username: database.to_owned(),
        uri: "amqp://$(USERNAME):$(PASSWORD)@$(HOST):$(PORT)".to_owned(),
        user: Some(999),
        group: Some(999),
        scratch: texts(&["/tmp", "/var/lib/rabbitmq", "/var/log/rabbitmq"]),
        ..row(Engine::Rabbitmq, "docker.io/library/rabbitmq", "4.1", 5672)
    }
}

/// What an image of the user's own has before the spec fills it in.
fn custom(database: &str) -> Recipe {
    Recipe {
        binding_type: "custom".to_owned(),
        // The image's own variables, arguments and URI refer to these.
        env: pairs(&[("DATABASE", database)]),
        credentials_env: pairs(&[("USERNAME", "username"), ("PASSWORD", "password")]),
        username: database.to_owned(),
        databases: true,
        open: true,
        uri: "tcp://$(HOST):$(PORT)".to_owned(),
        open_uri: "tcp://$(HOST):$(PORT)".to_owned(),
        ..row(Engine::Custom, "", "", 0)
    }
}

fn row(engine: Engine, image: &str, version: &str, port: u16) -> Recipe {
    Recipe {
        engine,
        binding_type: String::new(),
        image: image.to_owned(),
        version: version.to_owned(),
        versions: &[],
        port,
        mount_path: String::new(),
        env: Vec::new(),
        credentials_env: Vec::new(),
        open_env: Vec::new(),
        args: Vec::new(),
        credentials_args: Vec::new(),
        open_args: Vec::new(),
        ready: Vec::new(),
        username: String::new(),
        databases: false,
        open: false,
        init_path: String::new(),
        uri: String::new(),
        open_uri: String::new(),
        user: None,
        group: None,
        scratch: Vec::new(),
        replicates: false,
    }
}

/// A check for the answer itself: the client succeeds as well when the server still loads its data.
fn pong(client: &str) -> Vec<String> {
    shell(&format!("test \"`{client} ping`\" = PONG"))
}

fn shell(script: &str) -> Vec<String> {
    texts(&["sh", "-c", script])
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}
