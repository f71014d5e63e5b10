//! Engines of which one instance runs: consumers get in with what their Secret says and nobody else does, and neither a crash
//! nor a restart loses what the engine keeps.
use crate::images::{self, Image};
use crate::pods::{Pods, Run};

/// What a consumer does, as scripts with the variables of its service.
struct Client {
    write: String,
    read: String,
    /// Reads with another password; none where the engine knows none.
    stranger: Option<(String, &'static str)>,
}

/// A first start, a crash, and an orderly end.
fn lives(name: &str, image: &'static Image, database: &str, client: &Client) -> Pods {
    let mut pods = Pods::begun(name, image, database);
    pods.consumer(&client.write).unwrap();
    for end in [Pods::kill, Pods::stop] {
        let read = pods.consumer(&client.read).unwrap();
        assert!(read.contains("kept-1"), "{read}");
        if let Some((script, refusal)) = &client.stranger {
            let refused = pods.consumer(script).unwrap_err();
            assert!(refused.contains(refusal), "{refused}");
        }
        end(&mut pods, 0);
        pods.start(0).unwrap();
        pods.until_ready(0);
    }
    assert!(pods.consumer(&client.read).unwrap().contains("kept-1"), "neither a crash nor a restart loses anything");
    pods
}

/// With the volume emptied, the engine does not start anew in its place.
fn is_not_initialised_again(mut pods: Pods) {
    pods.stop(0);
    pods.empty_volume(0);
    assert!(pods.start(0).unwrap_err().starts_with("DataLost: "));
}

#[test]
#[ignore = "needs root and MariaDB; `make test-recipes` runs it"]
fn mariadb_serves_its_consumers_alone_and_keeps_their_data() {
    let sql = |password: &str, sql: &str| {
        format!(
            "exec mariadb --no-defaults --protocol=tcp -h $ORDERS_HOST -P $ORDERS_PORT -u $ORDERS_USERNAME \"-p{password}\" -NB $ORDERS_DATABASE -e \"{sql}\""
        )
    };
    let client = Client {
        write: sql("$ORDERS_PASSWORD", "insert into t values ('kept-1')"),
        read: sql("$ORDERS_PASSWORD", "select v from t"),
        stranger: Some((sql("wrong", "select 1"), "Access denied")),
    };
    let database = "{engine: mariadb, version: '10.11', maxConnections: 40, storage: {size: 1Gi}, init: {01-schema.sql: 'create table t (v text)'}}";
    let pods = lives("mariadb", &images::MARIADB, database, &client);
    let root = "exec mariadb --no-defaults --protocol=tcp -h $ORDERS_HOST -u root -e 'select 1'";
    assert!(pods.consumer(root).unwrap_err().contains("ERROR 1045"), "root has no way in from the network");
    let asked = pods.consumer(&sql("$ORDERS_PASSWORD", "select @@max_connections, current_user()")).unwrap();
    assert_eq!(asked, "40\torders@%");
    let granted = pods.consumer(&sql("$ORDERS_PASSWORD", "create database other")).unwrap_err();
    assert!(granted.contains("Access denied"), "consumers own their database alone: {granted}");
    is_not_initialised_again(pods);
}

#[test]
#[ignore = "needs root and NATS; `make test-recipes` runs it"]
fn nats_serves_its_consumers_alone_and_keeps_their_streams() {
    let ask = |words: &str| format!("python3 /clients/nats.py \"$ORDERS_URI\" {words}");
    let client = Client {
        write: format!("{} && {}", ask("create 1"), ask("publish kept-1")),
        read: ask("get 1"),
        stranger: Some((ask("get 1").replace("$ORDERS_URI", "nats://orders:wrong@$ORDERS_ADDR"), "Authorization Violation")),
    };
    let pods = lives("nats", &images::NATS, "{engine: nats, storage: {size: 1Gi}}", &client);
    is_not_initialised_again(pods);
}

/// Where an image has the management plugin, users are made by HTTP.
const MAKE_A_USER: &str = "exec 3<> /dev/tcp/$ORDERS_HOST/15672; printf 'PUT /api/users/eve HTTP/1.0\r\nAuthorization: Basic %s\r\nContent-Length: 29\r\n\r\n{\"password\": \"eve\", \"tags\": \"\"}' $(printf %s:%s $ORDERS_USERNAME $ORDERS_PASSWORD | base64) >&3; cat <&3";

#[test]
#[ignore = "needs root and RabbitMQ; `make test-recipes` runs it"]
fn rabbitmq_serves_its_consumers_alone_and_keeps_their_queues() {
    let ask = |words: &str| format!("python3 /clients/amqp.py \"$ORDERS_URI\" {words}");
    let client = Client {
        write: ask("publish work kept-1"),
        read: ask("peek work"),
        stranger: Some((ask("peek work").replace("$ORDERS_URI", "amqp://orders:wrong@$ORDERS_ADDR"), "ACCESS_REFUSED")),
    };
    let pods = lives("rabbitmq", &images::RABBITMQ, "{engine: rabbitmq, version: '3.13', storage: {size: 1Gi}}", &client);
    let guest = ask("peek work").replace("$ORDERS_URI", "amqp://guest:guest@$ORDERS_ADDR");
    assert!(pods.consumer(&guest).unwrap_err().contains("ACCESS_REFUSED"), "there is no other user");
    let users = pods.run(0, "orders", Run::Shell("rabbitmqctl -q list_users --no-table-headers")).unwrap();
    assert_eq!(users, "orders\t[]", "consumers are no administrators");
    pods.run(0, "orders", Run::Shell("rabbitmq-plugins -q enable rabbitmq_management")).unwrap();
    let made = pods.consumer(MAKE_A_USER).unwrap();
    assert!(made.contains(" 401 ") && made.contains("Not management user"), "consumers make no users: {made}");
    is_not_initialised_again(pods);
}

#[test]
#[ignore = "needs root and Memcached; `make test-recipes` runs it"]
fn memcached_serves_as_many_as_it_is_told_to() {
    let mut pods = Pods::new("memcached", &images::MEMCACHED, "{engine: memcached, ephemeral: true, maxConnections: 40}");
    let ask = |words: &str| format!("exec 3<> /dev/tcp/$ORDERS_HOST/$ORDERS_PORT; printf '{words}\\r\\nquit\\r\\n' >&3; cat <&3");
    pods.start(0).unwrap();
    pods.until_ready(0);
    assert_eq!(pods.consumer(&ask("set k 0 0 6\\r\\nkept-1")).unwrap(), "STORED");
    assert!(pods.consumer(&ask("get k")).unwrap().contains("kept-1"));
    assert!(pods.consumer(&ask("stats settings")).unwrap().contains("STAT maxconns 40\r"));
    pods.stop(0);
    pods.render("{engine: memcached, ephemeral: true}");
    pods.start(0).unwrap();
    pods.until_ready(0);
    assert_eq!(pods.consumer(&ask("get k")).unwrap(), "END", "a cache starts empty");
    assert!(pods.consumer(&ask("stats settings")).unwrap().contains("STAT maxconns 1024\r"), "as the budget reckons");
}
