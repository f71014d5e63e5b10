//! `docs/reference.md`: every field of the stack, every engine and every code, from the code itself.
use std::fmt::Write;

use mstack::api::Engine;
use mstack::codes::CODES;
use mstack::lint::{SCHEMA, limits, type_of};
use mstack::model::engine::{Access, recipe};
use serde_json::Value;

const HEAD: &str = "# Reference

Every field of a `MicroserviceStack`, written by `make generate` from the types of the operator. `NAME` stands for a name that you
choose. Fields with `*` are required. `mstack explain services.scale` and `kubectl explain microservicestack.spec` say the same in a
terminal. See [concepts](concepts.md) for what it all adds up to.
";

/// The whole page.
pub fn page() -> String {
    let mut out = HEAD.to_owned();
    out.push_str("\n## Fields of the spec\n");
    section(&mut out, "spec", &SCHEMA["properties"]["spec"]);
    out.push_str("\n## Engines\n\n");
    engines(&mut out);
    out.push_str("\n## Fields of the status\n");
    section(&mut out, "status", &SCHEMA["properties"]["status"]);
    out.push_str("\n## Codes\n\n`mstack lint` and the operator name what is wrong by codes that never change their meaning.\n\n");
    out.push_str("| code | what is wrong | why, and what to do |\n|---|---|---|\n");
    for row in CODES {
        let _ = writeln!(out, "| {} | {} | {} |", row.code, cell(row.title), cell(row.explanation));
    }
    out
}

/// A table of the fields of one map, then those of the maps in it.
fn section(out: &mut String, path: &str, schema: &Value) {
    let (path, schema) = holder(path, schema);
    let Some(fields) = schema["properties"].as_object() else { return };
    let _ = writeln!(out, "\n### `{path}`\n");
    if let Some(text) = schema["description"].as_str().filter(|_| path != "spec") {
        let _ = writeln!(out, "{}\n", text.replace('\n', " "));
    }
    out.push_str("| field | type | meaning |\n|---|---|---|\n");
    let required = |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|other| other == name));
    for (name, field) in fields {
        let star = if required(name) { "*" } else { "" };
        let mut meaning = cell(field["description"].as_str().unwrap_or_default());
        let bounds: Vec<String> = limits(field).into_iter().filter(|bound| !bound.starts_with("spelled")).collect();
        if !bounds.is_empty() {
            let _ = write!(meaning, " ({})", cell(&bounds.join("; ")));
        }
        let _ = writeln!(out, "| `{name}`{star} | {} | {meaning} |", type_of(field));
    }
    for (name, field) in fields {
        section(out, &format!("{path}.{name}"), field);
    }
}

/// What a map of names or a list holds, with its path.
fn holder<'a>(path: &str, schema: &'a Value) -> (String, &'a Value) {
    if schema["additionalProperties"].is_object() {
        return holder(&format!("{path}.NAME"), &schema["additionalProperties"]);
    }
    if schema["items"].is_object() {
        return holder(&format!("{path}[]"), &schema["items"]);
    }
    (path.to_owned(), schema)
}

fn engines(out: &mut String) {
    out.push_str("| engine | image | version by default | versions that may run | port | without a password | scripts at the first start |\n");
    out.push_str("|---|---|---|---|---|---|---|\n");
    let words = &SCHEMA["properties"]["spec"]["properties"]["databases"]["additionalProperties"]["properties"]["engine"]["enum"];
    for word in words.as_array().unwrap() {
        let engine: Engine = serde_json::from_value(word.clone()).unwrap();
        let row = recipe(engine, "name");
        if row.image.is_empty() {
            let what = if engine == Engine::Custom { "an image of your own" } else { "none: it runs elsewhere" };
            let _ = writeln!(out, "| `{}` | {what} | | | | | |", word.as_str().unwrap());
            continue;
        }
        let open = match row.access {
            Access::Guarded => "never",
            Access::Either => "`auth: None`",
            Access::Open => "always",
        };
        let init = if row.init_path.is_empty() { "none" } else { "`init`" };
        let _ = writeln!(
            out,
            "| `{}` | `{}` | {} | {} | {} | {open} | {init} |",
            word.as_str().unwrap(),
            row.image,
            row.version,
            row.versions.join(", "),
            row.port
        );
    }
}

fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}
