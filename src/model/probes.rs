//! How an instance is checked.
use std::fmt;

/// The checks of one instance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Probes {
    /// Whether it gets traffic.
    pub ready: Option<Probe>,
    /// Whether it is restarted.
    pub live: Option<Probe>,
    /// How long the start may take, in seconds; the check is `ready`'s.
    pub startup_seconds: Option<i32>,
}

/// One check.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// How to check.
    pub check: Check,
    /// Seconds between checks.
    pub period: i32,
    /// Seconds that one check may take.
    pub timeout: i32,
    /// Failures in a row that count.
    pub failures: i32,
}

/// How to check one instance.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// GET of a path at a container port.
    Http {
        /// Path.
        path: String,
        /// Container port.
        port: u16,
    },
    /// A connection to a container port.
    Tcp(u16),
    /// The gRPC health protocol.
    Grpc {
        /// Service name; may be empty.
        service: String,
        /// Container port.
        port: u16,
    },
    /// A command in the container.
    Exec(Vec<String>),
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { path, port } => write!(f, "GET {path} on port {port}"),
            Self::Tcp(port) => write!(f, "of a connection to port {port}"),
            Self::Grpc { port, .. } => write!(f, "of gRPC health on port {port}"),
            Self::Exec(command) => write!(f, "`{}`", command.join(" ")),
        }
    }
}
