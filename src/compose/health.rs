//! The check of a container.
use std::sync::LazyLock;

use regex::Regex;

use super::notes::Notes;
use super::ports::Port;
use super::tree::{Data, Item};
use super::{ports, words};
use crate::api::{Health, Probe};

static HTTP: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"\b(curl|wget)\b.*\bhttp://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::(\d+))?(/[^\s'"|;&)?]*)?"#).ok()
});
static TCP: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\bnc\b(?: -\S+)* (?:localhost|127\.0\.0\.1|0\.0\.0\.0) (\d+)\b").ok());

/// What a check looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    /// A path, at a port.
    Http(String, u16),
    /// A port.
    Tcp(u16),
    /// A command.
    Exec(Vec<String>),
}

/// The port that the check of a service asks.
pub fn port(service: &Item) -> Option<u16> {
    match test(service.get("healthcheck")?)? {
        Test::Http(_, port) | Test::Tcp(port) => Some(port),
        Test::Exec(_) => None,
    }
}

/// The check of a service.
pub fn of(service: &Item, known: &[Port], path: &str, notes: &mut Notes) -> Option<Health> {
    let check = service.get("healthcheck")?;
    if check.text_of("disable") == Some("true") {
        return None;
    }
    let path = format!("{path}.healthcheck");
    let mut time = |key: &str| {
        let item = check.get(key)?;
        let seconds = item.text().and_then(words::seconds);
        if seconds.is_none() {
            notes.left(&item.place, format!("{path}.{key}"), "it is no time", "write it like `10s`");
        }
        seconds.map(|seconds| format!("{seconds}s"))
    };
    let (period, timeout) = (time("interval"), time("timeout"));
    let failures = check.text_of("retries").and_then(|text| text.parse().ok()).map(|retries: i32| retries.clamp(1, 1000));
    let name = |number: u16| {
        let named = ports::named(known).into_iter().find(|(_, port)| port.number == number && port.protocol == "TCP");
        named.map(|(name, _)| name).filter(|name| name != "http")
    };
    let probe = match test(check)? {
        Test::Http(path, port) => Probe { http: Some(path), port: name(port), ..Probe::default() },
        Test::Tcp(port) => Probe { tcp: Some(true), port: name(port), ..Probe::default() },
        Test::Exec(command) => Probe { exec: Some(command), ..Probe::default() },
    };
    Some(Health { probe: Probe { period, timeout, failures, ..probe }, startup: None })
}

fn test(check: &Item) -> Option<Test> {
    let test = check.get("test")?;
    let shell = |line: &str| vec!["sh".to_owned(), "-c".to_owned(), line.to_owned()];
    let command = match &test.data {
        Data::Text(line) => shell(line),
        _ => match test.texts().split_first()? {
            (&"NONE", _) => return None,
            (&"CMD-SHELL", rest) => shell(&rest.join(" ")),
            (&"CMD", rest) => rest.iter().map(|&word| word.to_owned()).collect(),
            _ => test.texts().into_iter().map(str::to_owned).collect(),
        },
    };
    let line = command.join(" ");
    // More than one request, or one with a header or a method of its own, is for the command itself.
    let plain =
        line.matches("://").count() == 1 && !["-X", "-H", "--header", "-d ", "grep", "jq"].iter().any(|word| line.contains(word));
    if let Some(found) = HTTP.as_ref().and_then(|pattern| pattern.captures(&line)).filter(|_| plain) {
        let port = found.get(2).map_or(Some(80), |port| port.as_str().parse().ok())?;
        return Some(Test::Http(found.get(3).map_or("/", |path| path.as_str()).to_owned(), port));
    }
    if let Some(port) = TCP.as_ref().and_then(|pattern| pattern.captures(&line)).and_then(|found| found[1].parse().ok()) {
        return Some(Test::Tcp(port));
    }
    (!command.is_empty()).then_some(Test::Exec(command))
}

#[cfg(test)]
mod tests {
    use super::super::tree::read;
    use super::*;

    fn tested(yaml: &str) -> Option<Test> {
        test(&read("f", yaml).unwrap())
    }

    #[test]
    fn a_request_to_itself_is_a_check_of_the_path_and_anything_else_a_command() {
        let exec = |words: &[&str]| Some(Test::Exec(words.iter().map(|&word| word.to_owned()).collect()));
        assert_eq!(tested("test: [CMD, curl, -f, 'http://localhost:8080/health']"), Some(Test::Http("/health".to_owned(), 8080)));
        assert_eq!(tested("test: wget -q --spider http://127.0.0.1 || exit 1"), Some(Test::Http("/".to_owned(), 80)));
        assert_eq!(tested("test: [CMD-SHELL, nc -z localhost 9000]"), Some(Test::Tcp(9000)));
        assert_eq!(tested("test: [CMD, app, check]"), exec(&["app", "check"]));
        assert_eq!(
            tested("test: curl -s http://localhost/x | grep ok"),
            exec(&["sh", "-c", "curl -s http://localhost/x | grep ok"])
        );
        assert_eq!(tested("test: [NONE]"), None);
    }
}
