//! The recipes of engines, run as they are rendered: each instance of a database is the processes of its pod,
//! with the volumes, variables, arguments and users of the StatefulSet, in namespaces of its own. The servers are those of
//! this machine.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at what it does not expect")]

mod images;
mod members;
mod pods;
mod single;

use pods::{Pods, Run};

const POSTGRES: &str = "{engine: postgres, version: 15, storage: {size: 1Gi}, instances: 2, init: {01-schema.sql: 'create table t (v int); insert into t values (1)'}}";

/// A query by a consumer: through its variable, from a place of its own.
fn query(pods: &Pods, uri: &str, sql: &str) -> Result<String, String> {
    pods.consumer(&format!("exec psql -XAtq \"${uri}\" -c \"{sql}\""))
}

#[test]
#[ignore = "needs root and PostgreSQL; `make test-recipes` runs it"]
fn postgres_follows_its_primary_and_nothing_is_lost_or_destroyed() {
    let mut pods = Pods::begun("postgres", &images::POSTGRES, POSTGRES);
    pods.start(1).unwrap();
    pods.until_ready(1);

    // The consumer's role owns its database and what the init files made, and is no superuser.
    let role = "select current_user, rolsuper, rolreplication from pg_roles where rolname = current_user";
    assert_eq!(query(&pods, "ORDERS_URI", role).unwrap(), "orders|f|f");
    assert_eq!(
        query(&pods, "ORDERS_URI", "insert into t values (2); alter table t add w int; select count(*) from t").unwrap(),
        "2"
    );
    pods.until("the copy has it", || query(&pods, "ORDERS_COPY", "select count(w is null) from t").is_ok_and(|rows| rows == "2"));
    assert!(query(&pods, "ORDERS_COPY", "insert into t values (9)").unwrap_err().contains("read-only"));
    for role in ["_mstack", "_mstack_replication"] {
        let as_role = pods.consumer(&format!("exec psql -XAtq -h orders -U {role} -d orders -c 'select 1'"));
        assert!(as_role.unwrap_err().contains("pg_hba.conf rejects"), "{role} has no way in from the network");
    }

    // A crash of the primary: the copy goes on to answer, and follows again.
    pods.kill(0);
    assert_eq!(query(&pods, "ORDERS_COPY", "select count(*) from t").unwrap(), "2");
    pods.until_ready(1);
    pods.start(0).unwrap();
    pods.until_ready(0);
    assert_eq!(query(&pods, "ORDERS_URI", "insert into t values (3); select count(*) from t").unwrap(), "3");
    pods.until("the copy follows again", || query(&pods, "ORDERS_COPY", "select count(*) from t").is_ok_and(|rows| rows == "3"));
    pods.until_ready(1);

    // Fewer connections: the copy is restarted first, and starts all the same.
    pods.render(&POSTGRES.replace("instances: 2", "instances: 2, maxConnections: 40"));
    for ordinal in [1, 0] {
        pods.stop(ordinal);
        pods.start(ordinal).unwrap();
        pods.until_ready(ordinal);
    }
    assert_eq!(query(&pods, "ORDERS_URI", "show max_connections").unwrap(), "40");

    // A copy whose volume is gone is made again, and one that was promoted is not followed up nor emptied.
    pods.stop(1);
    pods.empty_volume(1);
    pods.start(1).unwrap();
    pods.until_ready(1);
    assert_eq!(query(&pods, "ORDERS_COPY", "select count(*) from t").unwrap(), "3");
    pods.stop(1);
    std::fs::remove_file(pods.volume(1).join("pgdata/standby.signal")).unwrap();
    assert!(pods.start(1).unwrap_err().starts_with("DataMismatch: the data of this instance was promoted"));
    std::fs::write(pods.volume(1).join("pgdata/standby.signal"), "").unwrap();

    // An empty first instance does not start, whether all of its volume is gone or only the data.
    pods.stop(0);
    std::fs::rename(pods.volume(0).join("pgdata"), pods.volume(0).join("lost")).unwrap();
    assert!(pods.start(0).unwrap_err().starts_with("DataLost: "));
    pods.empty_volume(0);
    assert!(pods.start(0).unwrap_err().starts_with("DataLost: "));
    pods.start(1).unwrap();
    pods.until_ready(1);
    assert_eq!(query(&pods, "ORDERS_COPY", "select count(*) from t").unwrap(), "3", "the copy has everything");
}

