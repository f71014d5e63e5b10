//! What all commands that change a stack have in common: read it, decide, send one patch that holds only for what was read.
use std::fmt::Write;
use std::time::Duration;

use clap::ValueEnum;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use super::access::{Access, Connection, STACKS, name_of};
use super::next;
use super::output::{self, Outcome};
use super::refusal::{Refusal, Right};
use crate::api::MicroserviceStack;
use crate::cluster::slim;
use crate::lint;

/// Options of every command that changes a stack.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Change nothing: `client` only says what would be sent, `server` lets the API server judge it.
    #[arg(long, value_enum, value_name = "WHERE", default_value = "none", num_args = 0..=1, default_missing_value = "client", require_equals = true)]
    dry_run: DryRun,
    #[command(flatten)]
    connection: Connection,
}

/// Where a change stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// Nowhere.
    None,
    /// Before it is sent.
    Client,
    /// After the API server has judged it.
    Server,
}

/// What a command has decided.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edit {
    /// What to merge into the stack; null: nothing is to be changed.
    pub patch: Value,
    /// What changes, a line each.
    pub lines: Vec<String>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// Who writes, in the managed fields.
const MANAGER: &str = "kubectl-mstack";
/// How often it is read anew; the operator writes the status of a stack that is on its way, and each write counts as faster.
const ATTEMPTS: u32 = 8;
/// After the first one; twice as long after each.
const PAUSE: Duration = Duration::from_millis(20);

/// Changes a stack as `decide` says, which sees the stack as it is now.
///
/// # Errors
/// What `decide` or the cluster refuses.
pub async fn change(options: &Options, name: Option<&str>, decide: impl Fn(&Value) -> Result<Edit, String>) -> output::Result {
    change_after_a_look(options, name, async |_, stack| decide(stack)).await
}

/// The same, where `decide` has to look at more of the cluster.
///
/// # Errors
/// What `decide` or the cluster refuses.
pub async fn change_after_a_look(
    options: &Options,
    name: Option<&str>,
    decide: impl AsyncFn(&Access, &Value) -> Result<Edit, String>,
) -> output::Result {
    let access = options.connection.open().await?;
    let (changed, skew) = tokio::join!(attempts(&access, options.dry_run, name, decide), access.skew());
    if let Some(note) = skew {
        eprintln!("{note}");
    }
    let (stack, edit) = changed?;
    for note in notes(&stack, &edit.patch).into_iter().chain(edit.notes) {
        eprintln!("note: {note}");
    }
    output::data(&told(name_of(&stack), &edit.lines, options.dry_run))?;
    Ok(Outcome::Good)
}

async fn attempts(
    access: &Access,
    dry_run: DryRun,
    name: Option<&str>,
    decide: impl AsyncFn(&Access, &Value) -> Result<Edit, String>,
) -> Result<(Value, Edit), String> {
    for attempt in 0..ATTEMPTS {
        let stack = access.stack(name).await?;
        let edit = decide(access, &stack).await?;
        if edit.patch.is_null() || dry_run == DryRun::Client {
            return Ok((stack, edit));
        }
        match send(access, dry_run, &stack, &edit.patch).await {
            // Somebody was faster: what is there now decides.
            Err(Refusal::Conflict) => tokio::time::sleep(PAUSE * 2_u32.pow(attempt)).await,
            answer => return answer.map(|()| (stack, edit)).map_err(|refusal| refusal.to_string()),
        }
    }
    Err("the stack changes faster than it can be read; try again".to_owned())
}

async fn send(access: &Access, dry_run: DryRun, stack: &Value, patch: &Value) -> Result<(), Refusal> {
    let mut patch = patch.clone();
    patch["metadata"]["resourceVersion"] = stack["metadata"]["resourceVersion"].clone();
    let namespace = stack["metadata"]["namespace"].as_str().unwrap_or(&access.namespace);
    let api = Api::<DynamicObject>::namespaced_with(access.client.clone(), namespace, &slim::stacks());
    let params =
        PatchParams { dry_run: dry_run == DryRun::Server, field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    let patch = Patch::Merge(&patch);
    let call = api.patch(name_of(stack), &params, &patch);
    access.ask(&Right::new("patch", STACKS), call).await.map(drop)
}

/// A stack as a patch makes it.
fn after(stack: &Value, patch: &Value) -> Value {
    let mut after = stack.clone();
    if !patch.is_null() {
        json_patch::merge(&mut after, patch);
    }
    after
}

/// What the operator would refuse of a stack after a patch, as far as no cluster is needed.
///
/// # Errors
/// What is wrong with it.
pub fn judged(stack: &Value, patch: &Value) -> Result<(), String> {
    let mut after = after(stack, patch);
    if let Some(status) = after.as_object_mut() {
        status.remove("status");
    }
    let object: MicroserviceStack = serde_json::from_value(after).map_err(|error| error.to_string())?;
    lint::checked(&object).map(drop)
}

/// The lines that a command ends with.
pub fn told(stack: &str, lines: &[String], dry_run: DryRun) -> String {
    let end = match dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    };
    let mut out = String::new();
    for line in lines {
        let _ = writeln!(out, "{stack}: {line}{end}");
    }
    out
}

/// What keeps a change of a stack from being carried out, or from lasting.
pub fn notes(stack: &Value, patch: &Value) -> Vec<String> {
    let mut notes = Vec::new();
    let source = |manager: &&str| manager.ends_with("-controller") || *manager == "helm";
    let entries = stack["metadata"]["managedFields"].as_array().into_iter().flatten();
    let mut managers =
        entries.filter(|entry| !entry["fieldsV1"]["f:spec"].is_null()).filter_map(|entry| entry["manager"].as_str());
    if let Some(manager) = managers.rfind(source) {
        notes.push(format!("{manager} keeps this stack and may put it back at its next sync; change it at its source, too"));
    }
    let stays_paused = [stack, &after(stack, patch)].iter().all(|stack| stack["spec"]["paused"] == json!(true));
    if stays_paused {
        let resume = next::command("resume STACK", stack);
        notes.push(format!("the stack is suspended, so nothing of it is carried out before `{resume}`"));
    }
    notes
}
