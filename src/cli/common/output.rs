//! How commands speak: standard output is data, standard error is talk; colour only helps, and only on a terminal.
use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;

use clap::ValueEnum;

/// How a command ended when it could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is wrong; exit code 0.
    Good,
    /// It found what is wrong; exit code 1.
    Found,
    /// There is something to do; exit code 2.
    Changes,
}

/// What a command gives: its outcome, or why it cannot run.
pub type Result = std::result::Result<Outcome, String>;

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Good => ExitCode::SUCCESS,
            Outcome::Found => ExitCode::from(1),
            Outcome::Changes => ExitCode::from(2),
        }
    }
}

/// What a command with two forms prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// When to write in colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What the reader's screen can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Whether to write in colour.
    pub colour: bool,
    /// Characters in a line.
    pub width: usize,
    /// Whether signs beyond ASCII are shown; the locale says so.
    pub unicode: bool,
}

const NARROWEST: usize = 40;
const USUAL: usize = 80;

impl Screen {
    /// The screen behind standard output.
    pub fn of_stdout(when: When) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let terminal = std::io::stdout().is_terminal();
        let able = terminal && !set("NO_COLOR") && std::env::var("TERM").as_deref() != Ok("dumb");
        Self {
            colour: when == When::Always || when == When::Auto && able,
            width: width(&std::io::stdout()),
            unicode: is_unicode(
                ["LC_ALL", "LC_CTYPE", "LANG"]
                    .into_iter()
                    .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty())),
            ),
        }
    }

    /// The text in a colour, where there are colours.
    pub fn paint(self, colour: Colour, text: &str) -> String {
        if self.colour { format!("\u{1b}[{}m{text}\u{1b}[0m", colour as u8) } else { text.to_owned() }
    }
}

/// Characters in a line of standard error.
pub fn width_of_talk() -> usize {
    width(&std::io::stderr())
}

fn width(stream: &impl AsFd) -> usize {
    let given = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let measured = || terminal_size::terminal_size_of(stream).map(|(width, _)| usize::from(width.0));
    given.or_else(measured).unwrap_or(USUAL).max(NARROWEST)
}

/// Whether a locale, such as `en_GB.UTF-8`, has signs beyond ASCII.
fn is_unicode(locale: Option<String>) -> bool {
    let locale = locale.unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// Colours, as the numbers that terminals know.
#[derive(Clone, Copy, Debug)]
pub enum Colour {
    /// Bold, in the colour of the terminal.
    Bold = 1,
    /// For errors.
    Red = 91,
    /// For what is good.
    Green = 92,
    /// For warnings.
    Yellow = 93,
    /// For frames and numbers.
    Blue = 94,
    /// To tell things apart.
    Magenta = 95,
    /// To tell things apart.
    Cyan = 96,
}

/// Writes data to standard output. A reader that has gone away is no failure.
///
/// # Errors
/// When it cannot be written.
pub fn data(text: &str) -> std::result::Result<(), String> {
    stream(text).map(drop)
}

/// The same of a command that goes on until it is interrupted: whether somebody still reads.
///
/// # Errors
/// When it cannot be written.
pub fn stream(text: &str) -> std::result::Result<bool, String> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(format!("cannot write the output: {error}")),
    }
}

/// Lines of at most `width` characters, broken at blanks.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// The same, with what does not fit in the first line further in.
pub fn hanging(text: &str, width: usize) -> Vec<String> {
    let lines = wrap(text, width - 2);
    lines.into_iter().enumerate().map(|(at, line)| if at == 0 { line } else { format!("  {line}") }).collect()
}

/// A time that has passed, in its largest unit.
pub fn age(seconds: i64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_blanks_and_a_long_word_stays_whole() {
        assert_eq!(wrap("one two three\n\nfour-and-more", 7), ["one two", "three", "", "four-and-more"]);
    }

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        assert_eq!([age(5), age(3599), age(7200), age(200_000)], ["5s", "59m", "2h", "2d"]);
    }

    #[test]
    fn the_locale_tells_whether_signs_are_shown() {
        for (locale, shown) in [("en_GB.UTF-8", true), ("C.utf8", true), ("C", false), ("", false)] {
            assert_eq!(is_unicode(Some(locale.to_owned())), shown, "{locale}");
        }
        assert!(!is_unicode(None));
    }

    #[test]
    fn without_colour_a_text_is_itself() {
        let screen = Screen { colour: false, width: 80, unicode: true };
        assert_eq!(screen.paint(Colour::Red, "error"), "error");
        assert_eq!(Screen { colour: true, ..screen }.paint(Colour::Red, "error"), "\u{1b}[91merror\u{1b}[0m");
    }
}
