//! `mstack status`: one screen that says how a stack is, and if it is not well, why, and what to try next.
mod extras;
mod ran;
mod tasks;
pub mod view;

use std::time::Duration;

use serde_json::Value;

use super::common::access::{self, Access, Connection};
use super::common::answer::Answer;
use super::common::output::{self, Outcome, Screen};
use super::common::waiting::Waiting;
use crate::api::RETRY;
use crate::model::RESTARTED_AT;
use crate::web::view::{Health, Object, View, of};

pub use extras::word as word_of_pod;

/// Options of `mstack status`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 all that is shown is ready, or off on purpose; 1 something is not; 2 it could not be asked.\n\
    It needs the right to get the stack; what else is shown is left out by name where rights do not cover it."
)]
pub struct Args {
    /// Stack; by default the only one of the namespace, and where there are several, a list of them.
    stack: Option<String>,
    /// List the stacks of all namespaces.
    #[arg(short = 'A', long, conflicts_with = "stack")]
    all_namespaces: bool,
    /// List the stacks that have these labels.
    #[arg(short = 'l', long, value_name = "SELECTOR", conflicts_with = "stack")]
    selector: Option<String>,
    /// Form of the answer; `wide` has all counts, every pod and what it uses.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Answer,
    /// Look again every two seconds, until interrupted.
    #[arg(short, long, conflicts_with = "wait")]
    watch: bool,
    /// Wait until the stack is ready at its present generation, or cannot become ready without a person.
    #[arg(long, conflicts_with_all = ["all_namespaces", "selector"])]
    wait: bool,
    /// Longest wait of --wait.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = access::duration)]
    timeout: Duration,
    #[command(flatten)]
    connection: Connection,
}

const AGAIN: Duration = Duration::from_secs(2);
/// What is told instead of a report on an earlier generation.
const UNSEEN: &str = "the operator has not looked at this change yet";
const CLEAR: &str = "\u{1b}[H\u{1b}[2J\u{1b}[3J";

/// Shows the stack, or lists stacks.
///
/// # Errors
/// When the cluster cannot be asked.
pub fn run(args: &Args, screen: Screen) -> output::Result {
    access::block_on(async {
        let access = args.connection.open().await?;
        if args.wait {
            return wait(args, &access, screen).await;
        }
        let (shown, skew) = tokio::join!(shown(args, &access, screen), access.skew());
        let (text, outcome) = shown?;
        if let Some(note) = skew {
            eprintln!("{note}");
        }
        if !args.watch {
            output::data(&text)?;
            return Ok(outcome);
        }
        watch(args, &access, screen, text).await
    })
}

async fn watch(args: &Args, access: &Access, screen: Screen, mut text: String) -> output::Result {
    let redraws = std::io::IsTerminal::is_terminal(&std::io::stdout());
    output::data(&if redraws { format!("{CLEAR}{text}") } else { text.clone() })?;
    loop {
        tokio::time::sleep(AGAIN).await;
        let now = shown(args, access, screen).await.map_or_else(|error| format!("error: {error}\n"), |(text, _)| text);
        if now != text {
            if !output::stream(&if redraws { format!("{CLEAR}{now}") } else { format!("\n{now}") })? {
                return Ok(Outcome::Good);
            }
            text = now;
        }
    }
}

async fn wait(args: &Args, access: &Access, screen: Screen) -> output::Result {
    let mut waiting = Waiting::begin(args.timeout, AGAIN);
    loop {
        let stack = access.stack(args.stack.as_deref()).await?;
        let view = view_of(&stack);
        let current = is_seen(&stack, &view);
        let (over, late) = (current && is_over(&view), waiting.is_over());
        if over || late {
            output::data(&one(args, access, &stack, screen).await?)?;
            if late && !over {
                eprintln!("not ready within {} s", args.timeout.as_secs());
            }
            return Ok(if is_well(&view) && current { Outcome::Good } else { Outcome::Found });
        }
        waiting.tell(if current { &view.message } else { UNSEEN });
        waiting.pause().await;
    }
}

/// Whether the status speaks of the stack as it is: of its spec, and of what its annotations ask for.
fn is_seen(stack: &Value, view: &View) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (asked, seen) = (&stack["metadata"]["annotations"], &stack["status"]["observedRequests"]);
    let requests = [(RESTARTED_AT, "restartedAt"), (RETRY, "retry")];
    view.generations.1 == Some(view.generations.0)
        && requests.iter().all(|(annotation, field)| text(&asked[*annotation]) == text(&seen[*field]))
}

/// Whether waiting longer changes nothing by itself.
fn is_over(view: &View) -> bool {
    matches!(view.health, Health::Ready | Health::Failed | Health::Resting)
}

fn is_well(view: &View) -> bool {
    matches!(view.health, Health::Ready | Health::Resting)
}

async fn shown(args: &Args, access: &Access, screen: Screen) -> Result<(String, Outcome), String> {
    let found = if args.stack.is_some() {
        vec![access.stack(args.stack.as_deref()).await?]
    } else {
        access.stacks(args.all_namespaces, args.selector.as_deref()).await?
    };
    let views: Vec<View> = found.iter().map(view_of).collect();
    let outcome = if views.iter().all(is_well) { Outcome::Good } else { Outcome::Found };
    let listed = args.all_namespaces || args.selector.is_some();
    if !args.output.is_text() {
        return Ok((args.output.of_objects(found, listed)?, outcome));
    }
    let text = match &found[..] {
        [] => {
            eprintln!("{}", nothing(args, access));
            String::new()
        }
        [stack] if !listed => one(args, access, stack, screen).await?,
        _ => view::list(&views, args.all_namespaces, args.output == Answer::Wide, screen),
    };
    Ok((text, outcome))
}

fn nothing(args: &Args, access: &Access) -> String {
    let init = "`mstack init` writes one to begin with";
    if args.all_namespaces {
        format!("there is no stack in any namespace; {init}")
    } else {
        format!(
            "there is no stack in the namespace {}; `-n` names another, `mstack status -A` shows all, {init}",
            access.namespace
        )
    }
}

async fn one(args: &Args, access: &Access, stack: &Value, screen: Screen) -> Result<String, String> {
    if !args.output.is_text() {
        return args.output.of_objects(vec![stack.clone()], false);
    }
    let view = view_of(stack);
    let wide = args.output == Answer::Wide;
    let extras = extras::gather(&access.within(&view.namespace), &view, wide).await;
    Ok(view::text(&view, &extras, wide, screen))
}

/// What there is to say about a stack in JSON.
pub fn view_of(stack: &Value) -> View {
    let text = |name: &str| stack["metadata"][name].as_str().unwrap_or_default().to_owned();
    let (spec, status) = (stack["spec"].to_string(), stack.get("status").map(ToString::to_string));
    let generation = stack["metadata"]["generation"].as_i64().unwrap_or_default();
    let object = Object { generation, spec: &spec, status: status.as_deref() };
    of(&text("namespace"), &text("name"), &object)
}
