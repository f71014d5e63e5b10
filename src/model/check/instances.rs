//! How many instances a database has, and what members of a cluster are told of each other.
use super::super::{Credentials, DatabaseNames, Recipe, Replication, Violation, Violations, VolumeFacts};
use crate::api;
use crate::codes::Code;

/// Most instances of a database.
pub const MOST_INSTANCES: i32 = 9;

/// The count that is asked for, as far as the engine's recipe can have it.
pub fn check(path: &str, written: &api::Database, recipe: &Recipe, found: &mut Violations) -> i32 {
    let instances = written.instances.unwrap_or(1);
    let at = format!("{path}.instances");
    if !(1..=MOST_INSTANCES).contains(&instances) {
        let fix = format!("choose one from 1 to {MOST_INSTANCES}");
        found.add(Code::Instances, at, format!("{instances} is not a count of instances"), fix);
        return instances;
    }
    match recipe.replication {
        _ if instances == 1 => {}
        Replication::None => {
            let reason =
                format!("this engine is not replicated here: {instances} separate databases behind one name is data loss");
            found.add(Code::NotReplicated, at, reason, "set `instances: 1`");
        }
        Replication::Followers if written.ephemeral == Some(true) => {
            let reason = "the copies follow the first instance, and it would come back empty from any restart";
            found.add(Code::EphemeralCopies, at, reason, "give it `storage`, or set `instances: 1`");
        }
        Replication::Followers => {}
        Replication::Members(counts) => cluster(path, written, instances, counts, found),
    }
    instances
}

fn cluster(path: &str, written: &api::Database, instances: i32, counts: &[i32], found: &mut Violations) {
    let at = format!("{path}.instances");
    if !counts.contains(&instances) {
        let words: Vec<String> = counts.iter().map(ToString::to_string).collect();
        let reason = format!("{instances} members are no good cluster: more than half of them have to run");
        found.add(Code::Members, at.clone(), reason, format!("choose 1, {}", words.join(" or ")));
    }
    if written.ephemeral == Some(true) {
        let reason = "a member that comes back empty from a restart has forgotten what it agreed to";
        found.add(Code::EphemeralCopies, at, reason, "give it `storage`, or set `instances: 1`");
    }
    if written.credentials.is_some() {
        let reason = "the members of a cluster have a password among themselves, which only a generated Secret has";
        found.add(Code::MembersSecret, format!("{path}.credentials"), reason, "remove `credentials`, or set `instances: 1`");
    }
}

/// Why the database has to stay as it is: its data is that of another number of members.
pub fn judge_members(path: &str, wanted: i32, recipe: &Recipe, volume: Option<&VolumeFacts>) -> Option<Violation> {
    let recorded = volume?.members?;
    if recorded == wanted || !matches!(recipe.replication, Replication::Members(_)) {
        return None;
    }
    let members = |count: i32| if count == 1 { "a single instance".to_owned() } else { format!("a cluster of {count}") };
    let (wanted_words, recorded_words) = (members(wanted), members(recorded));
    Some(Violation {
        path: format!("{path}.instances"),
        reason: format!(
            "{wanted_words} is asked for, and the volumes hold the data of {recorded_words}, which cannot be told to another number of members; the database stays as it is"
        ),
        fix: format!("go back to `instances: {recorded}`, or add a second database and move the data"),
        code: Code::MembersFixed,
    })
}

/// How many instances the row is to be of: as many as the data is of, else as many as are asked for.
pub fn of_data(written: &api::Database, volume: Option<&VolumeFacts>) -> i32 {
    volume.and_then(|volume| volume.members).or(written.instances).unwrap_or(1)
}

/// What each member of a cluster is told of each; nothing of a single instance.
pub fn peers(recipe: &Recipe, objects: &DatabaseNames, credentials: &Credentials, instances: i32) -> Vec<String> {
    if !(2..=MOST_INSTANCES).contains(&instances) || recipe.peer.is_empty() {
        return Vec::new();
    }
    let user = user(recipe, credentials);
    let peer = |ordinal: i32| {
        let number = (ordinal + 1).to_string();
        recipe.peer.replace("{user}", user).replace("{host}", &objects.host(ordinal)).replace("{number}", &number)
    };
    (0..instances).map(peer).collect()
}

/// Arguments of each member of a cluster; none of a single instance.
pub fn member_args(recipe: &Recipe, credentials: &Credentials, peers: &[String]) -> Vec<String> {
    let user = user(recipe, credentials);
    let filled = |argument: &String| argument.replace("{peers}", &peers.join(",")).replace("{user}", user);
    if peers.is_empty() { Vec::new() } else { recipe.member_args.iter().map(filled).collect() }
}

fn user(recipe: &Recipe, credentials: &Credentials) -> &'static str {
    if *credentials == Credentials::None { "" } else { recipe.peer_user }
}
