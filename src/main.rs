//! The `mstack` binary: operator and command line.
use clap::Parser;
use mstack::cli::Cli;

fn main() -> std::process::ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Cli::parse().run()
}
