//! The command line: one file a command, and `common` beside them.
pub mod common;
mod connect;
mod convert;
pub mod doctor;
mod events;
mod explain;
mod graph;
pub mod history;
mod init;
pub mod install;
mod lint;
mod logs;
mod operator;
pub mod plan;
mod render;
mod restart;
mod retry;
mod rollback;
mod scale;
mod shell;
pub mod status;
mod switch;
mod top;
mod ui;
pub mod uninstall;
pub mod volume_guard;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use common::output::{self, Outcome, Screen, When};
use common::tips;

/// One Kubernetes object for a whole application.
#[derive(Debug, Parser)]
#[command(name = "mstack", version, about, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// When to write in colour; `NO_COLOR` is honoured.
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    color: When,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show how a stack is; where it is not well, why, and what to try next.
    Status(status::Args),
    /// Tell what the operator would do about a change, before it is applied.
    Plan(plan::Args),
    /// Set the counts of services and databases.
    Scale(scale::Args),
    /// Restart services, or databases that are named, without changing what they run.
    Restart(restart::Args),
    /// Show the revisions of a stack: what came of each, and what it changed.
    History(history::Args),
    /// Take the services of a stack back to a good revision, by an edit of its spec.
    Rollback(rollback::Args),
    /// Try again what has failed: a revision, a migration, a test, a job.
    Retry(retry::Args),
    /// Stop changing anything of a stack, drift neither, until it is resumed.
    Suspend(switch::Args),
    /// Go on with a stack that was suspended.
    Resume(switch::Args),
    /// Take a stack to 0 instances: services, then databases. Data stays.
    Hibernate(switch::Args),
    /// Wake a stack that hibernates: databases, then services, with the counts that they had.
    Wake(switch::Args),
    /// Print the logs of a stack's components in one stream.
    Logs(logs::Args),
    /// Print the Events of a stack and of all that it consists of.
    Events(events::Args),
    /// Print what the components of a stack use, beside what they ask for.
    Top(top::Args),
    /// Forward a database's port to this machine, and print its address for a client.
    Connect(connect::Args),
    /// Forward the operator's page to this machine, and print its address.
    Ui(ui::Args),
    /// Check whether a cluster has what stacks need, and whether the operator works.
    Doctor(doctor::Args),
    /// Install the operator in a cluster, or upgrade it.
    Install(install::Args),
    /// Remove the operator; stacks, what they run and their data stay.
    Uninstall(uninstall::Args),
    /// Check stacks in files, without a cluster: everything that is wrong, with its place.
    Lint(lint::Args),
    /// Print the objects that the operator would make of stacks, in the order of applying.
    Render(render::Args),
    /// Draw who uses whom, and what starts first.
    Graph(graph::Args),
    /// Tell what a field of the stack, a code of a finding or a word of a status means.
    Explain(explain::Args),
    /// Write a stack to begin with.
    Init(init::Args),
    /// Convert a Compose project to a stack, and tell what is not the same afterwards.
    Convert(convert::Args),
    /// Print the JSON Schema of the stack, for editors.
    Schema,
    /// Print the `CustomResourceDefinition`.
    Crd,
    /// Print the completion of a shell.
    Completion(shell::CompletionArgs),
    /// Print or write the manual pages.
    Man(shell::ManArgs),
    /// Print the version of this program.
    Version(shell::VersionArgs),
    /// Complete the words of `kubectl mstack`.
    #[command(name = "__complete", hide = true)]
    Complete(shell::CompleteArgs),
    /// Run the operator: keep the cluster in line with its `MicroserviceStack`s.
    Operator(operator::Args),
    /// Check a database's volume before the database opens it (runs inside its pods).
    VolumeGuard(volume_guard::Args),
}

impl Cli {
    /// The command line of this process. As a plugin of kubectl it is called `kubectl mstack`.
    pub fn from_process() -> Self {
        let words: Vec<_> = std::env::args_os().collect();
        let matches = command().try_get_matches_from(&words);
        let matches = matches.unwrap_or_else(|error| tips::with_tip(error, &command(), &words).exit());
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Runs the command; the exit code is 0 for success, 1 for a failure or for findings, and 2 for what could not be tried.
    pub fn run(self) -> ExitCode {
        let screen = Screen::of_stdout(self.color);
        match self.command {
            Command::Operator(args) => ended(operator::run(args).map(|()| Outcome::Good), 1),
            Command::VolumeGuard(args) => ended(volume_guard::run(&args).map(|()| Outcome::Good), 1),
            Command::Status(args) => ended(status::run(&args, screen), 2),
            Command::Plan(args) => ended(plan::run(&args, screen), 1),
            Command::Logs(args) => ended(logs::run(&args, screen), 2),
            Command::Events(args) => ended(events::run(&args, screen), 2),
            Command::Top(args) => ended(top::run(&args, screen), 2),
            Command::Connect(args) => ended(connect::run(&args), 2),
            Command::Ui(args) => ended(ui::run(&args), 2),
            Command::Install(args) => ended(install::run(&args, screen), 2),
            Command::Uninstall(args) => ended(uninstall::run(&args), 2),
            Command::Doctor(args) => ended(doctor::run(&args, screen), 2),
            Command::Scale(args) => ended(scale::run(&args), 2),
            Command::Restart(args) => ended(restart::run(&args), 2),
            Command::History(args) => ended(history::run(&args, screen), 2),
            Command::Rollback(args) => ended(rollback::run(&args), 2),
            Command::Retry(args) => ended(retry::run(&args), 2),
            Command::Suspend(args) => ended(switch::run(&args, switch::SUSPEND), 2),
            Command::Resume(args) => ended(switch::run(&args, switch::RESUME), 2),
            Command::Hibernate(args) => ended(switch::run(&args, switch::HIBERNATE), 2),
            Command::Wake(args) => ended(switch::run(&args, switch::WAKE), 2),
            Command::Lint(args) => ended(lint::run(&args, screen), 2),
            Command::Render(args) => ended(render::run(&args, screen), 2),
            Command::Graph(args) => ended(graph::run(&args, screen), 2),
            Command::Explain(args) => ended(explain::run(&args, screen), 2),
            Command::Init(args) => ended(init::run(&args), 2),
            Command::Convert(args) => ended(convert::run(&args), 2),
            Command::Schema => ended(schema(), 2),
            Command::Completion(args) => ended(shell::completion(&args, command()), 2),
            Command::Man(args) => ended(shell::man(&args, command()), 2),
            Command::Version(args) => ended(shell::version(&args), 2),
            Command::Complete(args) => ended(shell::complete(&args, command()), 2),
            Command::Crd => ended(crd(), 2),
        }
    }
}

/// The definition of the command line, under the name that it was called by.
fn command() -> clap::Command {
    let called = std::env::args_os().next().map(std::path::PathBuf::from);
    let plugin = called.as_deref().and_then(|path| path.file_stem()).is_some_and(|name| name == "kubectl-mstack");
    if plugin { Cli::command().bin_name("kubectl mstack") } else { Cli::command() }
}

fn ended(result: output::Result, failure: u8) -> ExitCode {
    result.map_or_else(
        |message| {
            eprintln!("error: {message}");
            ExitCode::from(failure)
        },
        ExitCode::from,
    )
}

fn crd() -> output::Result {
    output::data(&crate::api::crd_yaml().map_err(|error| error.to_string())?)?;
    Ok(Outcome::Good)
}

fn schema() -> output::Result {
    output::data(&format!("{:#}\n", crate::lint::editor::schema()))?;
    Ok(Outcome::Good)
}
