//! Running other programs to their end, with errors that quote what they said.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Error;
use crate::files::last_lines;

const SHOWN: usize = 160;

/// A command from a program and its arguments.
pub(crate) fn command<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// Runs to the end and returns standard output.
pub(crate) fn run(command: &mut Command) -> Result<String, Error> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| cannot_start(command, &error))?;
    judged(command, &output)
}

/// The same with `input` on standard input.
pub(crate) fn run_with_input(command: &mut Command, input: &str) -> Result<String, Error> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_start(command, &error))?;
    let pipe = child.stdin.take();
    let input = input.to_owned();
    // A program that ends early closes the pipe: its own message says more than the broken pipe.
    let writer = std::thread::spawn(move || pipe.map(|mut pipe| pipe.write_all(input.as_bytes())));
    let output = child.wait_with_output().map_err(|error| cannot_start(command, &error))?;
    drop(writer.join());
    judged(command, &output)
}

fn judged(command: &Command, output: &std::process::Output) -> Result<String, Error> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    let said = last_lines(said.trim(), 15);
    let reason = if said.is_empty() { output.status.to_string() } else { said };
    Err(Error::Command { command: shown(command), reason })
}

fn cannot_start(command: &Command, error: &std::io::Error) -> Error {
    Error::Command { command: shown(command), reason: error.to_string() }
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line = words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SHOWN { line } else { line.chars().take(SHOWN).chain("...".chars()).collect() }
}

/// Asks a plain HTTP server on this machine or in its namespaces, and fails unless it answers 200.
pub(crate) fn check_http(address: &str, path: &str) -> Result<(), Error> {
    let wrong = |reason: String| Error::Command { command: format!("GET http://{address}{path}"), reason };
    let answer = http_answer(address, path).map_err(|error| wrong(error.to_string()))?;
    let status = answer.lines().next().unwrap_or_default();
    if status.contains(" 200") { Ok(()) } else { Err(wrong(status.to_owned())) }
}

fn http_answer(address: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Whether a program can be found on the search path.
pub(crate) fn is_installed(program: &str) -> bool {
    if program.starts_with('/') {
        return Path::new(program).exists();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]).any(|folder| folder.join(program).exists())
}

/// Asks again until `check` answers `Ok`, every `pause`, at most for `limit`.
pub(crate) fn wait_until<T>(
    what: &str,
    limit: Duration,
    pause: Duration,
    mut check: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    let start = Instant::now();
    loop {
        match check() {
            Ok(value) => return Ok(value),
            Err(ended @ Error::Ended { .. }) => return Err(ended),
            Err(error) if start.elapsed() > limit => {
                return Err(Error::Late { what: what.to_owned(), seconds: limit.as_secs(), last: error.to_string() });
            }
            Err(_) => sleep(pause),
        }
    }
}
