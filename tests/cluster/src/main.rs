//! The `cluster` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    cluster::cli::main()
}
