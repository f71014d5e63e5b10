//! `mstack init`: a stack to begin with.
use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;

use super::common::output::{self, Outcome};
use crate::lint;

/// Options of `mstack init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to begin with.
    #[arg(value_enum, default_value = "minimal")]
    template: Template,
    /// Name of the stack.
    #[arg(long, default_value = "app")]
    name: String,
    /// File to write; it must not be there yet. Standard output by default.
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    filename: Option<PathBuf>,
}

/// What to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Template {
    /// One service.
    Minimal,
    /// A web service with a PostgreSQL database and an address from outside.
    WebPostgres,
    /// An API that gives work to workers through a queue.
    QueueWorker,
    /// A web service with a cache that it can do without.
    WebCache,
    /// A front, two services with a database each, and a queue between them.
    Microservices,
}

const NAME: &str = "NAME";

impl Template {
    fn text(self) -> &'static str {
        match self {
            Self::Minimal => include_str!("init/minimal.yaml"),
            Self::WebPostgres => include_str!("init/web-postgres.yaml"),
            Self::QueueWorker => include_str!("init/queue-worker.yaml"),
            Self::WebCache => include_str!("init/web-cache.yaml"),
            Self::Microservices => include_str!("init/microservices.yaml"),
        }
    }
}

/// Writes the stack.
///
/// # Errors
/// When the name is none of a stack, or the file is there or cannot be written.
pub fn run(args: &Args) -> output::Result {
    let text = args.template.text().replacen(NAME, &crate::yaml::quoted(&args.name), 1);
    // A template has nothing wrong, so what is wrong is its name.
    if let Some(wrong) = lint::lint(&text).findings.first() {
        return Err(format!("--name: {}; {}", wrong.reason, wrong.fix));
    }
    let Some(path) = &args.filename else {
        output::data(&text)?;
        return Ok(Outcome::Good);
    };
    let refused = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => format!("{} is there already; choose another name", path.display()),
        _ => format!("cannot write {}: {error}", path.display()),
    };
    let mut file = std::fs::File::create_new(path).map_err(refused)?;
    file.write_all(text.as_bytes()).map_err(refused)?;
    eprintln!("wrote {0}; `mstack lint -f {0}` checks it, `kubectl apply -f {0}` makes it real", path.display());
    Ok(Outcome::Good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_none_of_a_stack_is_refused() {
        let args = Args { template: Template::Minimal, name: "Bad_Name".to_owned(), filename: None };
        assert!(run(&args).unwrap_err().starts_with("--name: "));
    }

    #[test]
    fn each_template_has_nothing_wrong() {
        for template in Template::value_variants() {
            let report = lint::lint(&template.text().replacen(NAME, "app", 1));
            assert_eq!(report.findings, [], "{template:?}");
            assert_eq!(report.stacks[0].name, "app", "{template:?}");
        }
    }
}
