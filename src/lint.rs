//! What is wrong with a manifest, all at once and with its place: the shape as the API server judges it, the rules of the
//! schema, and the model's own check. Pure: text in, findings out.
mod advice;
mod allow;
pub mod editor;
mod elsewhere;
mod locate;
mod rules;
mod schema;

use std::sync::LazyLock;

use serde_json::Value as Json;

use crate::api::{self, MicroserviceStack, StackSpec};
use crate::codes::Code;
use crate::model::{self, Facts, Stack, Violation};
use crate::yaml::{self, Document, Node, Span};

pub use elsewhere::instead_of;
pub use schema::{limits, type_of};

const GROUP: &str = "microservicestack.dev/";
const VERSION: &str = "microservicestack.dev/v1alpha1";
const KIND: &str = "MicroserviceStack";

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The API server or the operator refuses it.
    Error,
    /// It holds nothing back.
    Warning,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which kind of mistake it is.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// Place in the object, such as `spec.services.api.uses[1]`; empty for the file.
    pub path: String,
    /// What and why.
    pub reason: String,
    /// What to do; may be empty.
    pub fix: String,
    /// Whether the API server refuses it already at `kubectl apply`.
    pub refused: bool,
    /// Place in the text, in bytes.
    pub span: Span,
}

/// A stack that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its name; empty where it has none.
    pub name: String,
    /// Its namespace, where it says one.
    pub namespace: Option<String>,
    /// Place of its name, or of the document.
    pub span: Span,
    /// As it is written, where it can be read.
    pub object: Option<MicroserviceStack>,
}

/// All that is said of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// What is wrong, in the order of the text.
    pub findings: Vec<Finding>,
    /// The stacks.
    pub stacks: Vec<Found>,
    /// What is no stack: its place and kind.
    pub skipped: Vec<(Span, String)>,
}

/// The schema that the API server judges by.
pub static SCHEMA: LazyLock<Json> = LazyLock::new(api::schema);

/// Facts of a cluster that has all that a stack may refer to.
pub fn facts() -> Facts {
    Facts { gateway_api: true, grpc_routes: true, ..Facts::default() }
}

/// Judges all stacks of a text.
pub fn lint(text: &str) -> Report {
    let read = yaml::read(text);
    let mut report = Report::default();
    for (span, words) in &read.errors {
        let fix = "mend this place; what follows in the document is not known";
        report.findings.push(finding(Code::NotYaml, "", words.clone(), fix, span.clone()));
    }
    for document in &read.documents {
        for root in objects(&document.root) {
            judge(document, root, &mut report);
        }
    }
    allow::apply(text, &read.comments, &mut report.findings);
    report.findings.sort_by(|a, b| (a.span.start, a.code, &a.path).cmp(&(b.span.start, b.code, &b.path)));
    report
}

/// Everything that is wrong with one stack, without its places in a text.
pub fn judge_object(root: &Node) -> (Vec<Finding>, Option<MicroserviceStack>) {
    let shape = schema::judge(&SCHEMA, root);
    let mut found = shape.findings;
    for finding in found.iter_mut().filter(|finding| finding.code == Code::NoValue) {
        (finding.severity, finding.refused) = (Severity::Warning, false);
    }
    let mut broken: Vec<&str> = shape.broken.iter().map(|path| component(path)).collect();
    broken.sort_unstable();
    let filled = |path: &str| shape.broken.iter().any(|broken| below(path, broken));
    let mut from_rules = rules::judge(&SCHEMA, &shape.value, &broken);
    from_rules.retain(|finding| !filled(&finding.path));
    let read = serde_json::from_value::<MicroserviceStack>(shape.value);
    let object = match read {
        Ok(object) => object,
        Err(error) => {
            if found.is_empty() {
                found.push(unplaced(Code::Unreadable, "spec", error.to_string(), "see `mstack explain spec`"));
            }
            return (joined(found, from_rules, Vec::new()), None);
        }
    };
    let from_model = match model::check(&object, &facts()) {
        Ok(stack) => stack.notices.iter().map(|notice| of_model(notice, Severity::Warning)).collect(),
        Err(violations) => violations.0.iter().map(|violation| of_model(violation, Severity::Error)).collect(),
    };
    // Which names there are is known of what is broken, too.
    let is_name = |finding: &Finding| finding.code == Code::UnknownComponent && !filled(&finding.path);
    let judged = |finding: &Finding| !broken.contains(&component(&finding.path)) || is_name(finding);
    let from_model: Vec<Finding> = Vec::into_iter(from_model).filter(judged).collect();
    let intact = shape.broken.is_empty();
    let mut found = joined(found, from_rules, from_model);
    let advice = advised(&object.spec, &found, &broken);
    found.extend(advice);
    (found, intact.then_some(object))
}

