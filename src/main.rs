//! The `mstack` binary: operator and command line.
use mstack::cli::Cli;

fn main() -> std::process::ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Cli::from_process().run()
}
