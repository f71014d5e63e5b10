//! `mstack explain`: a field of the stack, from the schema; or a code, from the table of codes.
use std::fmt::Write;

use serde_json::{Map, Value};

use super::output::{self, Colour, Outcome, Screen, wrap};
use crate::codes::{CODES, Code};
use crate::lint::{SCHEMA, limits, type_of};
use crate::model::did_you_mean;

/// Options of `mstack explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  mstack explain services.scale\n  mstack explain spec.databases.orders.storage.size\n  \
    mstack explain MS0708\n  mstack explain codes")]
pub struct Args {
    /// Field, with or without the names of components; a code; or `codes` for all of them.
    #[arg(default_value = "spec", value_name = "FIELD|CODE")]
    what: String,
}

const INDENT: usize = 2;
const NAME: &str = "NAME";

/// Prints what is known of a field or a code.
///
/// # Errors
/// When there is no such field or code.
pub fn run(args: &Args, screen: Screen) -> output::Result {
    let text = match Code::parse(&args.what) {
        Some(code) => of_code(code, screen),
        None if args.what == "codes" => codes(),
        None if args.what.to_ascii_uppercase().strip_prefix("MS").is_some_and(|rest| rest.parse::<u32>().is_ok()) => {
            return Err(format!("there is no code {}; `mstack explain codes` lists them", args.what));
        }
        None => of_field(&args.what, screen)?,
    };
    output::data(&text)?;
    Ok(Outcome::Good)
}

fn codes() -> String {
    CODES.iter().fold(String::new(), |mut out, row| {
        let _ = writeln!(out, "{}  {}", row.code, row.title);
        out
    })
}

fn of_code(code: Code, screen: Screen) -> String {
    let row = code.row();
    let mut out = format!("{}: {}\n\n", screen.paint(Colour::Bold, &code.to_string()), row.title);
    paragraphs(&mut out, row.explanation, screen);
    out
}

fn of_field(what: &str, screen: Screen) -> Result<String, String> {
    let (path, schema, required) = find(what)?;
    let mut out = format!("{} <{}>\n\n", screen.paint(Colour::Bold, &path), type_of(schema));
    paragraphs(&mut out, schema["description"].as_str().unwrap_or_default(), screen);
    let inner = inner(schema);
    let own = limits(schema);
    let of_inner = if std::ptr::eq(inner, schema) { Vec::new() } else { limits(inner) };
    let needed = if required { "Required" } else { "Optional" };
    paragraphs(&mut out, &format!("\n{}.", [vec![needed.to_owned()], own, of_inner].concat().join("; ")), screen);
    if let Some(fields) = inner["properties"].as_object() {
        table(&mut out, inner, fields, screen);
    }
    Ok(out)
}

/// The full path of a field, its schema, and whether it has to be given.
fn find(what: &str) -> Result<(String, &'static Value, bool), String> {
    let steps: Vec<&str> = what.split(['.', '[', ']']).filter(|step| !step.is_empty()).collect();
    let mut schema: &Value = &SCHEMA;
    let (mut path, mut required) = (Vec::<String>::new(), true);
    let mut steps = steps.strip_prefix(&["microservicestack"]).unwrap_or(&steps).iter().peekable();
    let top = |step: &str| SCHEMA["properties"].get(step).is_some();
    if steps.peek().is_some_and(|first| !top(first)) {
        schema = &schema["properties"]["spec"];
        path.push("spec".to_owned());
    }
    while let Some(step) = steps.next() {
        while schema["items"].is_object() {
            schema = &schema["items"];
            if let Some(last) = path.last_mut() {
                last.push_str("[]");
            }
            if step.parse::<usize>().is_ok() {
                break;
            }
        }
        if step.parse::<usize>().is_ok() && path.last().is_some_and(|last| last.ends_with("[]")) {
            continue;
        }
        if schema["additionalProperties"].is_object() {
            let skipped = is_field(&schema["additionalProperties"], step, steps.peek());
            schema = &schema["additionalProperties"];
            path.push(NAME.to_owned());
            required = false;
            if !skipped {
                continue;
            }
        }
        let fields = schema["properties"].as_object();
        let Some(field) = fields.and_then(|fields| fields.get(*step)) else {
            let known = fields.into_iter().flat_map(Map::keys).map(String::as_str);
            let fix = did_you_mean(step, known, &format!("`mstack explain {}` lists what is there", path.join(".")));
            return Err(format!("there is no field `{step}` in {}; {fix}", path.join(".")));
        };
        required = schema["required"].as_array().is_some_and(|names| names.iter().any(|name| name == step));
        schema = field;
        path.push((*step).to_owned());
    }
    Ok((path.join("."), schema, required))
}

/// Whether a step is a field of a component rather than the name of one: what comes after it fits the field.
fn is_field(component: &Value, step: &str, next: Option<&&&str>) -> bool {
    component["properties"].get(step).is_some_and(|field| {
        next.is_none_or(|next| inner(field)["properties"].get(**next).is_some() || field["additionalProperties"].is_object())
    })
}

/// What a map or list holds, else the schema itself.
fn inner(schema: &Value) -> &Value {
    [&schema["additionalProperties"], &schema["items"]].into_iter().find(|inner| inner.is_object()).unwrap_or(schema)
}

fn table(out: &mut String, schema: &Value, fields: &Map<String, Value>, screen: Screen) {
    let needed = |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|other| other == name));
    let shown = |name: &str, field: &Value| format!("{name}{} <{}>", if needed(name) { "*" } else { "" }, type_of(field));
    let widest = fields.iter().map(|(name, field)| shown(name, field).chars().count()).max().unwrap_or_default();
    out.push_str("\nFields (* required):\n");
    for (name, field) in fields {
        let lines = wrap(&in_short(field), screen.width.saturating_sub(widest + 4).max(24));
        for (number, line) in lines.iter().enumerate() {
            let head = if number == 0 { shown(name, field) } else { String::new() };
            let _ = writeln!(out, "{:INDENT$}{head:widest$}  {line}", "");
        }
        if lines.is_empty() {
            let _ = writeln!(out, "{:INDENT$}{}", "", shown(name, field));
        }
    }
}

/// The first sentence of a description, and what holds by default.
fn in_short(field: &Value) -> String {
    let text = field["description"].as_str().unwrap_or_default();
    let mut sentences = text.split(". ").map(|sentence| sentence.trim_end_matches('.'));
    let first = sentences.next().unwrap_or_default();
    let default = sentences.find(|sentence| sentence.to_ascii_lowercase().contains("by default"));
    let clause =
        default.and_then(|sentence| sentence.split(';').find(|clause| clause.to_ascii_lowercase().contains("by default")));
    let first = without_map(first);
    clause.map_or_else(|| first.clone(), |clause| format!("{first} ({})", clause.trim().replace("By default", "by default")))
}

/// Without the example of a map: that is for the field's own page.
fn without_map(sentence: &str) -> String {
    let cut = sentence.split_once(", such as `{").and_then(|(before, rest)| Some((before, rest.split_once('`')?.1)));
    cut.map_or_else(|| sentence.to_owned(), |(before, after)| format!("{before}{after}"))
}

fn paragraphs(out: &mut String, text: &str, screen: Screen) {
    for line in wrap(text, screen.width - INDENT) {
        let _ = writeln!(out, "{}", format!("{:INDENT$}{line}", "").trim_end());
    }
}
