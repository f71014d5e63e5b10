//! The command line: one file a command.
mod operator;
pub mod volume_guard;

use clap::{Parser, Subcommand};

/// One Kubernetes object for a whole application.
#[derive(Debug, Parser)]
#[command(name = "mstack", version, about, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the operator: keep the cluster in line with its `MicroserviceStack`s.
    Operator(operator::Args),
    /// Print the `CustomResourceDefinition`.
    Crd,
    /// Check a database's volume before the database opens it (runs inside its pods).
    VolumeGuard(volume_guard::Args),
}

impl Cli {
    /// Runs the command; the exit code is 0 for success and 1 for a failure, which is told on standard error.
    pub fn run(self) -> std::process::ExitCode {
        let result = match self.command {
            Command::Operator(args) => operator::run(args),
            Command::Crd => crate::api::crd_yaml().map(|yaml| print!("{yaml}")).map_err(|error| error.to_string()),
            Command::VolumeGuard(args) => volume_guard::run(&args),
        };
        match result {
            Ok(()) => std::process::ExitCode::SUCCESS,
            Err(message) => {
                eprintln!("error: {message}");
                std::process::ExitCode::FAILURE
            }
        }
    }
}
