//! What a shell and a system want to know of the command line: completion, manual pages, the version.
use std::ffi::OsString;
use std::fmt::Write;
use std::path::PathBuf;

use clap::{Arg, Command, ValueEnum};
use serde_json::json;

use super::common::names;
use super::common::output::{self, Outcome};

/// Options of `mstack completion`.
#[derive(Debug, clap::Args)]
#[command(after_help = "bash:    source <(mstack completion bash)\nzsh:     mstack completion zsh > ~/.zfunc/_mstack\n\
    fish:    mstack completion fish > ~/.config/fish/completions/mstack.fish\n\
    kubectl: mstack completion kubectl > kubectl_complete-mstack, executable and in PATH: `kubectl mstack <TAB>`")]
pub struct CompletionArgs {
    /// Shell, or `kubectl` for its plugin.
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Kubectl,
}

/// Options of `mstack man`.
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// Folder to write all pages to, one for each command; without it the main page is printed.
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

/// Options of `mstack version`.
#[derive(Debug, clap::Args)]
pub struct VersionArgs {
    /// Form of the answer.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    Json,
}

/// Options of the command that completes the words of `kubectl mstack`.
#[derive(Debug, clap::Args)]
pub struct CompleteArgs {
    /// The words after `kubectl mstack`; the last one is to be completed.
    #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
    words: Vec<OsString>,
}

const PLUGIN: &str = "#!/usr/bin/env sh\nexec kubectl mstack __complete -- \"$@\"\n";
/// What kubectl is told after the words: nothing more, or that files may follow.
const NO_FILES: u8 = 4;
const FILES: u8 = 0;

/// Prints the completion of a shell.
///
/// # Errors
/// When it cannot be written.
pub fn completion(args: &CompletionArgs, mut command: Command) -> output::Result {
    let shell = match args.shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
        Shell::Kubectl => {
            output::data(PLUGIN)?;
            return Ok(Outcome::Good);
        }
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "mstack", &mut script);
    output::data(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Good)
}

/// Prints the words that may stand at the end of a line, in the form of cobra, which kubectl reads.
///
/// # Errors
/// When they cannot be written.
pub fn complete(args: &CompleteArgs, mut command: Command) -> output::Result {
    command.build();
    let words: Vec<String> = args.words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let (last, before) = words.split_last().map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
    let (mut found, mut files) = candidates(&command, before, last);
    if !last.starts_with('-') {
        let (sub, words) = subcommand(&command, before);
        if let Some(names) = names::after(sub, words) {
            files = false;
            found.extend(names.into_iter().map(|name| (name, String::new())));
        }
    }
    let mut out = String::new();
    for (word, about) in found.iter().filter(|(word, _)| word.starts_with(last)) {
        let _ = if about.is_empty() { writeln!(out, "{word}") } else { writeln!(out, "{word}\t{about}") };
    }
    let _ = writeln!(out, ":{}", if files { FILES } else { NO_FILES });
    output::data(&out)?;
    Ok(Outcome::Good)
}

/// The command that the words begin with, and the words after it.
fn subcommand<'a>(command: &'a Command, words: &'a [String]) -> (&'a Command, &'a [String]) {
    match words.split_first().and_then(|(word, rest)| Some((command.find_subcommand(word)?, rest))) {
        Some((sub, rest)) => subcommand(sub, rest),
        None => (command, words),
    }
}

/// The words that fit, each with what it is; and whether a file fits as well.
fn candidates(command: &Command, before: &[String], last: &str) -> (Vec<(String, String)>, bool) {
    let mut at = command;
    for word in before {
        at = at.find_subcommand(word).unwrap_or(at);
    }
    let about = |text: Option<&clap::builder::StyledStr>| text.map(ToString::to_string).unwrap_or_default();
    let takes = |arg: &Arg| arg.get_action().takes_values();
    let named = |arg: &&Arg, word: &str| {
        let long = arg.get_long().is_some_and(|long| word == format!("--{long}"));
        long || arg.get_short().is_some_and(|short| word == format!("-{short}"))
    };
    let option = before.last().and_then(|word| at.get_arguments().find(|arg| named(arg, word) && takes(arg)));
    let values = |arg: &Arg| -> Vec<(String, String)> {
        let possible = arg.get_possible_values();
        possible.iter().map(|value| (value.get_name().to_owned(), about(value.get_help()))).collect()
    };
    if let Some(option) = option {
        let found = values(option);
        let files = found.is_empty();
        return (found, files);
    }
    if last.starts_with('-') {
        let flag = |arg: &Arg| Some((format!("--{}", arg.get_long()?), about(arg.get_help())));
        return (at.get_arguments().filter(|arg| !arg.is_hide_set()).filter_map(flag).collect(), false);
    }
    let commands = at.get_subcommands().filter(|sub| !sub.is_hide_set());
    let mut found: Vec<_> = commands.map(|sub| (sub.get_name().to_owned(), about(sub.get_about()))).collect();
    found.extend(at.get_positionals().flat_map(values));
    (found, at.get_positionals().any(|arg| values(arg).is_empty()))
}

/// Prints or writes the manual pages.
///
/// # Errors
/// When they cannot be written.
pub fn man(args: &ManArgs, command: Command) -> output::Result {
    if let Some(folder) = &args.dir {
        std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(command, folder))
            .map_err(|error| format!("cannot write to {}: {error}", folder.display()))?;
    } else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page).map_err(|error| error.to_string())?;
        output::data(&String::from_utf8_lossy(&page))?;
    }
    Ok(Outcome::Good)
}

/// Prints the version of this program, and of the API that it knows.
///
/// # Errors
/// When it cannot be written.
pub fn version(args: &VersionArgs) -> output::Result {
    let (version, api) = (env!("CARGO_PKG_VERSION"), format!("{}/v1alpha1", crate::api::GROUP));
    output::data(&match args.output {
        Form::Text => format!("mstack {version}, {api}\n"),
        Form::Json => format!("{:#}\n", json!({ "client": { "version": version, "api": api } })),
    })?;
    Ok(Outcome::Good)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[&str]) -> (Vec<String>, bool) {
        let mut command = super::super::command();
        command.build();
        let before: Vec<String> = line[..line.len() - 1].iter().map(|&word| word.to_owned()).collect();
        let last = line[line.len() - 1];
        let (found, files) = candidates(&command, &before, last);
        (found.into_iter().map(|(word, _)| word).filter(|word| word.starts_with(last)).collect(), files)
    }

    #[test]
    fn kubectl_is_told_commands_flags_values_and_where_files_fit() {
        assert_eq!(words(&["li"]), (vec!["lint".to_owned()], false));
        assert_eq!(words(&["lint", "--verb"]), (vec!["--verbose".to_owned()], false));
        assert_eq!(words(&["lint", "-o", "sa"]), (vec!["sarif".to_owned()], false));
        assert_eq!(words(&["lint", "-f", ""]), (vec![], true));
        assert_eq!(words(&["init", "web-p"]), (vec!["web-postgres".to_owned()], false));
    }
}
