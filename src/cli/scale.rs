//! `mstack scale`: the counts of services and databases, and the bounds of autoscalers.
use std::str::FromStr;

use serde_json::{Value, json};

use super::common::access;
use super::common::change::{self, Edit, Options};
use super::common::{components, next, output};

/// Options of `mstack scale`.
#[derive(Debug, clap::Args)]
#[command(after_help = "The count of a service with `scale` is its autoscaler's; NAME=MIN..MAX moves its bounds.")]
pub struct Args {
    /// Stack.
    stack: String,
    /// NAME=COUNT, NAME=+MORE, NAME=-LESS, or NAME=MIN..MAX for a service with an autoscaler.
    #[arg(required = true, value_name = "NAME=COUNT")]
    counts: Vec<Wish>,
    #[command(flatten)]
    options: Options,
}

/// A component and what it is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wish {
    name: String,
    count: Count,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    To(i64),
    By(i64),
    Between(i64, i64),
}

impl FromStr for Wish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not written like `api=5`, `api=+2`, `api=-1` or `api=2..10`");
        let number = |text: &str| text.parse::<u32>().map(i64::from).map_err(|_| wrong());
        let (name, count) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(wrong)?;
        let count = match (count.split_once(".."), count.strip_prefix('+'), count.strip_prefix('-')) {
            (Some((min, max)), _, _) => Count::Between(number(min)?, number(max)?),
            (_, Some(more), _) => Count::By(number(more)?),
            (_, _, Some(less)) => Count::By(-number(less)?),
            _ => Count::To(number(count)?),
        };
        Ok(Self { name: name.to_owned(), count })
    }
}

/// Scales components.
///
/// # Errors
/// When one of them cannot be scaled so, or the cluster refuses.
pub fn run(args: &Args) -> output::Result {
    access::block_on(change::change(&args.options, Some(&args.stack), |stack| edit(stack, &args.counts)))
}

fn edit(stack: &Value, wishes: &[Wish]) -> Result<Edit, String> {
    let mut edit = Edit::default();
    for wish in wishes {
        let (part, fields, line) = one(stack, wish)?;
        if let Some(fields) = fields {
            edit.patch["spec"][part][&wish.name] = fields;
        }
        edit.lines.push(line);
    }
    if !edit.patch.is_null() {
        judge(stack, &edit.patch)?;
    }
    if stack["spec"]["hibernate"] == json!(true) {
        edit.notes.push("the stack hibernates: the counts are those that it wakes with".to_owned());
    }
    Ok(edit)
}

/// Part of the spec, fields to merge (none: it is so already), and what is said.
fn one(stack: &Value, wish: &Wish) -> Result<(&'static str, Option<Value>, String), String> {
    let name = &wish.name;
    let (service, database) = (&stack["spec"]["services"][name], &stack["spec"]["databases"][name]);
    let (part, field, spec) = match (service.is_object(), database.is_object()) {
        (true, _) => ("services", "replicas", service),
        (_, true) => ("databases", "instances", database),
        _ => return Err(components::unknown(stack, name)),
    };
    let scale = &spec["scale"];
    let now = spec[field].as_i64().unwrap_or(1);
    let count = match wish.count {
        Count::Between(min, max) if scale.is_object() => {
            let (low, high) = (scale["min"].as_i64().unwrap_or(1), scale["max"].as_i64().unwrap_or_default());
            let line = format!("{name} {low}..{high} -> {min}..{max}");
            let same = (low, high) == (min, max);
            return Ok((part, (!same).then(|| json!({ "scale": { "min": min, "max": max } })), line));
        }
        Count::Between(..) => {
            return Err(format!(
                "`{name}` has no autoscaler, so its count is one number: `{}`; an autoscaler needs `scale` with a target in the spec",
                next::command(&format!("scale STACK {name}=3"), stack)
            ));
        }
        _ if scale.is_object() => {
            let (min, max) = (scale["min"].as_i64().unwrap_or(1), scale["max"].as_i64().unwrap_or_default());
            return Err(format!(
                "the count of `{name}` is its autoscaler's, which would undo it; move its bounds instead, now {min}..{max}: `{}`",
                next::command(&format!("scale STACK {name}=MIN..MAX"), stack)
            ));
        }
        Count::To(count) => count,
        Count::By(more) => now + more,
    };
    if count < 0 {
        return Err(format!("{count} is no count of instances; `{name}` has {now}"));
    }
    if count == now {
        return Ok((part, None, format!("{name} has {now} already")));
    }
    Ok((part, Some(json!({ field: count })), format!("{name} {now} -> {count}")))
}

/// Refuses what the operator would refuse, as far as no cluster is needed, unless the spec was not valid before.
fn judge(stack: &Value, patch: &Value) -> Result<(), String> {
    if change::judged(stack, &json!({})).is_err() { Ok(()) } else { change::judged(stack, patch) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled(counts: &[&str]) -> Result<Edit, String> {
        let stack = json!({"apiVersion": "microservicestack.dev/v1alpha1", "kind": "MicroserviceStack", "metadata": {"name": "shop", "namespace": "shop"}, "spec": {
            "services": {"web": {"image": "web:1", "replicas": 3}, "api": {"image": "api:1", "scale": {"min": 2, "max": 20, "cpu": 70}, "resources": {"cpu": "100m"}}, "one": {"image": "one:1"}},
            "databases": {"orders": {"engine": "custom", "image": "own:1", "port": 9200, "ephemeral": true}}}});
        let wishes: Vec<Wish> = counts.iter().map(|text| text.parse().unwrap()).collect();
        edit(&stack, &wishes)
    }

    #[test]
    fn counts_are_set_raised_and_lowered_in_one_patch() {
        let edit = scaled(&["web=+2", "one=4", "api=3..10"]).unwrap();
        assert_eq!(
            edit.patch,
            json!({"spec": {"services": {"web": {"replicas": 5}, "one": {"replicas": 4}, "api": {"scale": {"min": 3, "max": 10}}}}})
        );
        assert_eq!(edit.lines, ["web 3 -> 5", "one 1 -> 4", "api 2..20 -> 3..10"]);
        assert_eq!(scaled(&["web=-3"]).unwrap().lines, ["web 3 -> 0"]);
        assert_eq!(scaled(&["web=3"]).unwrap(), Edit { lines: vec!["web has 3 already".to_owned()], ..Edit::default() });
    }

    #[test]
    fn rule_2_a_count_that_is_an_autoscalers_is_refused_with_what_to_do() {
        assert!(scaled(&["api=5"]).unwrap_err().contains("`mstack scale shop api=MIN..MAX -n shop`"));
        assert!(scaled(&["api=+1"]).is_err());
        assert!(scaled(&["web=1..5"]).unwrap_err().contains("has no autoscaler"));
    }

    #[test]
    fn what_cannot_be_is_refused_before_it_is_sent() {
        assert!(scaled(&["wep=2"]).unwrap_err().contains("did you mean `web`?"));
        assert!(scaled(&["web=-4"]).unwrap_err().contains("-1 is no count of instances"));
        assert!(scaled(&["orders=3"]).unwrap_err().contains("data loss"));
        assert!(scaled(&["api=5..2"]).is_err());
    }

    #[test]
    fn a_count_is_written_in_one_of_four_forms() {
        for wrong in ["web", "=3", "web=", "web=x", "web=1..", "web=--1", "web=1.5"] {
            assert!(wrong.parse::<Wish>().is_err(), "{wrong}");
        }
    }
}
