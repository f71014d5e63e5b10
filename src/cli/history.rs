//! `mstack history`: the revisions of a stack that the operator remembers, what came of each, and what it changed.
pub mod view;
pub mod words;

use k8s_openapi::jiff::Timestamp;

use super::common::access::{self, Connection};
use super::common::answer::Answer;
use super::common::output::{self, Outcome, Screen};
use super::common::revisions;

/// Options of `mstack history`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A revision is all that makes the services' pods; counts and databases are not in it. It is recorded once \
    it is good or has failed. It needs the right to list controllerrevisions.apps."
)]
pub struct Args {
    /// Stack; by default the only one of the namespace.
    stack: Option<String>,
    /// Form of the answer; `wide` has the images of every revision.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Answer,
    #[command(flatten)]
    connection: Connection,
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
        output::data(&match args.output {
            Answer::Name => view::names(&entries),
            form if form.is_text() => view::text(&stack, &entries, Timestamp::now(), form == Answer::Wide, screen),
            form => form.of_value(&view::object(&stack, &entries))?,
        })?;
        Ok(Outcome::Good)
    })
}
