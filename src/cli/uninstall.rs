//! `mstack uninstall`: the operator goes. Stacks, what they run, and their data stay.
use std::fmt::Write;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::Api;
use serde_json::Value;

use super::common::access::{self, Access, Connection, name_of};
use super::common::output::{self, Outcome, wrap};
use super::common::refusal::{Refusal, Right};
use super::install::objects::{Choice, MANAGED_BY, objects, title};
use super::install::{place, wait};
use crate::cluster::slim;

/// Options of `mstack uninstall`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "What stacks run goes on without an operator, and an operator that is installed again takes it up. With the \
    definition every stack would go, and what it runs: --crd is refused while there is any."
)]
pub struct Args {
    /// Remove the definition of MicroserviceStack, too; only where there is no stack in any namespace.
    #[arg(long)]
    crd: bool,
    /// Say what would be deleted, and delete nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    connection: Connection,
}

/// What is found before anything is deleted.
#[derive(Debug, Default)]
pub struct Found {
    /// Namespace of the operator.
    pub namespace: String,
    /// What goes, in this order.
    pub going: Vec<Value>,
    /// Stacks of all namespaces, as `namespace/name`.
    pub stacks: Vec<String>,
    /// Whether the definition stays.
    pub definition_stays: bool,
}

const MOST_STACKS: usize = 5;

/// Removes the operator.
///
/// # Errors
/// When it was not installed by `mstack install`, or may not be removed.
pub fn run(args: &Args) -> output::Result {
    let namespace = args.connection.place_of_operator()?;
    access::block_on(async {
        let access = args.connection.open().await?.within(&namespace);
        let found = find(&access, args.crd).await?;
        if !args.dry_run {
            for live in &found.going {
                place::delete(&access, live).await?;
            }
            for live in &found.going {
                wait::until_gone(&access, live).await?;
            }
            if let Some(lease) = lease(&access).await {
                place::delete(&access, &lease).await?; // The operator has made it itself.
            }
        }
        output::data(&deleted(&found, args.dry_run))?;
        eprint!("{}", stays(&found));
        Ok(Outcome::Good)
    })
}

async fn find(access: &Access, crd: bool) -> Result<Found, String> {
    let all = objects(&Choice { namespace: access.namespace.clone(), ..Choice::default() })?;
    let mut going = Vec::new();
    for object in &all {
        going.extend(place::live(access, object).await?);
    }
    let is_definition = |object: &Value| object["kind"] == "CustomResourceDefinition";
    let ours = |object: &Value| object["metadata"]["labels"][MANAGED_BY.0] == MANAGED_BY.1;
    let there = going.iter().any(is_definition);
    let stacks = stacks(access).await?;
    if crd && !stacks.is_empty() {
        return Err(refused(&stacks));
    }
    going.retain(|object| ours(object) && (crd || !is_definition(object)));
    going.reverse();
    if going.is_empty() {
        return Err(format!(
            "`mstack install` has installed nothing in the namespace {0}; what helm has installed goes by `helm uninstall mstack -n {0}`",
            access.namespace
        ));
    }
    let definition_stays = there && !going.iter().any(is_definition);
    Ok(Found { namespace: access.namespace.clone(), going, stacks, definition_stays })
}

/// Stacks of all namespaces; none where they are not defined.
async fn stacks(access: &Access) -> Result<Vec<String>, String> {
    let stacks = match access.list(&slim::stacks(), true, None).await {
        Ok(stacks) => stacks,
        Err(Refusal::NoSuchKind(_)) => Vec::new(),
        Err(refusal) => return Err(refusal.to_string()),
    };
    let title = |stack: &Value| format!("{}/{}", stack["metadata"]["namespace"].as_str().unwrap_or_default(), name_of(stack));
    let mut titles: Vec<String> = stacks.iter().map(title).collect();
    titles.sort();
    Ok(titles)
}

fn refused(stacks: &[String]) -> String {
    format!(
        "with the definition {} would go, and all that they run: {}; delete them first, while the operator is there to let their data \
         stay or go as they say",
        if stacks.len() == 1 { "one stack".to_owned() } else { format!("{} stacks", stacks.len()) },
        named(stacks)
    )
}

fn named(stacks: &[String]) -> String {
    let more = stacks.len().saturating_sub(MOST_STACKS);
    let shown = stacks.iter().take(MOST_STACKS).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

async fn lease(access: &Access) -> Option<Value> {
    let api = Api::<Lease>::namespaced(access.client.clone(), &access.namespace);
    let lease = access.ask(&Right::new("get", "leases.coordination.k8s.io"), api.get(&access.operator.1)).await.ok()?;
    let mut lease = serde_json::to_value(lease).ok()?;
    (lease["apiVersion"], lease["kind"]) = ("coordination.k8s.io/v1".into(), "Lease".into());
    Some(lease)
}

/// What goes, a line each.
pub fn deleted(found: &Found, dry_run: bool) -> String {
    let word = if dry_run { "would delete" } else { "deleted" };
    found.going.iter().fold(String::new(), |mut out, object| {
        let _ = writeln!(out, "{word} {}", title(object));
        out
    })
}

/// What stays.
pub fn stays(found: &Found) -> String {
    let mut lines = vec![format!("stays: the namespace {}", found.namespace)];
    if found.definition_stays {
        lines.push(
            "stays: the definition of MicroserviceStack, for with it every stack would go; --crd removes it where there is none"
                .to_owned(),
        );
    }
    if !found.stacks.is_empty() {
        lines.push(format!(
            "stays: {}, with all that they run and their data; nothing of them is kept in line or put back before an operator is installed again",
            named(&found.stacks)
        ));
        lines.push(
            "a stack with `onDelete: Delete` can then not be deleted: it waits for an operator to remove its data".to_owned(),
        );
    }
    lines.iter().flat_map(|line| wrap(line, 80)).fold(String::new(), |out, line| out + &line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_does_not_go_while_there_are_stacks_and_they_are_named() {
        let stacks: Vec<String> = (1..=7).map(|number| format!("shop/s{number}")).collect();
        let words = refused(&stacks);
        assert!(words.starts_with("with the definition 7 stacks would go"), "{words}");
        assert!(words.contains("shop/s5 and 2 more; delete them first"), "{words}");
    }
}
