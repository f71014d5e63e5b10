//! `mstack plan`: what the operator is going to do, before it does it. The objects come from its own builder, the decisions
//! from its own plan, and the API server judges each of them in a dry run.
mod diff;
mod gather;
mod marks;
mod rehearse;
pub mod view;
mod wanted;

use super::common::access::{self, Access, Connection};
use super::common::output::{self, Form, Outcome, Screen};
use super::common::stacks::{self, Source};
use crate::api::MicroserviceStack;
use crate::foresight::{self, Foreseen};
use view::Planned;

pub use diff::{Difference, diff};
pub use marks::Mark;
pub use wanted::patch as merge_patch;

/// Options of `mstack plan`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 nothing would change, 2 something would, 1 it would be refused, or cannot be told.\n\
    It asks for what you may read and changes nothing; where the right to patch a kind is missing, what is sent is compared \
    with what is there, without defaults and policies.")]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// As `kubectl apply --server-side`: the API server merges the file into the stack.
    #[arg(long)]
    server_side: bool,
    /// A suspended stack as if it were resumed.
    #[arg(long)]
    resumed: bool,
    /// Form of the plan.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Form,
    #[command(flatten)]
    connection: Connection,
}

/// Prints the plans of all stacks.
///
/// # Errors
/// When the cluster cannot be asked, or a stack is not valid.
pub fn run(args: &Args, screen: Screen) -> output::Result {
    let read = if args.source.stack.is_some() { Some(Vec::new()) } else { stacks::read(&args.source.files(), screen)? };
    let Some(files) = read else { return Ok(Outcome::Found) };
    access::block_on(async {
        let access = args.connection.open().await?;
        let (plans, skew) = tokio::join!(plans(args, &access, files), access.skew());
        if let Some(note) = skew {
            eprintln!("{note}");
        }
        let plans = plans?;
        output::data(&match args.output {
            Form::Text => plans.iter().map(|plan| view::text(plan, screen)).collect::<Vec<_>>().join("\n"),
            Form::Json => view::json(&plans),
        })?;
        Ok(outcome(&plans))
    })
}

fn outcome(plans: &[Planned]) -> Outcome {
    let refused = |plan: &Planned| !plan.conflicts.is_empty() || plan.changes.iter().any(|change| change.refused.is_some());
    match plans.iter().any(refused) {
        true => Outcome::Found,
        false if plans.iter().all(|plan| plan.changes.is_empty()) => Outcome::Good,
        false => Outcome::Changes,
    }
}

async fn plans(args: &Args, access: &Access, files: Vec<MicroserviceStack>) -> Result<Vec<Planned>, String> {
    let mut plans = Vec::new();
    if let Some(name) = &args.source.stack {
        let live = access.stack(Some(name)).await?;
        plans.push(plan(args, access, wanted::as_it_is(live)?).await?);
    }
    for file in files {
        let within = file.metadata.namespace.as_ref().map_or_else(|| access.clone(), |namespace| access.within(namespace));
        plans.push(plan(args, &within, wanted::applied(&within, file, args.server_side).await?).await?);
    }
    Ok(plans)
}

async fn plan(args: &Args, access: &Access, mut wanted: wanted::Wanted) -> Result<Planned, String> {
    if args.resumed {
        wanted.object.spec.paused = None;
    }
    let mut gathered = gather::gather(access, &wanted).await?;
    let mut foreseen = foresee(&gathered.given)?;
    let refused = gather::refused(access, &gathered, &foreseen).await;
    if !refused.is_empty() {
        gathered.given.refused = refused;
        foreseen = foresee(&gathered.given)?;
    }
    let changes = rehearse::rehearse(access, &gathered, &foreseen.steps).await;
    Ok(Planned {
        namespace: access.namespace.clone(),
        stack: wanted.object.metadata.name.clone().unwrap_or_default(),
        is_new: wanted.is_new,
        untouched: gathered.owned.saturating_sub(changes.iter().filter(|change| change.is_there).count()),
        paused: foreseen.paused,
        blocked: foreseen.blocked,
        conflicts: foreseen
            .conflicts
            .iter()
            .map(|conflict| {
                format!(
                    "{} {} exists and belongs to somebody else, so {} is not made",
                    conflict.kind.row().name,
                    conflict.name,
                    conflict.component
                )
            })
            .collect(),
        held: foreseen.held,
        notices: foreseen.notices.into_iter().chain(wanted.notes.iter().cloned()).chain(gathered.notes).collect(),
        changes,
    })
}

fn foresee(given: &foresight::Given<'_>) -> Result<Foreseen, String> {
    foresight::foresee(given)
        .map_err(|violations| format!("the operator would do nothing, for the spec is not valid:\n{violations}"))
}
