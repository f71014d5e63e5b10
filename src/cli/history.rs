//! `mstack history`: the revisions of a stack that the operator remembers, what came of each, and what it changed.
pub mod view;
pub mod words;

use clap::ValueEnum;
use k8s_openapi::jiff::Timestamp;

use super::access::{self, Connection};
use super::output::{self, Outcome, Screen};
use super::revisions;

/// Options of `mstack history`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A revision is all that makes the services' pods; counts and databases are not in it. It is recorded once \
    it is good or has failed. It needs the right to list controllerrevisions."
)]
pub struct Args {
    /// Stack; by default the only one of the namespace.
    stack: Option<String>,
    /// Form of the answer.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Form,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people.
    Text,
    /// With the images of every revision.
    Wide,
    /// For programs.
    Json,
    /// For programs, as YAML.
    Yaml,
}

/// Shows the revisions.
///
/// # Errors
/// When the cluster cannot be asked.
pub fn run(args: &Args, screen: Screen) -> output::Result {
    access::block_on(async {
        let access = args.connection.open().await?;
        let stack = access.stack(args.stack.as_deref()).await?;
        let recorded = revisions::read(&access, &stack).await?;
        let entries = view::entries(&stack, &revisions::asked(&stack)?, &recorded);
        let object = || view::object(&stack, &entries);
        output::data(&match args.output {
            Form::Json => format!("{:#}\n", object()),
            Form::Yaml => serde_saphyr::to_string(&object()).map_err(|error| error.to_string())?,
            form => view::text(&stack, &entries, Timestamp::now(), form == Form::Wide, screen),
        })?;
        Ok(Outcome::Good)
    })
}
