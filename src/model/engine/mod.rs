//! The table of engines: data, not branches. Adding an engine is adding a row.
mod custom;
mod key_value;
mod mariadb;
mod memcached;
mod mongodb;
mod mysql;
mod nats;
mod postgres;
mod rabbitmq;

use crate::api::Engine;

/// How an engine is run, in the terms of its official image.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// The engine.
    pub engine: Engine,
    /// servicebinding.io `type`, such as `postgresql`.
    pub binding_type: String,
    /// Image repository; the version is its tag.
    pub image: String,
    /// Version where the spec says none.
    pub version: String,
    /// Versions that may run, by their beginning: `17` stands for `17.4` too. Empty: nothing is known of versions, and
    /// no change of them is judged.
    pub versions: &'static [&'static str],
    /// Port that clients use.
    pub port: u16,
    /// Folder that the volume is mounted at; empty: the engine keeps nothing.
    pub mount_path: String,
    /// Environment of the container, complete; `{headless}` stands for the Service that names the instances.
    pub env: Vec<(String, String)>,
    /// Environment only with credentials, as pairs of variable and key of the Secret (`username`, `password`).
    pub credentials_env: Vec<(String, String)>,
    /// Environment only without authentication.
    pub open_env: Vec<(String, String)>,
    /// Arguments of the container always.
    pub args: Vec<String>,
    /// Arguments only with credentials; variables of the container expand.
    pub credentials_args: Vec<String>,
    /// Arguments only without authentication.
    pub open_args: Vec<String>,
    /// Arguments only of a cluster of equal members; `{peers}` stands for all members as [`Recipe::peer`] writes one, and
    /// `{user}` for what a member proves itself with.
    pub member_args: Vec<String>,
    /// What each member of a cluster is told of each; `{user}`, `{host}` and `{number}`, from 1, expand.
    pub peer: &'static str,
    /// What members of a cluster prove themselves with, unless there is no authentication.
    pub peer_user: &'static str,
    /// Readiness check inside the container; empty: a connection to the port.
    pub ready: Vec<String>,
    /// Readiness check of a member of a cluster: port and path that are asked by HTTP.
    pub member_ready: Option<(u16, &'static str)>,
    /// User name of generated credentials; empty: the engine knows no users.
    pub username: String,
    /// Whether the engine has several databases inside (then `DATABASE` is given to consumers).
    pub databases: bool,
    /// Whether clients prove who they are.
    pub access: Access,
    /// How many clients it serves at once.
    pub connections: Connections,
    /// Whether what one consumer keeps in it can be changed by another, so that a second one has to be meant.
    pub shares_data: bool,
    /// Folder whose files the image runs at the first initialisation; empty: none.
    pub init_path: String,
    /// URI for consumers; `$(HOST)`, `$(PORT)`, `$(USERNAME)`, `$(PASSWORD)`, `$(DATABASE)` expand.
    pub uri: String,
    /// The same without authentication.
    pub open_uri: String,
    /// User and group of the official image.
    pub user: Option<i64>,
    /// Group of the official image.
    pub group: Option<i64>,
    /// Writable folders beside the volume, for a read-only image (`Restricted`).
    pub scratch: Vec<String>,
    /// How several instances work together.
    pub replication: Replication,
    /// Variable with the password that instances have among themselves, which consumers do not get.
    pub peer_env: Option<&'static str>,
    /// The row of the members of a cluster, where more than arguments tells them from a single instance.
    pub members: Option<Box<Recipe>>,
    /// Scripts and configuration of ours by file name, mounted at [`FILES`]; `{peers}` stands for a line of each member as
    /// [`Recipe::peer`] writes one.
    pub files: &'static [(&'static str, &'static str)],
    /// Files of [`Recipe::files`] that the image reads elsewhere, with the whole path.
    pub places: &'static [(&'static str, &'static str)],
    /// Files of ours by name among those that the image runs at the first initialisation.
    pub init_files: &'static [(&'static str, &'static str)],
    /// What runs before the engine, in its image and as its user; empty: nothing.
    pub prepare: Vec<String>,
    /// Which form of the row this is, counted from [`FIRST_FORM`]. Another template would restart what runs (rule 13), so
    /// pods stay of the form that they are of.
    pub form: i32,
    /// The form before this one.
    pub former: Option<Box<Recipe>>,
    /// What a volume holds once the data was initialised: one of these paths in it. Empty: nothing is known.
    pub proof: &'static [&'static str],
}

