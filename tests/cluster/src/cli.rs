//! The `cluster` command: what can be asked, and how the answers read.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::command::command;
use crate::images::{self, Recipe};
use crate::state::{self, State};
use crate::{Cluster, Error, Options, Profile, files, full, parts};

const DEFAULT_NAME: &str = "mstack";

/// A real Kubernetes on this machine, built from source, without a container engine.
#[derive(Parser)]
#[command(name = "cluster", version)]
struct Cli {
    #[command(subcommand)]
    command: Ask,
}

#[derive(Subcommand)]
enum Ask {
    /// Start a cluster; one that already runs is left as it is.
    Up(Up),
    /// Print the path of a kubeconfig.
    Kubeconfig(Kubeconfig),
    /// End a cluster and remove everything it left on this machine.
    Down(Down),
    /// List clusters and their processes.
    Status,
    /// Print the log of one part, or the names of all logs.
    Logs(Logs),
    /// Build an image and keep it for `load`; what it starts from must have been built here too, or come from a registry.
    BuildImage(BuildImage),
    /// Put images that were built here on every node.
    Load(Load),
    /// Give an image of the nodes other names as well, as registries would hold it.
    Alias(Alias),
    /// Build the base images: pause, busybox, PostgreSQL, Redis, RabbitMQ.
    Images,
    /// Build or install every part without starting anything.
    Parts,
    /// Print the path of one part, such as `helm` or `kubectl`; it is built first when it is missing.
    Path {
        /// Name of the part; `cluster parts` lists them.
        part: String,
    },
}

#[derive(Args)]
struct Named {
    /// Name of the cluster.
    #[arg(long, default_value = DEFAULT_NAME)]
    name: String,
}

