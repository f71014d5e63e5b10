//! Texts that speak of other components: addresses, URIs and credentials become the variables that the stack gives.
use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::peers::{Known, Peer, Peers};
use super::words;

/// `scheme://user:password@host:port/path`, where all but the host may be missing; `@tcp(host:port)` is how Go writes it.
static ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)?"#,
        r#"(?:(?P<user>[^\s:@/,'"()=]*)(?P<colon>:(?P<password>[^\s@/,'"]*))?@(?P<open>[a-z0-9]+\()?)?"#,
        r#"(?P<host>[A-Za-z0-9][A-Za-z0-9_.-]*)(?::(?P<port>[0-9]{1,5}))?(?P<close>\))?(?P<path>/[^\s?,;#'"]*)?"#,
    ))
    .ok()
});
/// `host=db user=app`, `Server=db;User Id=app`.
static PAIR: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(host|server|data source|addr|address|user id|username|user|uid|password|pwd|dbname|database|initial catalog)(\s*=\s*)([^\s;,]+)").ok()
});
/// The end of a text after which a name alone is that of a host.
static BEFORE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)((host|server|addr|endpoint|broker|upstream|proxy_pass)\w*['"]?\s*[=: ]\s*['"]?|\s-h ?)$"#).ok()
});
const HOSTS: [&str; 10] = ["HOST", "SERVER", "ADDR", "ENDPOINT", "BROKER", "NODE", "URL", "URI", "SERVICE", "PEER"];
const PAIRS: [(&str, &[&str]); 4] = [
    ("host", &["host", "server", "data source", "addr", "address"]),
    ("username", &["user id", "username", "user", "uid"]),
    ("password", &["password", "pwd"]),
    ("database", &["dbname", "database", "initial catalog"]),
];