/// The form that a row has first.
pub const FIRST_FORM: i32 = 1;

/// Where [`Recipe::files`] are mounted.
pub const FILES: &str = "/mstack";

/// How several instances of an engine work together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replication {
    /// Not at all: there is one.
    None,
    /// The first one takes the writes, and the others are copies of it.
    Followers,
    /// By the engine's own clustering: one of these numbers of equal members, of which most have to run.
    Members(&'static [i32]),
}

/// Whether clients of an engine prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Always.
    Guarded,
    /// Unless the spec says `auth: None`.
    Either,
    /// Never: the engine knows no users.
    Open,
}

/// How many clients an engine serves at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Connections {
    /// As many as the image admits by itself, where that is a number to reckon with.
    pub most: Option<i32>,
    /// How many of them consumers do not get.
    pub reserved: i32,
    /// What sets another number.
    pub setting: Setting,
}

/// How an engine is told its number of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Setting {
    /// Not at all.
    #[default]
    None,
    /// By arguments; `{}` stands for the number.
    Args(&'static [&'static str]),
    /// By a variable, which a script of the recipe reads.
    Env(&'static str),
}

/// The row of an engine. `database` names what a client connects to inside it, and the user that owns it.
pub fn recipe(engine: Engine, database: &str) -> Recipe {
    match engine {
        Engine::Postgres => postgres::row(database),
        Engine::Mariadb => mariadb::row(database),
        Engine::Mysql => mysql::row(database),
        Engine::Mongodb => mongodb::row(database),
        Engine::Valkey => key_value::valkey(),
        Engine::Redis => key_value::redis(),
        Engine::Memcached => memcached::row(),
        Engine::Rabbitmq => rabbitmq::row(database),
        Engine::Nats => nats::row(database),
        Engine::Custom => custom::row(database),
        // Nothing of it is run here, and its Secret tells the rest.
        Engine::External => Recipe { access: Access::Either, ..base(Engine::External, "", "", 0) },
    }
}

/// What every row starts from.
fn base(engine: Engine, image: &str, version: &str, port: u16) -> Recipe {
    Recipe {
        engine,
        binding_type: String::new(),
        image: image.to_owned(),
        version: version.to_owned(),
        versions: &[],
        port,
        mount_path: String::new(),
        env: Vec::new(),
        credentials_env: Vec::new(),
        open_env: Vec::new(),
        args: Vec::new(),
        credentials_args: Vec::new(),
        open_args: Vec::new(),
        member_args: Vec::new(),
        peer: "",
        peer_user: "",
        ready: Vec::new(),
        member_ready: None,
        username: String::new(),
        databases: false,
        access: Access::Guarded,
        connections: Connections::default(),
        shares_data: false,
        init_path: String::new(),
        uri: String::new(),
        open_uri: String::new(),
        user: None,
        group: None,
        scratch: Vec::new(),
        replication: Replication::None,
        peer_env: None,
        members: None,
        files: &[],
        places: &[],
        init_files: &[],
        prepare: Vec::new(),
        form: FIRST_FORM,
        former: None,
        proof: &[],
    }
}

impl Recipe {
    /// The row of so many instances.
    #[must_use]
    pub fn of_instances(self, count: i32) -> Self {
        match self.members {
            Some(members) if count > 1 => *members,
            _ => self,
        }
    }

    /// Whether a generated Secret has a password of the instances among themselves, now or as a cluster.
    pub fn has_peers(&self) -> bool {
        self.peer_env.is_some() || self.members.as_ref().is_some_and(|members| members.has_peers())
    }

    /// The row in the form that pods are of; where there are none, as it is.
    #[must_use]
    pub fn in_form(self, form: Option<i32>) -> Self {
        match self.former {
            Some(former) if form.is_some_and(|form| form < self.form) => former.in_form(form),
            _ => self,
        }
    }
}

fn shell(script: &str) -> Vec<String> {
    texts(&["sh", "-c", script])
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}