#[derive(Args)]
struct Up {
    #[command(flatten)]
    named: Named,
    /// How much is started.
    #[arg(long, value_enum, default_value_t = ProfileName::ControlPlane)]
    profile: ProfileName,
    /// Number of simulated nodes.
    #[arg(long, default_value_t = 0)]
    kwok_nodes: u32,
    /// Number of real nodes (full profile).
    #[arg(long, default_value_t = 2)]
    nodes: u32,
    /// Write every request to an audit log.
    #[arg(long)]
    audit: bool,
    /// Run the HorizontalPodAutoscaler controller (always on in the full profile).
    #[arg(long)]
    hpa: bool,
    /// Keep etcd's data on disk instead of in memory.
    #[arg(long)]
    etcd_on_disk: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProfileName {
    ControlPlane,
    Full,
}

#[derive(Args)]
struct Kubeconfig {
    #[command(flatten)]
    named: Named,
    /// Print the content instead of the path.
    #[arg(long)]
    print: bool,
    /// Make a kubeconfig for this ordinary user instead of the administrator.
    #[arg(long)]
    user: Option<String>,
    /// A group of that user; may be repeated.
    #[arg(long = "group", requires = "user")]
    groups: Vec<String>,
}

#[derive(Args)]
struct Down {
    #[command(flatten)]
    named: Named,
    /// End every cluster of this user.
    #[arg(long)]
    all: bool,
}

#[derive(Args)]
struct Logs {
    #[command(flatten)]
    named: Named,
    /// The part; without it the names are listed.
    part: Option<String>,
    /// Keep printing what is added.
    #[arg(short, long)]
    follow: bool,
}

#[derive(Args)]
struct BuildImage {
    /// Name and tag, for instance `localhost/shop:1`.
    #[arg(short, long)]
    tag: String,
    /// The Dockerfile; by default the one in the context.
    #[arg(short, long)]
    file: Option<PathBuf>,
    /// The stage to build; the last one by default.
    #[arg(long)]
    target: Option<String>,
    /// A build argument as NAME=VALUE; may be repeated.
    #[arg(long = "build-arg")]
    arguments: Vec<String>,
    /// The folder whose files the Dockerfile may copy.
    context: PathBuf,
}

#[derive(Args)]
struct Load {
    #[command(flatten)]
    named: Named,
    /// Tags of images.
    #[arg(required = true)]
    tags: Vec<String>,
}

#[derive(Args)]
struct Alias {
    #[command(flatten)]
    named: Named,
    /// Tag of an image that every node has.
    tag: String,
    /// Its other names, such as `registry.example.com/app:1`.
    #[arg(required = true)]
    others: Vec<String>,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    match answer(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn answer(ask: Ask) -> Result<(), Error> {
    match ask {
        Ask::Up(up) => start(&up),
        Ask::Kubeconfig(asked) => print_kubeconfig(&asked),
        Ask::Down(down) => end(&down),
        Ask::Status => {
            print_status();
            Ok(())
        }
        Ask::Logs(logs) => print_logs(&logs),
        Ask::BuildImage(asked) => build_image(asked),
        Ask::Load(asked) => load(&asked),
        Ask::Alias(asked) => alias(&asked),
        Ask::Images => build_base_images(),
        Ask::Parts => build_parts(),
        Ask::Path { part } => print_path(&part),
    }
}

fn start(up: &Up) -> Result<(), Error> {
    let name = &up.named.name;
    match State::open(name).ok().filter(State::is_healthy) {
        Some(running) => check_profile(&running, up.profile)?,
        None => launch(up)?,
    }
    let state = State::open(name)?;
    if state.has_real_nodes() {
        println!("gateway infra/public: {}", full::url(&full::Network::new(&state)));
    }
    println!("export KUBECONFIG={}", state.kubeconfig().display());
    Ok(())
}

fn launch(up: &Up) -> Result<(), Error> {
    let begun = std::time::Instant::now();
    Cluster::launch(&up.options())?;
    println!("cluster `{}` is ready after {:.1} s", up.named.name, begun.elapsed().as_secs_f32());
    Ok(())
}

fn check_profile(running: &State, wanted: ProfileName) -> Result<(), Error> {
    let name = &running.name;
    if running.has_real_nodes() == (wanted == ProfileName::Full) {
        println!("cluster `{name}` is already running");
        return Ok(());
    }
    Err(Error::request(
        format!("cluster `{name}` is already running with another profile"),
        format!("`cluster down --name {name}` ends it, `--name OTHER` starts another one beside it"),
    ))
}

impl Up {
    fn options(&self) -> Options {
        Options {
            profile: match self.profile {
                ProfileName::ControlPlane => Profile::ControlPlane,
                ProfileName::Full => Profile::Full,
            },
            name: Some(self.named.name.clone()),
            kwok_nodes: self.kwok_nodes,
            nodes: self.nodes,
            audit: self.audit,
            hpa: self.hpa,
            etcd_on_disk: self.etcd_on_disk,
        }
    }
}

fn print_kubeconfig(asked: &Kubeconfig) -> Result<(), Error> {
    let state = State::open(&asked.named.name)?;
    let path = match &asked.user {
        None => state.kubeconfig(),
        Some(user) => {
            let groups: Vec<&str> = asked.groups.iter().map(String::as_str).collect();
            state.kubeconfig_for(user, &groups, &state.server()?)?
        }
    };
    if asked.print {
        print!("{}", files::read(&path)?);
    } else {
        println!("{}", path.display());
    }
    Ok(())
}

fn end(down: &Down) -> Result<(), Error> {
    if !down.all {
        return end_one(&down.named.name);
    }
    State::all().iter().try_for_each(|state| end_one(&state.name))
}

fn end_one(name: &str) -> Result<(), Error> {
    let folder = files::states().join(name);
    if !folder.exists() {
        println!("there is no cluster `{name}`");
        return Ok(());
    }
    state::teardown(&folder)?;
    println!("cluster `{name}` is gone");
    Ok(())
}

fn print_status() {
    let clusters = State::all();
    if clusters.is_empty() {
        println!("no cluster; `cluster up` makes one");
    }
    for state in clusters {
        println!("{}  {}", state.name, state.kubeconfig().display());
        for process in state.processes() {
            let condition = if process.is_running() { "running" } else { "ended" };
            println!("  {:<32} {condition:<8} pid {}", process.name, process.pid);
        }
    }
}

fn print_logs(logs: &Logs) -> Result<(), Error> {
    let state = State::open(&logs.named.name)?;
    let Some(part) = &logs.part else {
        for name in files::names_in(&state.file("logs")) {
            println!("{}", name.trim_end_matches(".log"));
        }
        return Ok(());
    };
    let log = state.log(part);
    if !log.exists() {
        return Err(Error::request(format!("there is no log of `{part}`"), "`cluster logs` lists the parts that have one"));
    }
    let mut tail = command("tail", ["-n", "+1"]);
    if logs.follow {
        tail.arg("-f");
    }
    let ended = tail.arg(&log).status();
    ended.map(drop).map_err(|source| Error::File { action: "read", path: log, source })
}

fn build_image(asked: BuildImage) -> Result<(), Error> {
    images::prepare()?;
    let recipe = Recipe {
        tag: asked.tag,
        dockerfile: asked.file,
        target: asked.target,
        arguments: asked.arguments,
        context: asked.context,
    };
    println!("{}", images::build(&recipe)?.display());
    Ok(())
}

fn load(asked: &Load) -> Result<(), Error> {
    let state = State::open(&asked.named.name)?;
    let tags: Vec<&str> = asked.tags.iter().map(String::as_str).collect();
    full::load(&state, &tags)?;
    println!("on every node: {}", tags.join(", "));
    Ok(())
}

fn alias(asked: &Alias) -> Result<(), Error> {
    let state = State::open(&asked.named.name)?;
    asked.others.iter().try_for_each(|other| full::alias(&state, &asked.tag, other))?;
    println!("on every node: {}", asked.others.join(", "));
    Ok(())
}

fn build_base_images() -> Result<(), Error> {
    images::prepare()?;
    for tag in images::tags_on_nodes() {
        println!("{tag:<28} {}", images::archive(tag).display());
    }
    Ok(())
}

fn build_parts() -> Result<(), Error> {
    use parts::Need::{ControlPlane, Images, Nodes, Restore, Simulation, Tools};
    parts::ensure(&[ControlPlane, Tools, Images, Nodes, Restore, Simulation])?;
    for part in parts::PARTS {
        println!("{:<28} {:<14} {}", part.name, part.version, part.path().display());
    }
    Ok(())
}

fn print_path(part: &str) -> Result<(), Error> {
    println!("{}", parts::provide(part)?.display());
    Ok(())
}
