//! Lines of a shell as documents show them: words, and what is known of kubectl and helm.
#![allow(dead_code, reason = "each test that reads documents uses a part")]
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A document with its name.
pub struct Document {
    pub path: PathBuf,
    pub text: String,
}

/// Every Markdown file of the repository that people read.
pub fn documents() -> Vec<Document> {
    let mut documents = Vec::new();
    for folder in [".", "docs", "docs/adr", "charts/mstack", "examples", "examples/shop", "tests/cluster"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "md") {
                documents.push(Document { text: fs::read_to_string(&path).unwrap(), path });
            }
        }
    }
    assert!(documents.len() >= 20, "only {} documents", documents.len());
    documents
}

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The lines of the shell blocks and sessions of a document.
pub fn shown(text: &str) -> Vec<Line> {
    let typed = blocks(text, "console").into_iter().flat_map(str::lines).filter_map(|line| line.strip_prefix("$ "));
    blocks(text, "sh").into_iter().chain(typed).flat_map(lines).collect()
}

/// The lines within its sentences.
pub fn told(text: &str) -> Vec<Line> {
    let told = spans(text).into_iter().filter(|span| span.contains([' ', '\n']));
    told.flat_map(|span| lines(&span.replace('\n', " "))).collect()
}

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The line itself, without its comment.
    pub text: String,
    /// Its words, without quotes.
    pub words: Vec<String>,
    /// Whether its quotes are whole.
    pub closed: bool,
}

/// Verbs of kubectl with their options, beside those of every verb. Placeholders in capitals stand for names.
const KUBECTL: [(&str, &[&str]); 22] = [
    ("annotate", &["--overwrite", "--all", "-l"]),
    ("apply", &["-f", "-k", "--server-side", "--dry-run", "--force-conflicts"]),
    ("auth", &["--list", "--as"]),
    ("create", &["--from-literal", "--from-file", "--dry-run", "-f", "-o"]),
    ("delete", &["-l", "-f", "--cascade", "--wait", "--ignore-not-found"]),
    ("describe", &["-l"]),
    ("diff", &["-f", "--server-side"]),
    ("edit", &[]),
    ("events", &["--for", "--watch"]),
    ("exec", &["-it", "-i", "-t", "-c"]),
    ("explain", &["--recursive"]),
    ("get", &["-o", "-l", "-w", "--watch", "-A", "--show-managed-fields", "--sort-by"]),
    ("label", &["--overwrite", "-l", "--all"]),
    ("logs", &["-f", "-l", "-c", "--tail", "--since", "--previous", "-p"]),
    ("mstack", &[]),
    ("patch", &["--type", "-p", "--patch", "--subresource"]),
    ("port-forward", &["--address"]),
    ("rollout", &[]),
    ("run", &["--rm", "-it", "--image", "--restart", "--labels"]),
    ("scale", &["--replicas"]),
    ("top", &[]),
    ("wait", &["--for", "--timeout", "--all", "-l"]),
];
const OF_ALL: [&str; 7] = ["-n", "--namespace", "--context", "--kubeconfig", "--help", "-h", "-v"];
const HELM: [(&str, &[&str]); 7] = [
    ("get", &["-n", "--namespace"]),
    ("history", &["-n", "--namespace"]),
    ("rollback", &["-n", "--namespace", "--wait"]),
    ("template", &["-n", "--namespace", "--set", "-f", "--api-versions"]),
    ("test", &["-n", "--namespace", "--logs"]),
    ("uninstall", &["-n", "--namespace", "--wait"]),
    ("upgrade", &["-n", "--namespace", "--install", "--create-namespace", "--set", "-f", "--values", "--wait", "--reuse-values"]),
];

/// Commands of mstack that need no cluster.
const OFFLINE: [&str; 10] = ["lint", "render", "graph", "explain", "init", "convert", "schema", "crd", "completion", "man"];
/// Commands of mstack that need pods that run or an operator in a pod, or take the operator away.
pub const OF_REAL_PODS: [&str; 6] = ["logs", "top", "connect", "ui", "install", "uninstall"];

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words.join(" "))
    }
}

impl Line {
    /// Whether `mstack` itself is called, by either of its names.
    pub fn is_mstack(&self) -> bool {
        let first = self.words.first().map(String::as_str);
        let plugin = first == Some("kubectl") && self.words.get(1).is_some_and(|word| word == "mstack");
        (first == Some("mstack") && self.words.len() > 1) || (plugin && self.words.len() > 2)
    }