/// Advice about what is sound: where something is wrong, that comes first.
fn advised(spec: &StackSpec, wrong: &[Finding], broken: &[&str]) -> Vec<Finding> {
    let is_wrong = |path: &str| broken.contains(&component(path)) || wrong.iter().any(|wrong| path.starts_with(&wrong.path));
    let advice = advice::of(spec).0.into_iter().filter(|advice| !is_wrong(&advice.path));
    advice.map(|advice| of_model(&advice, Severity::Warning)).collect()
}

/// The checked stack, in a cluster that has all that it refers to.
///
/// # Errors
/// What is wrong with it, in one text.
pub fn checked(object: &MicroserviceStack) -> Result<Stack, String> {
    model::check(object, &facts()).map_err(|violations| violations.to_string())
}

fn judge(document: &Document, root: &Node, report: &mut Report) {
    let text = |key: &str| root.get(key).and_then(Node::text).unwrap_or_default();
    let (version, kind) = (text("apiVersion"), text("kind"));
    if root.entries().is_empty() || kind.is_empty() {
        let reason = "it is no mapping with `apiVersion` and `kind`";
        let compose = kind.is_empty() && root.get("services").is_some();
        let fix = if compose { "`mstack convert` makes a stack of a Compose file" } else { "add both, or remove the document" };
        report.findings.push(finding(Code::NotAnObject, "", reason, fix, root.span.clone()));
        return;
    }
    if !version.starts_with(GROUP) {
        report.skipped.push((root.span.clone(), format!("{version} {kind}")));
        return;
    }
    if version != VERSION || kind != KIND {
        let reason = format!("`{version}` `{kind}` is not known");
        let fix = format!("write `apiVersion: {VERSION}` and `kind: {KIND}`");
        let key = if version == VERSION { "kind" } else { "apiVersion" };
        report.findings.push(finding(Code::UnknownVersion, key, reason, &fix, locate::span(root, key, false)));
        return;
    }
    let (mut found, object) = judge_object(root);
    for finding in &mut found {
        finding.span = locate::span(root, &finding.path, finding.code == Code::UnknownField);
    }
    let inside = |span: &&(Span, String)| root.span.contains(&span.0.start);
    found.extend(document.duplicates.iter().filter(inside).map(|(span, key)| {
        let reason = format!("`{key}` is given a second time");
        Finding {
            refused: true,
            ..finding(Code::DuplicateKey, locate::path(root, span.start), reason, "keep one of them", span.clone())
        }
    }));
    report.findings.extend(found);
    let metadata = |key: &str| root.get("metadata").and_then(|metadata| metadata.get(key)).and_then(Node::text);
    report.stacks.push(Found {
        name: metadata("name").unwrap_or_default().to_owned(),
        namespace: metadata("namespace").map(str::to_owned),
        span: locate::span(root, "metadata.name", false),
        object,
    });
}

/// The objects of a document: the items of a list, else the document.
fn objects(root: &Node) -> Vec<&Node> {
    let listed = root.get("kind").and_then(Node::text).is_some_and(|kind| kind.ends_with("List"));
    match root.get("items") {
        Some(items) if listed => items.items().iter().collect(),
        _ => vec![root],
    }
}

/// The findings of the three judges, each told once and by the one who knows most: the model's words rather than those
/// of a rule of the same code or of the schema at the same place.
fn joined(shape: Vec<Finding>, rules: Vec<Finding>, mut model: Vec<Finding>) -> Vec<Finding> {
    let mut kept = Vec::new();
    for finding in shape.into_iter().chain(rules) {
        let same =
            |other: &&mut Finding| other.path == finding.path || other.code == finding.code && within(&other.path, &finding.path);
        let mut told = false;
        for other in model.iter_mut().filter(same) {
            other.refused = true;
            told = true;
        }
        if !told {
            kept.push(finding);
        }
    }
    kept.extend(model);
    kept
}

/// Whether a path is that of a place, or of something in it.
fn below(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Whether one path lies within the other, either way round.
fn within(one: &str, other: &str) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

/// The component that a path lies in, or the path itself.
fn component(path: &str) -> &str {
    if !path.starts_with("spec.services.") && !path.starts_with("spec.databases.") {
        return path;
    }
    path.match_indices(['.', '[']).nth(2).map_or(path, |(at, _)| &path[..at])
}

fn of_model(violation: &Violation, severity: Severity) -> Finding {
    let mut finding = unplaced(violation.code, &violation.path, violation.reason.clone(), &violation.fix);
    finding.severity = severity;
    finding.refused = false;
    finding
}

fn unplaced(code: Code, path: &str, reason: impl Into<String>, fix: &str) -> Finding {
    finding(code, path, reason, fix, 0..0)
}

fn finding(code: Code, path: impl Into<String>, reason: impl Into<String>, fix: &str, span: Span) -> Finding {
    Finding {
        code,
        severity: Severity::Error,
        path: path.into(),
        reason: reason.into(),
        fix: fix.to_owned(),
        refused: true,
        span,
    }
}

#[cfg(test)]
mod tests;
