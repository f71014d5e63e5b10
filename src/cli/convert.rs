//! `mstack convert`: a Compose project as a stack, with what is not the same afterwards.
use std::collections::BTreeMap;
use std::fs;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::{Value, json};

use super::common::output::{self, Outcome};
use crate::compose::{self, Converted, Found, Input, Kind, Note, Source};
use crate::lint::{self, Severity};

/// Files that Compose looks for where none is given.
const USUAL: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];
/// Largest file that becomes a part of the stack.
const LARGEST: u64 = 500_000;

/// Options of `mstack convert`.
#[derive(Debug, clap::Args)]
#[command(after_help = "The stack goes to standard output, with what is left to do as comments above it. \
    `mstack convert compose.yaml > stack.yaml` tells it on the terminal, too.\n\n\
    Exit codes: 0 converted, 1 the stack would be refused, 2 it could not be converted.")]
pub struct Args {
    /// Compose files, later ones over earlier ones; `-` for standard input. By default the one of this folder.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The same, as Compose and kubectl spell it.
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    filename: Vec<PathBuf>,
    /// Name of the stack. By default the project's, or the folder's.
    #[arg(long)]
    name: Option<String>,
    /// Profile that is on; may be given several times. By default those of `COMPOSE_PROFILES`.
    #[arg(long = "profile", value_name = "PROFILE")]
    profiles: Vec<String>,
    /// File of variables for `${NAME}`. By default `.env` beside the first file.
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// Registry of the images that Compose would build.
    #[arg(long, value_name = "REGISTRY", default_value = "registry.example.com")]
    registry: String,
    /// Size of volumes, for Compose knows none.
    #[arg(long, value_name = "SIZE", default_value = "10Gi")]
    storage: String,
    /// Form of the answer.
    #[arg(short, long, value_enum, default_value = "yaml")]
    output: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A manifest with comments.
    Yaml,
    /// The stack and the notes, for programs.
    Json,
}

/// Converts the files and prints the stack.
///
/// # Errors
/// When they cannot be read, or are no Compose files.
pub fn run(args: &Args) -> output::Result {
    let files = files(args)?;
    let sources = files.iter().map(|file| source(file)).collect::<Result<Vec<_>, _>>()?;
    let base = files[0].parent().filter(|_| files[0].as_os_str() != "-").map(Path::to_owned).unwrap_or_default();
    let mut variables = variables(args, &base)?;
    let name = args.name.clone().or_else(|| variables.get("COMPOSE_PROJECT_NAME").cloned());
    let folder = folder(&base);
    variables.entry("COMPOSE_PROJECT_NAME".to_owned()).or_insert_with(|| name.clone().unwrap_or_else(|| folder.clone()));
    let listed = variables.get("COMPOSE_PROFILES").map(|list| list.split(',').map(|one| one.trim().to_owned()).collect());
    let profiles: Vec<String> = if args.profiles.is_empty() { listed.unwrap_or_default() } else { args.profiles.clone() };
    let from = sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", ");
    let converted = compose::convert(&Input {
        sources,
        variables,
        look: &|path| look(&base.join(path)),
        folder,
        name,
        profiles: profiles.into_iter().filter(|profile| !profile.is_empty()).collect(),
        registry: args.registry.trim_end_matches('/').to_owned(),
        storage: args.storage.clone(),
    })
    .map_err(|errors| errors.join("\nerror: "))?;
    let manifest = compose::write(&converted.stack, &converted.notes, &from)?;
    output::data(&match args.output {
        Form::Yaml => manifest.clone(),
        Form::Json => as_json(&converted)?,
    })?;
    tell(&converted.notes);
    Ok(judged(&manifest))
}

fn files(args: &Args) -> Result<Vec<PathBuf>, String> {
    let given: Vec<PathBuf> = args.files.iter().chain(&args.filename).cloned().collect();
    if !given.is_empty() {
        return Ok(given);
    }
    let usual = USUAL.iter().map(PathBuf::from).find(|file| file.exists());
    usual.map(|file| vec![file]).ok_or_else(|| format!("this folder has no {}; name the file", USUAL[0]))
}

fn source(file: &Path) -> Result<Source, String> {
    if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(|error| format!("cannot read standard input: {error}"))?;
        return Ok(Source { name: "<stdin>".to_owned(), text });
    }
    let text = fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    Ok(Source { name: file.display().to_string(), text })
}

/// Those of the file, and over them those of the shell, as Compose has it.
fn variables(args: &Args, base: &Path) -> Result<BTreeMap<String, String>, String> {
    let shell: BTreeMap<String, String> = std::env::vars().collect();
    let file = args.env_file.clone().unwrap_or_else(|| base.join(".env"));
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if args.env_file.is_some() => return Err(format!("cannot read {}: {error}", file.display())),
        Err(_) => String::new(),
    };
    let mut variables: BTreeMap<String, String> = compose::dotenv(&text, &shell).into_iter().collect();
    variables.extend(shell);
    Ok(variables)
}

fn look(path: &Path) -> Found {
    if path.is_dir() {
        let entries = fs::read_dir(path).map(|entries| entries.flatten().collect::<Vec<_>>()).unwrap_or_default();
        let mut names: Vec<String> = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        return Found::Folder(names);
    }
    match fs::metadata(path) {
        Ok(file) if file.len() > LARGEST => Found::Other,
        Ok(_) => fs::read_to_string(path).map_or(Found::Other, Found::Text),
        Err(_) => Found::Nothing,
    }
}

/// The name of the folder that the project lies in.
fn folder(base: &Path) -> String {
    let whole = fs::canonicalize(if base.as_os_str().is_empty() { Path::new(".") } else { base });
    let name = whole.ok().and_then(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()));
    name.unwrap_or_else(|| "app".to_owned())
}

fn as_json(converted: &Converted) -> Result<String, String> {
    let note = |note: &Note| json!({ "kind": note.kind.word(), "file": &*note.place.file, "line": note.place.line, "path": note.path, "what": note.what, "fix": note.fix });
    let stack: Value = serde_json::to_value(&converted.stack).map_err(|error| error.to_string())?;
    Ok(format!("{:#}\n", json!({ "stack": stack, "notes": converted.notes.iter().map(note).collect::<Vec<_>>() })))
}

/// On standard error, unless standard output with its comments is on the same terminal.
fn tell(notes: &[Note]) {
    let seen = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
    for note in notes.iter().filter(|_| !seen) {
        eprintln!("{}: {note}", note.kind.word());
    }
    let count = |kind: Kind| notes.iter().filter(|note| note.kind == kind).count();
    eprintln!("{} to do, {} left out, {} different from Compose", count(Kind::Todo), count(Kind::Left), count(Kind::Changed));
}

/// Whether the stack is one: what is wrong with it is told as `mstack lint` would tell it.
fn judged(manifest: &str) -> Outcome {
    let errors: Vec<_> =
        lint::lint(manifest).findings.into_iter().filter(|finding| finding.severity == Severity::Error).collect();
    for error in &errors {
        eprintln!("error[{}]: {}: {}; {}", error.code, error.path, error.reason, error.fix);
    }
    if errors.is_empty() { Outcome::Good } else { Outcome::Found }
}
