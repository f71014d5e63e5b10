//! Names from the cluster for the completion of `kubectl mstack`: stacks of the namespace, components and revisions of a stack.
//! Where the cluster does not answer at once, there are none.
use clap::{Arg, Command, Parser};

use super::access::{self, Access, Connection, name_of};
use super::{components, revisions};
use crate::model::revision::Outcome;

#[derive(Parser)]
#[command(no_binary_name = true)]
struct Words {
    #[command(flatten)]
    connection: Connection,
}

/// Options that tell which cluster is asked.
const TELLING: [&str; 7] = ["-n", "--namespace", "--context", "--kubeconfig", "--as", "--as-group", "--operator"];

/// The names that may stand after these words of a command's line; nothing where no name of the cluster is asked for.
pub fn after(command: &Command, words: &[String]) -> Option<Vec<String>> {
    let given = positionals(command, words);
    let next = || command.get_positionals().nth(given.len()).or_else(|| command.get_positionals().last());
    let asked = words.last().and_then(|word| option(command, word)).or_else(next);
    Some(match (asked?.get_id().as_str(), given.first()) {
        ("stack", _) => ask(words, async |access| {
            Ok(access.stacks(false, None).await?.iter().map(|stack| name_of(stack).to_owned()).collect())
        }),
        ("components", Some(stack)) => {
            ask(words, async |access| Ok(components::of(&access.stack(Some(stack)).await?).map(str::to_owned).collect()))
        }
        ("counts", Some(stack)) => ask(words, async |access| {
            Ok(components::of(&access.stack(Some(stack)).await?).map(|name| format!("{name}=")).collect())
        }),
        ("revision", Some(stack)) => ask(words, async |access| good_revisions(access, stack).await),
        _ => return None,
    })
}

/// The option of this name, if it takes a value.
fn option<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| {
        let named = arg.get_long().is_some_and(|long| word == format!("--{long}"))
            || arg.get_short().is_some_and(|short| word == format!("-{short}"));
        named && arg.get_action().takes_values()
    })
}

/// The words that are neither options nor their values.
fn positionals<'a>(command: &Command, words: &'a [String]) -> Vec<&'a String> {
    let mut found = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if option(command, word).is_some() {
            words.next();
        } else if !word.starts_with('-') {
            found.push(word);
        }
    }
    found
}

fn ask(words: &[String], names: impl AsyncFnOnce(&Access) -> Result<Vec<String>, String>) -> Vec<String> {
    let mut options = vec!["--request-timeout".to_owned(), "2s".to_owned()];
    for pair in words.windows(2).filter(|pair| TELLING.contains(&pair[0].as_str())) {
        options.extend_from_slice(pair);
    }
    let Ok(Words { connection }) = Words::try_parse_from(options) else { return Vec::new() };
    access::block_on(async { names(&connection.open().await?).await }).unwrap_or_default()
}

async fn good_revisions(access: &Access, stack: &str) -> Result<Vec<String>, String> {
    let recorded = revisions::read(access, &access.stack(Some(stack)).await?).await?;
    Ok(recorded.into_iter().filter(|one| one.record.outcome == Outcome::Good).map(|one| one.name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_their_values_are_no_names() {
        let command = crate::cli::command();
        let scale = command.find_subcommand("scale").unwrap();
        let words = ["-n", "team", "--dry-run=server", "shop"].map(str::to_owned);
        assert_eq!(positionals(scale, &words), ["shop"]);
    }

    #[test]
    fn where_no_name_is_asked_for_the_cluster_is_not() {
        let command = crate::cli::command();
        assert_eq!(after(command.find_subcommand("init").unwrap(), &[]), None);
        let words = ["shop", "--namespace"].map(str::to_owned);
        assert_eq!(after(command.find_subcommand("scale").unwrap(), &words), None);
    }
}
