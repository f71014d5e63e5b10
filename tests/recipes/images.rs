//! What the official images bring: where their servers are, how they start and end, what surrounds them.

/// One official image, as far as a recipe counts on it.
pub struct Image {
    /// Folder of the servers and clients on this machine.
    pub path: &'static str,
    /// Its entry point.
    pub entry: &'static str,
    /// What it runs when the container says nothing.
    pub command: &'static [&'static str],
    /// Its variables.
    pub env: &'static [(&'static str, &'static str)],
    /// Its files beside those of the operating system.
    pub files: &'static [(&'static str, &'static str)],
    /// Its folders that every user may write to.
    pub writable: &'static [&'static str],
    /// Signal that ends the server.
    pub stop: &'static str,
    /// Password of the instances among themselves.
    pub peer: &'static str,
}

/// Characters that a passfile and a shell treat in their own way; a given Secret may have them.
const PEER: &str = "pe:er\\'s $1";

const PLAIN: Image =
    Image { path: "/usr/bin", entry: "", command: &[], env: &[], files: &[], writable: &[], stop: "-TERM", peer: PEER };

pub const POSTGRES: Image = Image {
    path: "/usr/lib/postgresql/15/bin",
    entry: include_str!("../cluster/images/postgres/docker-entrypoint.sh"),
    writable: &["var/run/postgresql"],
    stop: "-INT",
    ..PLAIN
};

pub const REDIS: Image = Image { entry: include_str!("../cluster/images/redis/docker-entrypoint.sh"), ..PLAIN };

pub const MARIADB: Image = Image { entry: include_str!("images/mariadb.sh"), writable: &["run/mysqld"], ..PLAIN };

pub const MEMCACHED: Image = Image { entry: include_str!("images/memcached.sh"), command: &["memcached"], ..PLAIN };

/// Where servers are that no package of this machine brings; `make test-recipes` builds them.
pub const BUILT: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/servers");

pub const NATS: Image = Image { path: "/servers", peer: "peer1", entry: include_str!("images/nats.sh"), ..PLAIN };

pub const RABBITMQ: Image = Image {
    path: "/usr/lib/rabbitmq/bin",
    peer: "peer1",
    entry: include_str!("../cluster/images/rabbitmq/docker-entrypoint.sh"),
    command: &["rabbitmq-server"],
    env: &[("HOME", "/var/lib/rabbitmq"), ("RABBITMQ_DATA_DIR", "/var/lib/rabbitmq"), ("RABBITMQ_LOGS", "-")],
    files: &[("etc/rabbitmq/conf.d/10-defaults.conf", "loopback_users.guest = false\nlog.console = true\n")],
    writable: &["etc/rabbitmq", "var/lib/rabbitmq", "var/log/rabbitmq"],
    ..PLAIN
};