    /// Whether a tool for clusters is called.
    pub fn is_of_a_cluster(&self) -> bool {
        ["kubectl", "helm"].contains(&self.words.first().map_or("", String::as_str))
    }

    /// Whether it is one of `mstack` that needs no cluster.
    pub fn is_offline(&self) -> bool {
        self.is_mstack() && (OFFLINE.contains(&self.arguments()[0].as_str()) || self.arguments() == ["install", "--dry-run"])
    }

    /// What comes after `mstack`, without a redirection.
    pub fn arguments(&self) -> Vec<String> {
        let after = if self.words[0] == "kubectl" { 2 } else { 1 };
        let end = |word: &&String| ![">", "|", "&&", "2>"].contains(&word.as_str());
        self.words[after..].iter().take_while(end).cloned().collect()
    }
}

/// Pieces of code within the sentences of a document.
pub fn spans(text: &str) -> Vec<&str> {
    let outside = text.split("```").step_by(2);
    outside.flat_map(|part| part.split('`').skip(1).step_by(2)).collect()
}

/// The blocks of a language that a document shows.
pub fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let begin = format!("```{language}\n");
    text.split(begin.as_str()).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// The commands of a text: a line each, joined where it ends with `\`, without comments and without the prompt.
pub fn lines(text: &str) -> Vec<Line> {
    let joined = text.replace("\\\n", " ");
    joined.lines().map(|line| line.trim().trim_start_matches("$ ")).filter_map(line).collect()
}

fn line(text: &str) -> Option<Line> {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    // What `$( )` holds is a word of its own.
    let mut depth = 0_u32;
    let mut end = text.len();
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '#') if !begun => {
                end = at;
                break;
            }
            (None, '\'' | '"') => {
                quote = Some(c);
                begun = true;
            }
            (Some(open), _) if c == open && depth == 0 => quote = None,
            (None, _) if c.is_whitespace() && depth == 0 => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            _ => {
                if c == '(' && (word.ends_with('$') || depth > 0) {
                    depth += 1;
                } else if c == ')' && depth > 0 {
                    depth -= 1;
                }
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    let text = text[..end].trim_end().to_owned();
    (!words.is_empty()).then_some(Line { text, words, closed: quote.is_none() && depth == 0 })
}

/// Whether a line of kubectl or helm makes sense; others are not looked at. Within a sentence it need not be whole.
pub fn judge(line: &Line, whole: bool) -> Result<(), String> {
    if !line.is_of_a_cluster() || line.words.len() == 1 {
        return Ok(());
    }
    if !line.closed {
        return Err("a quote does not end".to_owned());
    }
    if line.words.iter().any(|word| word == "...") {
        return Ok(());
    }
    let table: &[(&str, &[&str])] = if line.words[0] == "helm" { &HELM } else { &KUBECTL };
    let mut words = line.words[1..].iter().take_while(|word| !["|", ">", "&&"].contains(&word.as_str())).peekable();
    while words.peek().is_some_and(|word| word.starts_with('-')) {
        let option = words.next().unwrap();
        if !OF_ALL.contains(&option.split('=').next().unwrap()) {
            return Err(format!("the option {option} comes before the verb"));
        }
        if !option.contains('=') {
            words.next();
        }
    }
    let verb = words.next().ok_or("there is no verb")?;
    let Some((_, options)) = table.iter().find(|(known, _)| known == verb) else {
        return Err(format!("there is no verb `{verb}`; add a new one to tests/shell"));
    };
    if verb == "mstack" {
        return Ok(());
    }
    let mut given = 0;
    // What comes after `--` is the command in a pod.
    let words: Vec<&String> = words.take_while(|word| *word != "--").collect();
    for (n, word) in words.iter().enumerate() {
        let name = word.split('=').next().unwrap();
        if name.starts_with('-') && name.len() > 1 && !options.contains(&name) && !OF_ALL.contains(&name) {
            return Err(format!("`{verb}` has no option {name} that is known here; add a new one to tests/shell"));
        }
        given += usize::from(!word.starts_with('-'));
        let patch = ["-p", "--patch"].contains(&word.as_str()).then(|| words.get(n + 1)).flatten();
        if let Some(patch) = patch.filter(|patch| !patch.contains("$(")) {
            serde_json::from_str::<serde_json::Value>(patch).map_err(|error| format!("the patch is no JSON: {error}"))?;
        }
    }
    let told = ["wait", "rollout", "explain", "apply", "diff", "top"].contains(&verb.as_str());
    if given == 0 && !told && whole {
        return Err(format!("`{verb}` of what?"));
    }
    Ok(())
}
