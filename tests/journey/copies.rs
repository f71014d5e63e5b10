//! A database with a copy on another node: what is written is read there, and outlives the pod of the first instance.
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::World;

/// The copy itself, for the Service `-ro` leads to the first instance too.
const COPY: &str = "products-1.products-headless";

/// Design, section 3: "instance 0 is the primary, the others follow it; client Service → primary, `-ro` Service → all".
pub fn a_copy_on_another_node_has_what_was_written(world: &World) {
    let first = world.field("shop", "pod/products-0", "{.metadata.uid}");
    let begun = Instant::now();
    scale(world, 2);
    world.figure("a database with its copy, cloned and following", begun.elapsed());
    assert_eq!(world.field("shop", "pod/products-0", "{.metadata.uid}"), first, "a copy more restarts nothing");
    let nodes = ["products-0", "products-1"].map(|pod| world.field("shop", &format!("pod/{pod}"), "{.spec.nodeName}"));
    assert_ne!(nodes[0], nodes[1], "both on one node");
    assert_eq!(counts(world), [2; 4]);

    let names = "select string_agg(name, ' ' order by name) from products where id like 'copy-%'";
    sell(world, "one");
    until_read(world, COPY, names, "one");

    // With open connections PostgreSQL does not stop within a second: it is killed as by a crash.
    world.kubectl(&["-n", "shop", "delete", "pod", "products-0", "--grace-period=1", "--wait=false"]);
    until_read(world, "products-ro", names, "one");
    world.until("the first instance is another pod", Duration::from_mins(2), || {
        let now = world.field("shop", "pod/products-0", "{.metadata.uid}");
        (!now.is_empty() && now != first).then_some(()).ok_or(now)
    });
    world.until_ready(Duration::from_mins(2));
    assert_eq!(counts(world), [2; 4]);
    assert_eq!(world.query("products", names), "one", "a row was lost");
    sell(world, "two");
    until_read(world, COPY, names, "one two");
    world.query("products", "delete from products where id like 'copy-%'");
    scale(world, 1);
}

fn scale(world: &World, instances: i64) {
    world.merge(&json!({ "spec": { "databases": { "products": { "instances": instances } } } }));
    world.until_ready(Duration::from_mins(2));
    world.until("the instances are counted", Duration::from_mins(1), || {
        let seen = counts(world);
        (seen == [instances; 4]).then_some(()).ok_or(format!("{seen:?}"))
    });
}

fn sell(world: &World, name: &str) {
    world.query("products", &format!("insert into products values ('copy-{name}', '{name}', 100)"));
}

fn until_read(world: &World, host: &str, sql: &str, expected: &str) {
    world.until(&format!("{host} answers what was written"), Duration::from_secs(30), || {
        let read = world.query_at(host, sql)?;
        (read == expected).then_some(()).ok_or(read)
    });
}

/// Instances of the database as the status has them: desired, updated, ready and serving.
fn counts(world: &World) -> [i64; 4] {
    let instances: Value = world.stack()["status"]["databases"]["products"]["instances"].clone();
    ["desired", "updated", "ready", "serving"].map(|state| instances[state].as_i64().unwrap_or(-1))
}
