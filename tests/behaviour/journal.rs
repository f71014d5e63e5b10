//! What the API server and the operator have noted so far: each file is read on from where it was read last.
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{OPERATOR, Request};

/// The audit log and the operator's own.
pub struct Journal {
    audit: Tail,
    log: Tail,
    requests: Vec<Request>,
    writes: HashMap<String, usize>,
    looks: HashMap<String, BTreeMap<String, Look>>,
}

/// The lines of a growing file that were not read yet.
pub struct Tail {
    path: PathBuf,
    read: u64,
}

/// How often the operator has looked at a stack, and when it does so again without an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Look {
    count: usize,
    next: String,
}

/// Where a part of the cluster stands: two that are the same, and between them nothing has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What was changed so far, by anybody.
    writes: usize,
    looks: Vec<BTreeMap<String, Look>>,
}

impl Standing {
    /// Whether the operator is about to look at a stack again, for something that it knows already.
    pub fn is_due(&self) -> bool {
        self.looks.iter().flat_map(BTreeMap::values).any(|look| matches!(look.next.as_str(), "Soon" | "Counts"))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    verb: String,
    user: User,
    #[serde(default)]
    object_ref: Object,
    #[serde(default)]
    response_status: Answer,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Object {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    code: i64,
}

impl Journal {
    /// The journal of a cluster's audit log and of an operator's log, which may not exist yet.
    pub fn new(audit: &Path, log: &Path) -> Self {
        Self { audit: Tail::of(audit), log: Tail::of(log), requests: Vec::new(), writes: HashMap::new(), looks: HashMap::new() }
    }

    /// The operator's requests so far, in the order of the audit log.
    pub fn requests(&mut self) -> &[Request] {
        self.read_on();
        &self.requests
    }

    /// Where a namespace stands; all but those of Kubernetes itself where none is named.
    pub fn standing(&mut self, namespace: Option<&str>) -> Standing {
        self.read_on();
        let is_meant = |name: &String| namespace.map_or(!name.is_empty() && !name.starts_with("kube-"), |only| name == only);
        let writes = self.writes.iter().filter(|(name, _)| is_meant(name)).map(|(_, count)| count).sum();
        let mut looks: Vec<_> = self.looks.iter().filter(|(name, _)| is_meant(name)).collect();
        looks.sort_by_key(|(name, _)| *name);
        Standing { writes, looks: looks.into_iter().map(|(_, looks)| looks.clone()).collect() }
    }

    /// How many stacks the operator has looked at since it was started.
    pub fn looked_at(&mut self) -> usize {
        self.read_on();
        self.looks.values().map(BTreeMap::len).sum()
    }

    /// The operator has ended: what it was about to do it will not do.
    pub fn ended(&mut self) {
        self.read_on();
        self.looks.clear();
    }

    fn read_on(&mut self) {
        for event in self.audit.lines().lines().filter_map(|line| serde_json::from_str::<Event>(line).ok()) {
            self.note(event);
        }
        for line in self.log.lines().lines().filter(|line| line.contains(" reconciled ")) {
            self.note_look(line);
        }
    }

    fn note(&mut self, event: Event) {
        let Object { resource, subresource, namespace, name } = event.object_ref;
        let request = Request { verb: event.verb, resource, subresource, namespace, name, code: event.response_status.code };
        if request.is_write() && request.code < 300 {
            *self.writes.entry(request.namespace.clone()).or_default() += 1;
        }
        if event.user.username == OPERATOR {
            self.requests.push(request);
        }
    }

    /// `... reconciled stack=shop/web next=Event`
    fn note_look(&mut self, line: &str) {
        let field = |name: &str| line.split(' ').find_map(|word| word.strip_prefix(name));
        let Some((namespace, stack)) = field("stack=").and_then(|key| key.split_once('/')) else { return };
        let look = self.looks.entry(namespace.to_owned()).or_default().entry(stack.to_owned()).or_default();
        look.count += 1;
        field("next=").unwrap_or_default().clone_into(&mut look.next);
    }
}

impl Tail {
    /// A file that may not exist yet.
    pub fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), read: 0 }
    }

    /// The lines that have come since it was read last.
    pub fn lines(&mut self) -> String {
        let Ok(mut file) = File::open(&self.path) else { return String::new() };
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.read)).unwrap();
        file.read_to_end(&mut bytes).unwrap();
        // The last line may be half written.
        bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
        self.read += bytes.len() as u64;
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