/// Reads the texts of one component.
#[derive(Debug)]
pub struct Reader<'a> {
    peers: &'a Peers,
    own: &'a str,
    /// Components that the texts speak of.
    pub edges: BTreeSet<String>,
    /// What could not be turned into variables: the component and why.
    pub doubts: Vec<(String, String)>,
    /// Other names by which components are called, with those that they have.
    pub others: BTreeSet<(String, String)>,
    /// Variables that have another value than the one that the stack would give.
    pub taken: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    /// A reader for the texts of this component.
    pub fn new(peers: &'a Peers, own: &'a str) -> Self {
        Self { peers, own, edges: BTreeSet::new(), doubts: Vec::new(), others: BTreeSet::new(), taken: BTreeSet::new() }
    }

    /// Those whom the texts may speak of.
    pub fn peers(&self) -> &'a Peers {
        self.peers
    }

    fn peer(&self, host: &str) -> Option<&'a Peer> {
        self.peers.find(host).filter(|peer| peer.name != self.own)
    }

    /// The text with references in place of what they stand for. What else looks like a reference is escaped.
    pub fn read(&mut self, variable: &str, text: &str) -> String {
        if let Some(pairs) = self.pairs(text) {
            return pairs;
        }
        let Some(pattern) = ADDRESS.as_ref() else { return escaped(text) };
        let (mut out, mut end) = (String::new(), 0);
        for found in pattern.captures_iter(text) {
            let Some(whole) = found.get(0) else { continue };
            let Some(peer) = self.peer(&found["host"]).filter(|peer| is_address(&found, variable, text, peer)) else { continue };
            out.push_str(&escaped(&text[end..whole.start()]));
            self.edges.insert(peer.name.clone());
            if found["host"] != peer.name {
                self.others.insert((found["host"].to_owned(), peer.name.clone()));
            }
            out.push_str(&self.address(&found, peer));
            end = whole.end();
        }
        out + &escaped(&text[end..])
    }

    /// Words of a connection string, once one of them is the host.
    fn pairs(&mut self, text: &str) -> Option<String> {
        let pattern = PAIR.as_ref()?;
        let key =
            |word: &str| PAIRS.iter().find(|(_, words)| words.contains(&word.to_ascii_lowercase().as_str())).map(|(key, _)| *key);
        let host = |found: &Captures| (key(&found[1]) == Some("host")).then(|| self.peer(&found[3])).flatten();
        let peer = pattern.captures_iter(text).find_map(|found| host(&found)).filter(|peer| peer.database.is_some())?;
        let known = peer.database.as_ref()?;
        self.edges.insert(peer.name.clone());
        let (mut out, mut end) = (String::new(), 0);
        for found in pattern.captures_iter(text) {
            let (Some(whole), Some(key)) = (found.get(0), key(&found[1])) else { continue };
            out.push_str(&escaped(&text[end..whole.start()]));
            let fits = key == "host" && self.peer(&found[3]).is_some() || fits(known, key, &found[3]);
            let variable = self.variable(peer, key).filter(|_| fits);
            let value = variable.unwrap_or_else(|| if key == "host" && fits { peer.name.clone() } else { escaped(&found[3]) });
            let _ = write!(out, "{}{}{value}", &found[1], &found[2]);
            end = whole.end();
        }
        Some(out + &escaped(&text[end..]))
    }

    fn address(&mut self, found: &Captures, peer: &Peer) -> String {
        let group = |name: &str| found.name(name).map(|part| part.as_str());
        let text = |name: &str| group(name).unwrap_or_default();
        let port: Option<u16> = group("port").and_then(|port| port.parse().ok());
        let main = port.is_none() || port == peer.port;
        if let Some((key, rest)) = whole(peer, found).filter(|_| main)
            && let Some(variable) = self.variable(peer, key)
        {
            return variable + &escaped(&rest);
        }
        if peer.keys().is_empty() {
            self.doubt(peer, "nothing says which port it listens on; add its `port`");
            return escaped(&found[0]);
        }
        if let Some(port) = port.filter(|port| !peer.ports.contains(port)) {
            self.doubt(peer, &format!("it is called at port {port}, which it does not list; add it to its `ports`"));
        }
        let who = match (group("user"), &peer.database) {
            (Some(_), Some(known)) => self.credentials(found, peer, known),
            (Some(user), None) => format!("{user}{}@", text("colon")),
            (None, _) => String::new(),
        };
        let host = self.variable(peer, "host").unwrap_or_else(|| peer.name.clone());
        let place = match port {
            Some(port) => self.variable(peer, "addr").filter(|_| main).unwrap_or_else(|| format!("{host}:{port}")),
            None => host,
        };
        let path = text("path");
        let database = peer.database.as_ref().and_then(|known| known.database.as_deref());
        let inside = database.is_some_and(|database| path.strip_prefix('/') == Some(database));
        let variable = self.variable(peer, "database").filter(|_| inside);
        let path = variable.map_or_else(|| escaped(path), |variable| format!("/{variable}"));
        if !inside && path.len() > 1 && database.is_some() {
            self.doubt(peer, &format!("the database `{}` inside of it is not the one that is made", &path[1..]));
        }
        format!("{}{who}{}{place}{}{path}", text("scheme"), text("open"), text("close"))
    }

    fn credentials(&mut self, found: &Captures, peer: &Peer, known: &Known) -> String {
        let part = |name: &str| found.name(name).map(|part| part.as_str()).unwrap_or_default();
        let keys = peer.keys();
        let mut one = |key: &str, written: &str| {
            let variable = self.variable(peer, key).filter(|_| keys.contains(&key) && fits(known, key, written));
            if let Some(variable) = variable {
                return variable;
            }
            if !written.is_empty() {
                self.doubt(peer, &format!("the {key} in an address is not the one of this database; mend it by hand"));
            }
            escaped(written)
        };
        let user = one("username", part("user"));
        let password = if part("colon").is_empty() { String::new() } else { format!(":{}", one("password", part("password"))) };
        format!("{user}{password}@")
    }

    /// A reference to a variable of a component, where the variable is the one that the stack gives.
    fn variable(&self, peer: &Peer, key: &str) -> Option<String> {
        let name = peer.variable_name(key);
        (!self.taken.contains(&name)).then(|| format!("$({name})"))
    }

    fn doubt(&mut self, peer: &Peer, why: &str) {
        let doubt = (peer.name.clone(), why.to_owned());
        if !self.doubts.contains(&doubt) {
            self.doubts.push(doubt);
        }
    }

    /// Which variable of which component a value is, where it is exactly one.
    pub fn reference(&self, value: &str) -> Option<(&'a Peer, &'static str)> {
        let name = value.strip_prefix("$(")?.strip_suffix(')')?;
        let mut peers = self.edges.iter().filter_map(|edge| self.peers.named(edge));
        peers.find_map(|peer| peer.keys().into_iter().find(|key| peer.variable_name(key) == name).map(|key| (peer, key)))
    }

    /// The components whose variables a text has references to.
    pub fn referred(&self, text: &str) -> Vec<String> {
        let begins = |peer: &&Peer| text.contains(&format!("$({}", peer.variable_name("")));
        self.edges.iter().filter_map(|edge| self.peers.named(edge)).filter(begins).map(|peer| peer.name.clone()).collect()
    }

    /// The used database whose password is read from this file.
    pub fn owner(&self, file: &str) -> Option<String> {
        let mut peers = self.edges.iter().filter_map(|edge| self.peers.named(edge));
        let reads = |peer: &&Peer| peer.database.as_ref().is_some_and(|known| known.files.iter().any(|known| known == file));
        peers.find(reads).map(|peer| peer.name.clone())
    }

    /// The credential of a used database that a value is, by the value and the name of its variable. `hosts` are the
    /// variables that have become an address of a database.
    pub fn credential(&self, variable: &str, value: &str, hosts: &[(String, String)]) -> Option<(&'a Peer, &'static str)> {
        let kinds: [(&str, &[&str]); 3] = [
            ("password", &["PASS", "PWD"]),
            ("username", &["USER", "LOGIN"]),
            ("database", &["DB", "DATABASE", "NAME", "SCHEMA"]),
        ];
        let (key, _) = kinds.into_iter().find(|(_, says)| words::says(variable, says))?;
        let databases = self.edges.iter().filter_map(|edge| self.peers.named(edge));
        let mut fitting: Vec<(usize, &Peer)> = databases
            .filter(|peer| peer.keys().contains(&key) && peer.database.as_ref().is_some_and(|known| fits(known, key, value)))
            .map(|peer| {
                let own = hosts.iter().filter(|(_, name)| *name == peer.name);
                (own.map(|(host, _)| shared(host, variable)).max().unwrap_or_default(), peer)
            })
            .collect();
        fitting.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
        match fitting.as_slice() {
            [(best, peer), rest @ ..] if rest.first().is_none_or(|(next, _)| next < best) => Some((peer, key)),
            _ => None,
        }
    }
}

