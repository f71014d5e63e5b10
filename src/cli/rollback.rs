//! `mstack rollback`: the services of a good revision, as an edit of the spec. The operator puts services back by itself when a
//! revision fails; this makes the spec agree with them, or goes back from one that is good and unwanted.
use serde_json::{Value, json};

use super::common::access::{self, name_of};
use super::common::change::{self, Edit, Options};
use super::common::revisions::{self, Asked, Recorded};
use super::common::{next, output};
use super::history::words;
use super::plan::merge_patch;
use crate::model::active;
use crate::model::revision::{Outcome, Part};

/// Options of `mstack rollback`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It edits the spec: services, their config and their tests are as in the revision; databases, counts, routing and \
    profiles stay. It needs the right to list controllerrevisions.apps."
)]
pub struct Args {
    /// Stack.
    stack: String,
    /// Name or number of a revision in `mstack history`; by default the last good one that the spec does not ask for.
    #[arg(id = "revision", long = "to", value_name = "REVISION")]
    to: Option<String>,
    #[command(flatten)]
    options: Options,
}

/// Goes back to a revision.
///
/// # Errors
/// When there is no such revision, the spec asks for it already, or the cluster refuses.
pub fn run(args: &Args) -> output::Result {
    access::block_on(change::change_after_a_look(&args.options, Some(&args.stack), async |access, stack| {
        edit(stack, &revisions::read(access, stack).await?, args.to.as_deref())
    }))
}

fn edit(stack: &Value, recorded: &[Recorded], to: Option<&str>) -> Result<Edit, String> {
    let asked = revisions::asked(stack)?;
    let target = target(recorded, &asked, to, stack)?;
    let part = target.part.as_ref().ok_or_else(|| {
        format!("the record of {}, its ControllerRevision, cannot be read by this version of mstack", target.name)
    })?;
    let live = |name: &str| {
        let desired = stack["status"]["services"][name]["instances"]["desired"].as_i64();
        desired.and_then(|count| i32::try_from(count).ok())
    };
    let spec = part.written_back(&asked.spec, live);
    let value = |spec| serde_json::to_value(spec).unwrap_or_default();
    let (before, after) = (value(&asked.spec), value(&spec));
    let patch = json!({ "spec": merge_patch(&before, &after, &before) });
    change::judged(stack, &patch)
        .map_err(|violations| format!("the services of {} do not fit the rest of the spec: {violations}", target.name))?;
    let now = Part::of(&active(&spec));
    let mut lines = words::changes(&asked.part, &now);
    lines.extend(gone_with_services(&before, &after));
    if lines.is_empty() {
        return Err(format!("nothing would change: what differs in {} is off with its profile", target.name));
    }
    lines.insert(0, format!("{} -> {}", asked.name, now.clone().revision(name_of(stack)).name));
    Ok(Edit { patch, lines, notes: notes(&asked.part, part, &now) })
}

/// The revision that is meant.
fn target<'a>(recorded: &'a [Recorded], asked: &Asked, to: Option<&str>, stack: &Value) -> Result<&'a Recorded, String> {
    let (name, history) = (name_of(stack), next::command("history STACK", stack));
    let Some(to) = to else {
        let others = recorded.iter().filter(|one| one.name != asked.name);
        return revisions::last_good(others).ok_or_else(|| {
            format!("there is no good revision of {name} to go back to, other than what its spec asks for; see `{history}`")
        });
    };
    let found = revisions::find(recorded, to, stack)?;
    if found.name == asked.name {
        return Err(format!("nothing would change: the spec of {name} asks for {} already", found.name));
    }
    if found.record.outcome == Outcome::Failed {
        return Err(format!(
            "{} failed ({}), so the operator would put it back; `{history}` shows the good ones",
            found.name, found.record.reason
        ));
    }
    Ok(found)
}

/// Jobs that need a service which goes.
fn gone_with_services(before: &Value, after: &Value) -> Vec<String> {
    let jobs = before["jobs"].as_object().into_iter().flatten().map(|(name, _)| name);
    jobs.filter(|name| after["jobs"][name.as_str()].is_null())
        .map(|name| format!("job {name} goes, for it uses a service that goes"))
        .collect()
}

