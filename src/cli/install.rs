//! `mstack install`: the operator and its definition, as the chart would install them, by server-side apply.
pub mod objects;
pub mod place;
pub mod wait;

use std::time::Duration;

use super::common::access::{self, Connection};
use super::common::output::{self, Outcome, Screen};
use super::doctor::{self, view::State};
use objects::{Choice, objects};

/// Options of `mstack install`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It installs what the chart does with its defaults; for other values, or some namespaces alone, use the chart. Run \
    again, by a newer version too, it upgrades. Exit codes: 0 the operator works, 1 it does not in time, 2 it could not be installed."
)]
pub struct Args {
    /// Image of the operator; by default that of this version.
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// Serve the page that `mstack ui` opens.
    #[arg(long)]
    ui: bool,
    /// Print the manifests, for `kubectl apply --server-side -f -`; no cluster is asked.
    #[arg(long)]
    dry_run: bool,
    /// Longest wait until the operator works.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = access::duration)]
    timeout: Duration,
    #[command(flatten)]
    connection: Connection,
}

/// Installs the operator and waits until it works.
///
/// # Errors
/// When the cluster refuses it, or has another one.
pub fn run(args: &Args, screen: Screen) -> output::Result {
    let choice = Choice { namespace: args.connection.place_of_operator()?, image: args.image.clone(), ui: args.ui };
    let objects = objects(&choice)?;
    if args.dry_run {
        output::data(&manifests(&choice.namespace, &objects)?)?;
        return Ok(Outcome::Good);
    }
    access::block_on(async {
        let access = args.connection.open().await?.within(&choice.namespace);
        place::is_free(&access).await?;
        let findings = doctor::findings(&access, true, |check| check.is_due(true)).await?;
        let told: Vec<_> = findings.into_iter().filter(|finding| finding.state != State::Good).collect();
        eprint!("{}", doctor::view::text(&told, screen));
        if told.iter().any(|finding| finding.state == State::Bad) {
            return Err("nothing is installed before that is mended".to_owned());
        }
        place::make_namespace(&access).await?;
        let (definition, others) = objects.split_first().ok_or("nothing to install")?;
        place::apply(&access, definition).await?;
        wait::until_served(&access, args.timeout).await?;
        for object in others {
            place::apply(&access, object).await?;
        }
        eprintln!("{} objects are applied in the namespace {}", objects.len(), choice.namespace);
        if let Err(standing) = wait::until_available(&access, args.timeout).await? {
            eprintln!("error: the operator does not work within {} s: {standing}", args.timeout.as_secs());
            return Ok(Outcome::Found);
        }
        output::data(&format!("mstack {} is installed in {}\n", env!("CARGO_PKG_VERSION"), choice.namespace))?;
        let (usual, lease) = &access.operator;
        let place = if choice.namespace == *usual { String::new() } else { format!(" --operator {}/{lease}", choice.namespace) };
        eprintln!("next: `mstack init` writes a stack to begin with, `mstack doctor{place}` looks at it all");
        Ok(Outcome::Good)
    })
}

/// The manifests, with the namespace.
fn manifests(namespace: &str, objects: &[serde_json::Value]) -> Result<String, String> {
    let place = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    let yaml = |object| serde_saphyr::to_string(object).map(|text| format!("---\n{text}")).map_err(|error| error.to_string());
    std::iter::once(&place).chain(objects).map(yaml).collect()
}