/// Whether a host is meant, and not a word that is the same.
fn is_address(found: &Captures, variable: &str, text: &str, peer: &Peer) -> bool {
    let (Some(whole), Some(host)) = (found.get(0), found.name("host")) else { return false };
    let port: Option<u16> = found.name("port").and_then(|port| port.as_str().parse().ok());
    if found.name("scheme").is_some() || found.name("user").is_some() || port.is_some_and(|port| peer.ports.contains(&port)) {
        return true;
    }
    let before = &text[..whole.start()];
    let stands_alone = before.trim_end().is_empty() || before.ends_with([',', ';', ' ', '\n']);
    let named = words::says(variable, &HOSTS) && stands_alone && (found.name("path").is_none() || host.start() == 0);
    named || BEFORE.as_ref().is_some_and(|pattern| pattern.is_match(before))
}

/// The one variable that a whole address is, and what comes after it.
fn whole(peer: &Peer, found: &Captures) -> Option<(&'static str, String)> {
    let part = |name: &str| found.name(name).map(|part| part.as_str());
    let (scheme, path) = (part("scheme")?.trim_end_matches("://"), part("path").unwrap_or_default());
    let Some(known) = &peer.database else {
        let port_fits = part("port").is_some() || peer.port == Some(80);
        let plain = scheme == "http" && part("user").is_none() && port_fits && !peer.keys().is_empty();
        return plain.then(|| ("url", path.to_owned()));
    };
    let (form_scheme, form) = known.form.split_once("://")?;
    let who = form.split_once('@').map(|(who, _)| who);
    let fits_user = match who {
        Some(who) if who.starts_with("$(USERNAME)") => fits(known, "username", part("user")?),
        Some(_) => part("user").is_some_and(|user| user.is_empty() || user == "default"),
        None => part("user").is_none(),
    };
    let fits_password =
        who.is_none_or(|who| !who.contains("$(PASSWORD)") || fits(known, "password", part("password").unwrap_or_default()));
    let same = |one: &str, other: &str| {
        one == other || one.starts_with("postgres") && other.starts_with("postgres") && !one.contains('+')
    };
    if !fits_user || !fits_password || !same(scheme, form_scheme) {
        return None;
    }
    if form.contains("$(DATABASE)") {
        let database = known.database.as_deref()?;
        return (path.strip_prefix('/')? == database).then(|| ("uri", String::new()));
    }
    Some(("uri", path.to_owned()))
}

fn fits(known: &Known, key: &str, value: &str) -> bool {
    match key {
        "username" => known.users.iter().any(|user| user == value),
        "password" => !value.is_empty() && known.passwords.iter().any(|password| password == value),
        "database" => known.database.as_deref() == Some(value),
        _ => false,
    }
}

/// How many first characters two names share.
fn shared(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count()
}

/// A text that stays as it is where Kubernetes looks for references.
fn escaped(text: &str) -> String {
    text.replace("$(", "$$(")
}

/// Hosts that a text calls at a port.
pub fn called(text: &str) -> Vec<(String, u16)> {
    let Some(pattern) = ADDRESS.as_ref() else { return Vec::new() };
    let of = |found: Captures| {
        let scheme = found.name("scheme").map(|scheme| scheme.as_str());
        let default = match scheme {
            Some("http://") => Some(80),
            Some("https://") => Some(443),
            _ => None,
        };
        let port = found.name("port").and_then(|port| port.as_str().parse().ok()).or(default)?;
        Some((found["host"].to_owned(), port))
    };
    pattern.captures_iter(text).filter_map(of).collect()
}