#[test]
#[ignore = "needs root and PostgreSQL; `make test-recipes` runs it"]
fn a_postgres_volume_from_before_the_roles_goes_on_and_gets_them() {
    let mut pods = Pods::new("postgres-old", &images::POSTGRES, POSTGRES);
    let old = "initdb --username=orders --pwfile=/dev/stdin > /dev/null <<< \"$POSTGRES_PASSWORD\" && echo 'host all all all scram-sha-256' >> $PGDATA/pg_hba.conf \
               && pg_ctl -D $PGDATA -o \"-c listen_addresses=''\" -w start > /dev/null && psql -U orders -d postgres -c 'create database orders' > /dev/null \
               && psql -U orders -d orders -c 'create table t (v int); insert into t values (1)' > /dev/null && pg_ctl -D $PGDATA -m fast -w stop > /dev/null";
    std::fs::write(pods.volume(0).join(".mstack-identity"), pods::IDENTITY).unwrap();
    pods.run(0, "prepare", Run::Shell(old)).unwrap();
    pods.recorded = true;
    for ordinal in [0, 1] {
        pods.start(ordinal).unwrap();
        pods.until_ready(ordinal);
    }
    assert_eq!(query(&pods, "ORDERS_URI", "insert into t values (2); select count(*) from t").unwrap(), "2");
    pods.until("the copy has it", || query(&pods, "ORDERS_COPY", "select count(*) from t").is_ok_and(|rows| rows == "2"));
}

const REDIS: &str = "{engine: redis, version: 7, storage: {size: 1Gi}, instances: 2}";

fn ask(pods: &Pods, host: &str, words: &str) -> Result<String, String> {
    pods.consumer(&format!("REDISCLI_AUTH=$ORDERS_PASSWORD exec redis-cli -h {host} {words}"))
}

#[test]
#[ignore = "needs root and Redis; `make test-recipes` runs it"]
fn redis_follows_its_primary_and_nothing_is_lost_or_destroyed() {
    let mut pods = Pods::begun("redis", &images::REDIS, REDIS);
    pods.start(1).unwrap();
    pods.until_ready(1);
    assert_eq!(ask(&pods, "orders", "set k 1").unwrap(), "OK");
    pods.until("the copy has it", || ask(&pods, "orders-1.orders-headless", "get k").is_ok_and(|value| value == "1"));
    assert!(ask(&pods, "orders-1.orders-headless", "set k 2").unwrap().starts_with("READONLY"));
    assert!(pods.consumer("exec redis-cli -h orders get k").unwrap().starts_with("NOAUTH"));

    pods.kill(0);
    assert_eq!(ask(&pods, "orders-1.orders-headless", "get k").unwrap(), "1");
    pods.until_ready(1);
    pods.start(0).unwrap();
    pods.until_ready(0);
    assert_eq!(ask(&pods, "orders", "incr k").unwrap(), "2", "a crash loses nothing that was written out");
    pods.until("the copy follows again", || ask(&pods, "orders-1.orders-headless", "get k").is_ok_and(|value| value == "2"));
    pods.until_ready(1);

    // A copy that followed an empty primary would be emptied: that primary does not start.
    pods.stop(0);
    std::fs::rename(pods.volume(0).join("appendonlydir"), pods.volume(0).join("lost")).unwrap();
    assert!(pods.start(0).unwrap_err().starts_with("DataLost: "));
    pods.empty_volume(0);
    assert!(pods.start(0).unwrap_err().starts_with("DataLost: "));
    assert_eq!(ask(&pods, "orders-1.orders-headless", "get k").unwrap(), "2", "the copy has everything");
}
