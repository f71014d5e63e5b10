//! What the consumers of a database do to each other: data that is not meant to be shared, and connections that run out.
//! Both hold nothing back.
use std::collections::BTreeMap;

use super::super::{Database, Service, Use, Violations};
use crate::codes::Code;

/// Judges each database by all that use it.
pub fn judge(databases: &BTreeMap<String, Database>, services: &BTreeMap<String, Service>, notices: &mut Violations) {
    for database in databases.values() {
        let uses = |service: &'_ Service| service.uses.iter().find(|edge| edge.target == database.name).cloned();
        let consumers: Vec<(&Service, Use)> =
            services.values().filter_map(|service| uses(service).map(|edge| (service, edge))).collect();
        judge_shared(database, &consumers, notices);
        judge_budget(database, &consumers, notices);
    }
}

fn judge_shared(database: &Database, consumers: &[(&Service, Use)], notices: &mut Violations) {
    if consumers.len() < 2 || database.shared || !database.recipe.shares_data {
        return;
    }
    let names: Vec<String> = consumers.iter().map(|(service, _)| format!("`{}`", service.name)).collect();
    notices.add(
        Code::NotShared,
        format!("spec.databases.{}.shared", database.name),
        format!("{} use it, and each of them can change the data of the others", names.join(" and ")),
        "set `shared: true` if that is meant, or give each its own database",
    );
}

/// The most connections of all consumers, as far as they are told, against those that there are.
fn judge_budget(database: &Database, consumers: &[(&Service, Use)], notices: &mut Violations) {
    let Some(most) = database.connections else { return };
    let told = |(service, edge): &(&Service, Use)| Some((service.name.clone(), service.count.most(), edge.pool?));
    let pools: Vec<(String, i32, i32)> = consumers.iter().filter_map(told).collect();
    let wanted: i64 = pools.iter().map(|(_, count, pool)| i64::from(*count) * i64::from(*pool)).sum();
    if wanted <= i64::from(most) {
        return;
    }
    let figures: Vec<String> = pools.iter().map(|(name, count, pool)| format!("`{name}` {count} × {pool}")).collect();
    let reserved = match database.recipe.connections.reserved {
        0 => String::new(),
        reserved => format!(" (besides {reserved} that the engine keeps for itself)"),
    };
    notices.add(
        Code::ConnectionBudget,
        format!("spec.databases.{}.maxConnections", database.name),
        format!("its consumers open up to {wanted} connections ({}), and it admits {most}{reserved}", figures.join(", ")),
        "lower a `pool` or a count of instances, or raise `maxConnections`",
    );
}
