//! Who is called what: the components of the stack, as others find them.
use std::collections::BTreeMap;

use super::draft::{Draft, Role};
use super::ports;
use super::tree::Item;
use super::words;
use crate::model::Recipe;
use crate::model::discovery::prefix;
use crate::model::engine::Access;

/// All components by each of their names.
#[derive(Debug, Default)]
pub struct Peers {
    peers: Vec<Peer>,
    names: BTreeMap<String, usize>,
}

/// One component.
#[derive(Debug)]
pub struct Peer {
    /// Its name in the stack.
    pub name: String,
    /// Its main port.
    pub port: Option<u16>,
    /// All of its ports.
    pub ports: Vec<u16>,
    /// Profiles that it belongs to.
    pub profiles: Vec<String>,
    /// What is known of a database.
    pub database: Option<Known>,
}

/// A database of a known engine as its Compose file has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Form of its URI in the stack.
    pub form: String,
    /// Names of users that its password is for; the first is its own.
    pub users: Vec<String>,
    /// Passwords that open it.
    pub passwords: Vec<String>,
    /// Files that the password is read from.
    pub files: Vec<String>,
    /// The database inside of it.
    pub database: Option<String>,
    /// Whether anybody may come in.
    pub open: bool,
}

/// Users and passwords that an image has where none is given.
const DEFAULTS: [(&str, &str, &str); 2] = [("postgresql", "postgres", ""), ("rabbitmq", "guest", "guest")];

impl Peers {
    /// The components of all services of a project.
    pub fn of(drafts: &[Draft]) -> Self {
        let mut peers = Self::default();
        for draft in drafts.iter().filter(|draft| draft.role != Role::Once) {
            let database = match &draft.role {
                Role::Engine(engine) => Some(known(draft, &engine.recipe)),
                _ => None,
            };
            let engine_port = match &draft.role {
                Role::Engine(engine) => Some(engine.recipe.port),
                _ => None,
            };
            let port = engine_port.or_else(|| ports::main(&draft.ports));
            let ports = engine_port.map_or_else(|| draft.ports.iter().map(|port| port.number).collect(), |port| vec![port]);
            for alias in &draft.aliases {
                peers.names.entry(alias.clone()).or_insert(peers.peers.len());
            }
            peers.names.insert(draft.source.clone(), peers.peers.len());
            peers.peers.push(Peer { name: draft.name.clone(), port, ports, profiles: draft.profiles(), database });
        }
        peers
    }

    /// The component that is called so.
    pub fn find(&self, name: &str) -> Option<&Peer> {
        self.names.get(name).map(|&at| &self.peers[at])
    }

    /// The component of this name in the stack.
    pub fn named(&self, name: &str) -> Option<&Peer> {
        self.peers.iter().find(|peer| peer.name == name)
    }
}

impl Peer {
    /// The name of one of its variables.
    pub fn variable_name(&self, key: &str) -> String {
        format!("{}_{}", prefix(&self.name), key.to_uppercase())
    }

    /// The keys that consumers may bind.
    pub fn keys(&self) -> Vec<&'static str> {
        match &self.database {
            Some(known) => {
                let has = |part: &str| known.form.contains(part);
                let key = |key: &&str| match *key {
                    "username" => has("$(USERNAME)"),
                    "password" => has("$(PASSWORD)"),
                    "database" => has("$(DATABASE)"),
                    _ => true,
                };
                crate::model::discovery::DATABASE_KEYS.into_iter().filter(key).collect()
            }
            None if self.port.is_some() => crate::model::discovery::SERVICE_KEYS.to_vec(),
            None => Vec::new(),
        }
    }
}

/// Whether nobody has to prove who he is: the engine knows no users, or can do without and the file gives no password.
pub fn is_open(draft: &Draft, recipe: &Recipe) -> bool {
    let secret =
        draft.env.iter().any(|(name, item)| words::says(name, &["PASS"]) && item.text().is_some_and(|text| !text.is_empty()));
    match recipe.access {
        Access::Open => true,
        Access::Either => !secret && password_argument(draft, recipe).is_none(),
        Access::Guarded => false,
    }
}

fn known(draft: &Draft, recipe: &Recipe) -> Known {
    let default = DEFAULTS.iter().find(|(kind, ..)| *kind == recipe.binding_type);
    let of_key = |key: &str| {
        let mut names = recipe.credentials_env.iter().filter(move |(_, known)| known == key).map(|(name, _)| name.as_str());
        names.find_map(|name| value(&draft.env, name))
    };
    let open = is_open(draft, recipe);
    let user = of_key("username").or_else(|| default.map(|(_, user, _)| (*user).to_owned()));
    let password = of_key("password")
        .or_else(|| password_argument(draft, recipe))
        .or_else(|| default.map(|(.., password)| (*password).to_owned()).filter(|password| !password.is_empty()));
    let mut inside = recipe.env.iter().filter(|(_, value)| *value == recipe.username && !recipe.username.is_empty());
    let database = inside.find_map(|(name, _)| value(&draft.env, name));
    let mut known = Known {
        form: if open { recipe.open_uri.clone() } else { recipe.uri.clone() },
        database: database.or_else(|| user.clone()).filter(|_| recipe.databases),
        users: user.into_iter().collect(),
        passwords: password.into_iter().collect(),
        files: draft
            .env
            .iter()
            .filter(|(name, _)| name.ends_with("PASSWORD_FILE"))
            .filter_map(|(_, item)| item.text().map(str::to_owned))
            .collect(),
        open,
    };
    if let Some(root) = draft.env.iter().find(|(name, _)| name.ends_with("_ROOT_PASSWORD")).and_then(|(_, item)| item.text()) {
        known.users.push("root".to_owned());
        known.passwords.push(root.to_owned());
    }
    known
}

/// The value of a variable, also under the name that a relative of the image gives it: `MYSQL_USER` for `MARIADB_USER`.
fn value(environment: &[(String, Item)], name: &str) -> Option<String> {
    let tail = |name: &str| name.split_once('_').map(|(_, tail)| tail.to_owned());
    let exact = environment.iter().find(|(known, _)| known == name);
    let related = || environment.iter().find(|(known, _)| tail(known).is_some() && tail(known) == tail(name));
    exact.or_else(related).and_then(|(_, item)| item.text()).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The password in the command line, after the flag that the engine's row knows.
fn password_argument(draft: &Draft, recipe: &Recipe) -> Option<String> {
    let flag = recipe.credentials_args.iter().find(|word| word.starts_with("--"))?;
    let words = draft.words();
    let at = words.iter().position(|word| word == flag || word.starts_with(&format!("{flag}=")))?;
    words[at]
        .split_once('=')
        .map(|(_, value)| value.to_owned())
        .or_else(|| words.get(at + 1).cloned())
        .filter(|text| !text.is_empty())
}
