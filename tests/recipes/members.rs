//! Engines whose instances are equal members of a cluster: what most of them agreed to is there while most of them run.
use std::ops::{Deref, DerefMut};

use crate::images::{self, Image};
use crate::pods::{Pods, Run};

const OPERATIONS: &str = include_str!("../../docs/operations.md");

/// The members, and what consumers speak to them: a client that is also the scheme of the URI.
struct Members(Pods, &'static str);

impl Members {
    fn new(name: &str, image: &'static Image, database: &str, client: &'static str) -> Self {
        Self(Pods::new(name, image, database), client)
    }

    /// What a consumer says to a member.
    fn ask(&self, member: usize, words: &str) -> Result<String, String> {
        let client = self.1;
        let uri = format!("{client}://$ORDERS_USERNAME:$ORDERS_PASSWORD@orders-{member}.orders-headless:$ORDERS_PORT");
        self.consumer(&format!("python3 /clients/{client}.py \"{uri}\" {words}"))
    }

    /// Until a member does it: elections take their time.
    fn in_time(&self, member: usize, words: &str) -> String {
        let mut answer = String::new();
        self.until(&format!("orders-{member}: {words}"), || self.ask(member, words).map(|text| answer = text).is_ok());
        answer
    }

    fn until_all_are_ready(&self) {
        (0..3).for_each(|member| self.until_ready(member));
    }

    /// One goes: the others go on. Two: nothing is taken that most do not have. `has_both` looks at a member with the answer to
    /// what was published as second, which is returned.
    fn lose_one_and_then_most(&mut self, publish: &str, has_both: impl Fn(&Self, usize, &str)) -> String {
        self.kill(0);
        let answer = self.in_time(1, &format!("{publish} kept-2"));
        has_both(self, 2, &answer);
        self.kill(1);
        self.until("the last one is not ready", || !self.is_ready(2));
        assert!(self.ask(2, &format!("{publish} lost")).is_err());
        for member in 0..2 {
            self.start(member).unwrap();
        }
        self.until_all_are_ready();
        (0..3).for_each(|member| has_both(self, member, &answer));
        answer
    }

    /// A member whose volume is gone does not start by itself: with another one like it, it would outvote the third. Without the
    /// record it does.
    fn lose_a_volume(&mut self) {
        self.stop(2);
        self.empty_volume(2);
        assert!(self.start(2).unwrap_err().starts_with("DataLost: "));
        self.recorded = false;
        self.start(2).unwrap();
        self.until_ready(2);
    }
}

impl Deref for Members {
    type Target = Pods;

    fn deref(&self) -> &Pods {
        &self.0
    }
}

impl DerefMut for Members {
    fn deref_mut(&mut self) -> &mut Pods {
        &mut self.0
    }
}

#[test]
#[ignore = "needs root and NATS; `make test-recipes` runs it"]
fn nats_members_agree_and_one_that_is_lost_takes_nothing_with_it() {
    let database = "{engine: nats, instances: 3, storage: {size: 1Gi}}";
    let mut pods = Members::new("nats-members", &images::NATS, database, "nats");
    for member in 0..2 {
        pods.start(member).unwrap();
    }
    pods.until_ready(0);
    pods.start(2).unwrap();
    pods.until_all_are_ready();
    pods.recorded = true;
    assert_eq!(pods.in_time(0, "create 3"), "3");
    assert_eq!(pods.in_time(0, "publish kept-1"), "1");
    assert_eq!(pods.in_time(1, "get 1"), "kept-1");
    let peer = "exec 3<> /dev/tcp/orders-0.orders-headless/6222; printf 'CONNECT {\"user\": \"_mstack\", \"pass\": \"'$ORDERS_PASSWORD'\"}\\r\\n' >&3; cat <&3";
    assert!(pods.consumer(peer).unwrap().contains("Authorization Violation"), "a consumer is no member");

    let number = pods.lose_one_and_then_most("publish", |pods, member, number| {
        let second = format!("get {number}");
        assert_eq!([pods.in_time(member, "get 1"), pods.in_time(member, &second)], ["kept-1", "kept-2"]);
    });

    pods.lose_a_volume();
    pods.kill(0);
    assert_eq!(pods.in_time(2, &format!("get {number}")), "kept-2");
    pods.in_time(2, "publish kept-3");
}

#[test]
#[ignore = "needs root and RabbitMQ; `make test-recipes` runs it"]
fn rabbitmq_members_agree_and_one_that_is_lost_takes_nothing_with_it() {
    let database = "{engine: rabbitmq, version: '3.13', instances: 3, storage: {size: 1Gi}}";
    let mut pods = Members::new("rabbitmq-members", &images::RABBITMQ, database, "amqp");
    for member in 0..3 {
        pods.start(member).unwrap();
    }
    pods.until_all_are_ready();
    pods.recorded = true;
    assert_eq!(known_members(&pods), 3, "there is one cluster");
    assert_eq!(pods.in_time(0, "publish quorum:work kept-1"), "published");
    assert_eq!(pods.in_time(1, "peek quorum:work"), "kept-1");
    let control = |cookie: &str| {
        format!("RABBITMQ_ERLANG_COOKIE={cookie} exec rabbitmqctl --longnames -q -n rabbit@orders-0.orders-headless list_users")
    };
    assert!(pods.consumer(&control("$ORDERS_PASSWORD")).is_err(), "a consumer is no member");
    assert!(
        pods.consumer(&control(images::RABBITMQ.peer)).unwrap().contains("orders\t[]"),
        "only their password tells them apart"
    );

    pods.lose_one_and_then_most("publish quorum:work", |pods, member, _| {
        assert_eq!(pods.in_time(member, "peek quorum:work"), "kept-1 kept-2");
    });

    // The others forget the member that it was; its part of the queues is given to it by hand.
    pods.lose_a_volume();
    assert_eq!(known_members(&pods), 3);
    let by_hand = OPERATIONS.lines().find_map(|line| line.strip_prefix("kubectl exec orders-0 -- ")).unwrap();
    pods.run(0, "orders", Run::Shell(by_hand)).unwrap();
    pods.kill(0);
    assert_eq!(pods.in_time(2, "peek quorum:work"), "kept-1 kept-2");
    assert_eq!(pods.in_time(2, "publish quorum:work kept-3"), "published");
}

/// Of how many members the first one knows.
fn known_members(pods: &Pods) -> usize {
    let status = pods.run(0, "orders", Run::Shell("rabbitmqctl -q cluster_status --formatter json")).unwrap();
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    status["disk_nodes"].as_array().unwrap().len()
}