fn notes(from: &Part, wanted: &Part, got: &Part) -> Vec<String> {
    let mut notes = vec![
        "databases, counts, routing and profiles stay as they are".to_owned(),
        "a file or repository that the stack is applied from has the newer services still: change it there, too, or its next \
         sync undoes this"
            .to_owned(),
    ];
    let off: Vec<&str> = wanted.services.keys().filter(|name| !got.services.contains_key(*name)).map(String::as_str).collect();
    if !off.is_empty() {
        notes.push(format!("{} stay off, for none of their profiles is on", off.join(", ")));
    }
    if from.services.values().any(|service| service.migrate.is_some()) {
        notes.push("migrations are not undone: the former services have to do with the databases as they are".to_owned());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Record;

    fn part(spec: &Value) -> Part {
        Part::of(&active(&serde_json::from_value(spec.clone()).unwrap()))
    }

    fn recorded(number: i64, outcome: Outcome, spec: &Value) -> Recorded {
        let part = part(spec);
        let record = Record { outcome, number, reason: "api made no progress for 5 s".to_owned(), ..Record::default() };
        Recorded { name: part.clone().revision("shop").name, record, at: None, part: Some(part) }
    }

    fn spec(tag: &str) -> Value {
        json!({"services": {
            "web": {"image": format!("web:{tag}"), "replicas": 2, "uses": ["orders", "api"]},
            "api": {"image": "api:1"},
        }, "databases": {"orders": {"engine": "postgres", "ephemeral": true}}})
    }

    fn stack(tag: &str) -> Value {
        let mut spec = spec(tag);
        spec["services"]["web"]["replicas"] = json!(7);
        spec["services"]["extra"] = json!({"image": "extra:1", "migrate": {"command": ["/m"]}});
        json!({"apiVersion": "microservicestack.dev/v1alpha1", "kind": "MicroserviceStack", "metadata": {"name": "shop", "namespace": "shop"}, "spec": spec})
    }

    fn history() -> Vec<Recorded> {
        let failed = recorded(3, Outcome::Failed, &stack("3")["spec"]);
        vec![failed, recorded(2, Outcome::Good, &spec("2")), recorded(1, Outcome::Good, &spec("1"))]
    }

    #[test]
    fn rule_7_the_spec_has_the_services_of_the_last_good_revision_and_keeps_its_counts() {
        let edit = edit(&stack("3"), &history(), None).unwrap();
        assert_eq!(edit.patch, json!({"spec": {"services": {"web": {"image": "web:2"}, "extra": null}}}));
        let names: Vec<String> = history().into_iter().map(|one| one.name).collect();
        assert_eq!(
            edit.lines,
            [format!("{} -> {}", names[0], names[1]), "extra goes".to_owned(), "web: image web:3 -> web:2".to_owned()]
        );
        assert_eq!(edit.notes.len(), 3, "{:?}", edit.notes);
    }

    #[test]
    fn an_earlier_one_is_meant_by_name_or_number_and_from_a_good_one_the_one_before() {
        let history = history();
        for to in ["1", &history[2].name] {
            assert_eq!(edit(&stack("3"), &history, Some(to)).unwrap().patch["spec"]["services"]["web"]["image"], "web:1", "{to}");
        }
        let good = json!({"metadata": {"name": "shop"}, "apiVersion": "microservicestack.dev/v1alpha1", "kind": "MicroserviceStack", "spec": spec("2")});
        assert_eq!(edit(&good, &history[1..], None).unwrap().patch, json!({"spec": {"services": {"web": {"image": "web:1"}}}}));
    }

    #[test]
    fn what_leads_nowhere_is_refused_with_what_to_do() {
        let history = history();
        let refused = |stack: &Value, history: &[Recorded], to: Option<&str>| edit(stack, history, to).unwrap_err();
        let near = format!("{}x", history[1].name);
        assert!(refused(&stack("3"), &history, Some(&near)).contains(&format!("did you mean `{}`?", history[1].name)));
        assert!(refused(&stack("3"), &history, Some("9")).contains("`mstack history shop -n shop` shows"));
        assert!(refused(&stack("4"), &history, Some("3")).contains("failed (api made no progress for 5 s)"));
        assert!(refused(&stack("3"), &history, Some("3")).contains("asks for"));
        assert!(refused(&stack("3"), &history[..1], None).contains("there is no good revision"));
        let unreadable = Recorded { part: None, ..history[1].clone() };
        assert!(refused(&stack("3"), &[unreadable], None).contains("cannot be read"));
        let mut without = stack("3");
        without["spec"]["databases"] = json!({});
        without["spec"]["services"]["web"]["uses"] = json!(["api"]);
        let words = refused(&without, &history, None);
        assert!(words.contains("do not fit the rest of the spec") && words.contains("`orders`"), "{words}");
    }
}
