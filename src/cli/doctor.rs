//! `mstack doctor`: whether a cluster has what stacks need, and whether the operator works; each check with why it matters and
//! what mends it.
mod checks;
mod judge;
pub mod view;

use futures::future::join_all;

use super::common::access::{self, Access, Connection};
use super::common::output::{self, Form, Outcome, Screen};
use checks::{CHECKS, Check};
use view::{Finding, State};

/// Options of `mstack doctor`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 nothing is wrong, 1 something is, 2 it could not be asked. What the rights of the user do not \
    cover is unknown, and nothing is wrong with it."
)]
pub struct Args {
    /// Before an installation: what the cluster needs to have, and whether you may install.
    #[arg(long)]
    pre: bool,
    /// Only these checks, separated by commas.
    #[arg(long, value_name = "CHECK", value_delimiter = ',', value_parser = known)]
    only: Vec<String>,
    /// Without these checks, separated by commas.
    #[arg(long, value_name = "CHECK", value_delimiter = ',', value_parser = known)]
    skip: Vec<String>,
    /// Form of the answer.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Form,
    #[command(flatten)]
    connection: Connection,
}

impl Args {
    fn wants(&self, check: &Check) -> bool {
        let names = |ids: &[String]| ids.iter().any(|id| id == check.id);
        (if self.only.is_empty() { check.is_due(self.pre) } else { names(&self.only) }) && !names(&self.skip)
    }
}

fn known(name: &str) -> Result<String, String> {
    if CHECKS.iter().any(|check| check.id == name) {
        return Ok(name.to_owned());
    }
    let all: Vec<&str> = CHECKS.iter().map(|check| check.id).collect();
    Err(format!("there is no such check; there are {}", all.join(", ")))
}

/// Makes the checks.
///
/// # Errors
/// When the cluster cannot be reached.
pub fn run(args: &Args, screen: Screen) -> output::Result {
    access::block_on(async {
        let access = args.connection.open().await?;
        let findings = findings(&access, args.pre, |check| args.wants(check)).await?;
        output::data(&match args.output {
            Form::Text => view::text(&findings, screen),
            Form::Json => view::json(&findings),
        })?;
        Ok(if findings.iter().any(|finding| finding.state == State::Bad) { Outcome::Found } else { Outcome::Good })
    })
}

/// What the checks find that are wanted.
///
/// # Errors
/// When the cluster cannot be reached.
pub async fn findings(access: &Access, before: bool, wanted: impl Fn(&Check) -> bool) -> Result<Vec<Finding>, String> {
    let reached = checks::reached(access).await?;
    let findings = CHECKS.iter().filter(|check| wanted(check)).map(|check| {
        let reached = &reached;
        async move {
            let (state, message, fix) = (check.run)(access, reached, before).await;
            Finding { id: check.id, state, message, why: check.why, fix }
        }
    });
    Ok(join_all(findings).await)
}
