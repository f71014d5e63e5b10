//! `mstack top`: what the components of a stack use, beside what they ask for.
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::common::access::{self, Connection};
use super::common::metrics::{self, Use};
use super::common::output::{self, Outcome, Screen};
use super::common::refusal::Refusal;
use super::common::table::{Cell, table};
use super::status::view::mebibytes;
use crate::model::quantity::Quantity;

/// Options of `mstack top`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Stack; by default the only one of the namespace.
    stack: Option<String>,
    /// Each pod.
    #[arg(long)]
    pods: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Prints what is used.
///
/// # Errors
/// When the stack cannot be read.
pub fn run(args: &Args, screen: Screen) -> output::Result {
    access::block_on(async {
        let access = args.connection.open().await?;
        let stack = access.stack(args.stack.as_deref()).await?;
        match metrics::of(&access, super::common::access::name_of(&stack)).await {
            Ok(uses) => {
                let unmeasured = unmeasured(&stack, &uses);
                if !unmeasured.is_empty() {
                    eprintln!("nothing is measured of {}; of new pods it takes some seconds", unmeasured.join(", "));
                }
                output::data(&shown(&stack, &uses, args.pods, screen))?;
                Ok(Outcome::Good)
            }
            Err(Refusal::NoSuchKind(_) | Refusal::Other(_)) => {
                Err("this cluster does not measure what pods use; install metrics-server, `scale` needs it as well".to_owned())
            }
            Err(refusal) => Err(refusal.to_string()),
        }
    })
}

fn shown(stack: &Value, uses: &[Use], pods: bool, screen: Screen) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for one in uses {
        *counts.entry(&one.component).or_default() += 1;
    }
    let row = |component: &str, name: &str, count: u64, cpu: u64, memory: u64| -> Vec<Cell> {
        let asked =
            |resource: &str, parts: u32| requested(stack, component, resource).map(|amount| amount.in_parts(parts) * count);
        let of = |used: u64, asked: Option<u64>| asked.filter(|asked| *asked > 0).map(|asked| format!("{}%", used * 100 / asked));
        vec![
            name.into(),
            count.to_string().into(),
            format!("{cpu}m").into(),
            of(cpu, asked("cpu", 1000)).unwrap_or_default().into(),
            mebibytes(memory).into(),
            of(memory, asked("memory", 1)).unwrap_or_default().into(),
        ]
    };
    let mut rows = Vec::new();
    if pods {
        let mut sorted: Vec<&Use> = uses.iter().collect();
        sorted.sort_by_key(|one| std::cmp::Reverse((one.cpu, one.memory)));
        rows.extend(sorted.into_iter().map(|one| row(&one.component, &one.pod, 1, one.cpu, one.memory)));
    } else {
        let sums = metrics::by_component(uses);
        rows.extend(sums.iter().map(|(name, (cpu, memory))| row(name, name, counts[name.as_str()], *cpu, *memory)));
    }
    let head = if pods { "POD" } else { "COMPONENT" };
    table(&[head, "PODS", "CPU", "OF REQUEST", "MEMORY", "OF REQUEST"], &rows, screen)
}

/// Components that have instances, and no pod that is measured.
fn unmeasured<'a>(stack: &'a Value, uses: &[Use]) -> Vec<&'a str> {
    let all = ["services", "databases"].into_iter().flat_map(|part| stack["status"][part].as_object().into_iter().flatten());
    let runs = all.filter(|(_, component)| component["instances"]["desired"].as_i64() > Some(0));
    runs.map(|(name, _)| name.as_str()).filter(|name| uses.iter().all(|one| one.component != *name)).collect()
}

/// What one instance of a component asks for.
fn requested(stack: &Value, component: &str, resource: &str) -> Option<Quantity> {
    let spec = [&stack["spec"]["services"][component], &stack["spec"]["databases"][component]]
        .into_iter()
        .find(|spec| spec.is_object())?;
    let own = &spec["resources"];
    let amount =
        [&own[resource], &own["requests"][resource], &own["limits"][resource]].into_iter().find(|amount| !amount.is_null())?;
    let text = amount.as_str().map_or_else(|| json!(amount).to_string(), str::to_owned);
    Quantity::parse(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_whose_pods_are_not_measured_are_named() {
        let one = |count: i64| json!({"instances": {"desired": count}});
        let stack =
            json!({"status": {"services": {"web": one(2), "api": one(1), "off": one(0)}, "databases": {"orders": one(1)}}});
        let uses = [Use { component: "web".to_owned(), pod: "web-1".to_owned(), cpu: 1, memory: 1 }];
        assert_eq!(unmeasured(&stack, &uses), ["api", "orders"]);
    }

    #[test]
    fn what_is_used_stands_beside_what_is_asked_for() {
        let stack = json!({"spec": {"services": {"web": {"resources": {"cpu": "100m", "memory": "64Mi"}}, "api": {}}}});
        let one = |component: &str, pod: &str, cpu: u64, memory: u64| Use {
            component: component.to_owned(),
            pod: pod.to_owned(),
            cpu,
            memory,
        };
        let uses = [one("web", "web-1", 60, 32 << 20), one("web", "web-2", 40, 32 << 20), one("api", "api-1", 5, 1 << 20)];
        let screen = Screen { colour: false, width: 80, unicode: true };
        assert_eq!(
            shown(&stack, &uses, false, screen),
            "COMPONENT  PODS  CPU   OF REQUEST  MEMORY  OF REQUEST\napi        1     5m                1Mi\nweb        2     100m  50%         64Mi    50%\n"
        );
        assert!(shown(&stack, &uses, true, screen).contains("web-1  1     60m  60%         32Mi    50%"));
    }
}
