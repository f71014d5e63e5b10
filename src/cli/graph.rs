//! `mstack graph`: who uses whom, and what starts first.
mod ascii;
mod markup;
mod svg;

use clap::ValueEnum;

use super::common::access::{self, Connection};
use super::common::output::{self, Outcome, Screen};
use super::common::stacks::{self, Source};
use crate::api::MicroserviceStack;
use crate::lint;
use crate::model::{Count, Stack, Task, TaskKind};

/// Options of `mstack graph`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Form of the picture.
    #[arg(short, long, value_enum, default_value = "ascii")]
    output: Form,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A list by waves, for a terminal.
    Ascii,
    /// For Markdown.
    Mermaid,
    /// For Graphviz.
    Dot,
    /// A picture.
    Svg,
}

/// What a picture shows of a stack.
#[derive(Debug)]
pub struct View {
    /// Name of the stack.
    pub name: String,
    /// Components by wave; those that use nothing first.
    pub waves: Vec<Vec<Node>>,
    /// Tests and jobs, which run to their end.
    pub tasks: Vec<Node>,
}

impl View {
    /// All that is drawn: components, then tests and jobs.
    fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.waves.iter().flatten().chain(&self.tasks)
    }
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A service.
    Service,
    /// A database.
    Database,
    /// A test or a job.
    Task,
}

/// One component, or a test or a job.
#[derive(Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// How many instances, which engine, or what hangs on it.
    pub about: String,
    /// What it uses, and whether it can do without.
    pub uses: Vec<(String, bool)>,
    /// Addresses from outside.
    pub doors: Vec<String>,
}

/// Prints the pictures of all stacks.
///
/// # Errors
/// When a file or the cluster's stack cannot be read.
pub fn run(args: &Args, screen: Screen) -> output::Result {
    let read = match &args.source.stack {
        Some(name) => Some(vec![of_cluster(args, name)?]),
        None => stacks::read(&args.source.files(), screen)?,
    };
    let Some(objects) = read else { return Ok(Outcome::Found) };
    if args.output == Form::Svg && objects.len() > 1 {
        return Err(format!("{} stacks are in these files, and a picture shows one; give one file", objects.len()));
    }
    let mut pictures = Vec::new();
    for object in &objects {
        let view = view(&lint::checked(object)?);
        pictures.push(match args.output {
            Form::Ascii => ascii::draw(&view, screen),
            Form::Mermaid => markup::mermaid(&view),
            Form::Dot => markup::dot(&view),
            Form::Svg => svg::draw(&view),
        });
    }
    output::data(&pictures.join("\n"))?;
    Ok(Outcome::Good)
}

fn of_cluster(args: &Args, name: &str) -> Result<MicroserviceStack, String> {
    access::block_on(async { stacks::live(args.connection.open().await?.stack(Some(name)).await?) })
}

fn view(stack: &Stack) -> View {
    let node = |name: &String| service(stack, name).or_else(|| database(stack, name));
    let waves = stack.waves.iter().map(|wave| wave.iter().filter_map(node).collect()).collect();
    let tasks = stack.tasks.iter().filter_map(task).collect();
    View { name: stack.name.clone(), waves, tasks }
}

/// A test or a job; a migration is told with its service.
fn task(task: &Task) -> Option<Node> {
    let about = match task.kind {
        TaskKind::Migrate => return None,
        TaskKind::Test { gate: true, .. } => "gate",
        TaskKind::Test { .. } | TaskKind::Job => "",
    };
    Some(Node {
        name: format!("{} {}", task.kind.word(), task.name),
        kind: Kind::Task,
        about: about.to_owned(),
        uses: task.uses.iter().map(|edge| (edge.target.clone(), edge.optional)).collect(),
        doors: Vec::new(),
    })
}

fn service(stack: &Stack, name: &str) -> Option<Node> {
    let service = stack.services.get(name)?;
    let count = match &service.count {
        Count::Fixed(count) => format!("x{count}"),
        Count::Scaled { min, max, .. } => format!("x{min}..{max}"),
    };
    let migrates = stack.tasks.iter().any(|task| task.kind == TaskKind::Migrate && task.name == name);
    let door = |route: &crate::model::Route| {
        let host = route.host.as_deref().unwrap_or("*");
        if route.path == "/" { host.to_owned() } else { format!("{host}{}", route.path) }
    };
    Some(Node {
        name: name.to_owned(),
        kind: Kind::Service,
        about: if migrates { format!("{count}, migrates") } else { count },
        uses: service.uses.iter().map(|edge| (edge.target.clone(), edge.optional)).collect(),
        doors: service.routes.iter().map(door).collect(),
    })
}

fn database(stack: &Stack, name: &str) -> Option<Node> {
    let database = stack.databases.get(name)?;
    let engine = serde_json::to_value(database.recipe.engine).unwrap_or_default();
    let engine = engine.as_str().unwrap_or_default();
    let about = match &database.version {
        Some(version) if engine != "custom" => format!("{engine} {version}"),
        _ => engine.to_owned(),
    };
    let count = if database.instances > 1 { format!(" x{}", database.instances) } else { String::new() };
    Some(Node { name: name.to_owned(), kind: Kind::Database, about: about + &count, uses: Vec::new(), doors: Vec::new() })
}
