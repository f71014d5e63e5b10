//! `mstack explain`: a field of the stack, from the schema; a code or a word of a status, from the tables of these.
use std::fmt::Write;

use serde_json::{Map, Value};

use super::common::output::{self, Colour, Outcome, Screen, wrap};
use crate::codes::{CODES, Code};
use crate::lint::{SCHEMA, instead_of, limits, type_of};
use crate::model::did_you_mean;
use crate::states::{self, Kind, Row};

/// Options of `mstack explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  mstack explain services.scale\n  mstack explain spec.databases.orders.storage.size\n  \
    mstack explain MS0708\n  mstack explain Degraded\n  mstack explain codes\n  mstack explain words")]
pub struct Args {
    /// Field, with or without the names of components; a code; a word of a status, such as a phase or a reason; `codes` or
    /// `words` for all of them.
    #[arg(default_value = "spec", value_name = "FIELD|CODE|WORD")]
    what: String,
}

const INDENT: usize = 2;
const NAME: &str = "NAME";

/// Prints what is known of a field, a code or a word.
///
/// # Errors
/// When there is none of this name.
pub fn run(args: &Args, screen: Screen) -> output::Result {
    let text = match Code::parse(&args.what) {
        Some(code) => of_code(code, screen),
        None if args.what == "codes" => codes(),
        None if args.what == "words" => words(),
        None if args.what.to_ascii_uppercase().strip_prefix("MS").is_some_and(|rest| rest.parse::<u32>().is_ok()) => {
            return Err(format!("there is no code {}; `mstack explain codes` lists them", args.what));
        }
        None => {
            of_field(&args.what, screen).or_else(|error| of_word(&args.what, screen).ok_or_else(|| unknown(&args.what, error)))?
        }
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

fn words() -> String {
    let kinds = |word| states::of(word).iter().map(|(kind, _)| kind.title()).collect::<Vec<_>>().join("; ");
    let all = states::words();
    let widest = all.iter().map(|word| word.len()).max().unwrap_or_default();
    all.into_iter().fold(String::new(), |mut out, word| {
        let _ = writeln!(out, "{word:widest$}  {}", kinds(word));
        out
    })
}

/// Everything that a word of a status may mean.
fn of_word(what: &str, screen: Screen) -> Option<String> {
    let told = |(kind, row): (Kind, &Row)| {
        let word = row.words.iter().find(|word| word.eq_ignore_ascii_case(what)).unwrap_or(&what);
        let mut out = format!("{}: {}\n\n", screen.paint(Colour::Bold, word), kind.title());
        let (means, then) = if kind == Kind::Condition { ("True: ", "False: ") } else { ("", "What to do: ") };
        for (head, text) in [(means, row.means), (then, row.then)].into_iter().filter(|(_, text)| *text != "-") {
            paragraphs(&mut out, &format!("{head}{}.", without_links(text)), screen);
        }
        out
    };
    let found: Vec<String> = states::of(what).into_iter().map(told).collect();
    (!found.is_empty()).then(|| found.join("\n"))
}

/// The words of a status begin with a capital letter, and fields do not.
fn unknown(what: &str, of_field: String) -> String {
    if !what.starts_with(|first: char| first.is_ascii_uppercase()) {
        return of_field;
    }
    let fix = did_you_mean(what, states::words().into_iter(), "`mstack explain words` lists them");
    format!("a status has no word `{what}`; {fix}")
}

/// Links within Operations as a reader of a terminal follows them.
fn without_links(text: &str) -> String {
    let mut parts = text.split('[');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| match part.split_once("](").and_then(|(name, rest)| Some((name, rest.split_once(')')?.1))) {
        Some((name, rest)) => format!("{out}{name} in docs/operations.md{rest}"),
        None => format!("{out}[{part}"),
    })
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
            // What other tools have in this place is hardly the name of a component.
            if let (false, None, Some(fix)) = (skipped, steps.peek(), instead_of(step, schema)) {
                return Err(no_field(step, &path, fix));
            }
            if !skipped {
                continue;
            }
        }
        let fields = schema["properties"].as_object();
        let Some(field) = fields.and_then(|fields| fields.get(*step)) else {
            let known = fields.into_iter().flat_map(Map::keys).map(String::as_str);
            let listed = format!("`mstack explain {}` lists what is there", path.join("."));
            let nearest = || did_you_mean(step, known, &deeper(step, schema).unwrap_or(listed));
            return Err(no_field(step, &path, &instead_of(step, schema).map_or_else(nearest, str::to_owned)));
        };
        required = schema["required"].as_array().is_some_and(|names| names.iter().any(|name| name == step));
        schema = field;
        path.push((*step).to_owned());
    }
    Ok((path.join("."), schema, required))
}

/// Where components have a field that their stack has not.
fn deeper(step: &str, spec: &Value) -> Option<String> {
    let groups = spec["properties"].as_object()?.iter();
    let has = |group: &&Value| inner(group)["properties"].get(step).is_some();
    let found: Vec<String> =
        groups.filter(|(_, group)| has(group)).map(|(name, _)| format!("`mstack explain {name}.{step}`")).collect();
    (!found.is_empty()).then(|| found.join(", "))
}

fn no_field(step: &str, path: &[String], fix: &str) -> String {
    format!("there is no field `{step}` in {}; {fix}", path.join("."))
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
