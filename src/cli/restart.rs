//! `mstack restart`: new instances of the same template, one after the other. The time of the restart is an annotation of the
//! stack, from where the operator takes it into the pod templates: an edit of a Deployment would be put back as drift.
use std::collections::BTreeMap;

use k8s_openapi::jiff::{Timestamp, Unit};
use serde_json::{Value, json};

use super::common::access::{self, name_of};
use super::common::change::{self, Edit, Options};
use super::common::{components, output};
use crate::model::RESTARTED_AT;

/// Options of `mstack restart`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Services are restarted without an outage: a new instance serves before an old one ends. A database \
    is restarted only where it is named, and one with a single instance does not serve meanwhile.")]
pub struct Args {
    /// Stack.
    stack: String,
    /// Services and databases; by default all services.
    components: Vec<String>,
    /// Restart a database that keeps its data nowhere, too: the data is lost.
    #[arg(long)]
    lose_data: bool,
    #[command(flatten)]
    options: Options,
}

/// Restarts components.
///
/// # Errors
/// When one of them is not there, or the cluster refuses.
pub fn run(args: &Args) -> output::Result {
    let now = Timestamp::now().round(Unit::Second).map_err(|error| error.to_string())?.to_string();
    access::block_on(change::change(&args.options, Some(&args.stack), |stack| {
        edit(stack, &args.components, args.lose_data, &now)
    }))
}

fn edit(stack: &Value, named: &[String], lose_data: bool, now: &str) -> Result<Edit, String> {
    let keys = |part: &str| stack["spec"][part].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    let (services, databases): (Vec<String>, Vec<String>) = (keys("services"), keys("databases"));
    let all = || services.iter().chain(&databases);
    for name in named {
        if !all().any(|known| known == name) {
            return Err(components::unknown(stack, name));
        }
        let database = &stack["spec"]["databases"][name];
        if database["engine"] == json!("external") {
            return Err(format!("`{name}` is outside the stack, and is not run here; restart it where it runs"));
        }
        if database["ephemeral"] == json!(true) && !lose_data {
            return Err(format!("`{name}` keeps its data nowhere, so a restart loses it; --lose-data restarts it all the same"));
        }
    }
    let chosen: Vec<&String> = if named.is_empty() { services.iter().collect() } else { named.iter().collect() };
    if chosen.is_empty() {
        return Err(format!("the stack {} has no services; name a database to restart it", name_of(stack)));
    }
    let text = stack["metadata"]["annotations"][RESTARTED_AT].as_str().unwrap_or_default();
    let mut times: BTreeMap<String, String> = serde_json::from_str(text).unwrap_or_default();
    times.retain(|name, _| all().any(|known| known == name));
    times.extend(chosen.iter().map(|name| ((*name).clone(), now.to_owned())));
    let times = serde_json::to_string(&times).map_err(|error| error.to_string())?;
    let mut notes = Vec::new();
    if stack["spec"]["hibernate"] == json!(true) {
        notes.push("the stack hibernates, so there is no instance to restart".to_owned());
    }
    Ok(Edit {
        patch: json!({ "metadata": { "annotations": { RESTARTED_AT: times } } }),
        lines: chosen.iter().map(|name| format!("{name} is restarted")).collect(),
        notes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-01-31T12:00:00Z";

    fn stack() -> Value {
        json!({"metadata": {"name": "shop", "annotations": {RESTARTED_AT: r#"{"web":"2025-01-01T00:00:00Z","gone":"2025-01-01T00:00:00Z"}"#}},
            "spec": {"services": {"web": {}, "api": {}}, "databases": {"orders": {"engine": "postgres"}, "cache": {"ephemeral": true}, "old": {"engine": "external"}}}})
    }

    fn restart(named: &[&str]) -> Result<Edit, String> {
        let named: Vec<String> = named.iter().map(|&name| name.to_owned()).collect();
        edit(&stack(), &named, false, NOW)
    }

    #[test]
    fn without_names_all_services_are_restarted_and_no_database() {
        assert_eq!(restart(&[]).unwrap().lines, ["api is restarted", "web is restarted"]);
    }

    #[test]
    fn the_times_of_others_stay_and_those_of_what_is_gone_go() {
        let edit = restart(&["orders"]).unwrap();
        let times = r#"{"orders":"2026-01-31T12:00:00Z","web":"2025-01-01T00:00:00Z"}"#;
        assert_eq!(edit.patch, json!({"metadata": {"annotations": {RESTARTED_AT: times}}}));
    }

    #[test]
    fn what_is_not_there_or_would_lose_data_is_refused_with_what_to_do() {
        assert!(restart(&["wep"]).unwrap_err().contains("did you mean `web`?"));
        assert!(restart(&["cache"]).unwrap_err().contains("--lose-data"));
        assert!(restart(&["old"]).unwrap_err().contains("outside the stack"));
    }
}
