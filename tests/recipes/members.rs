//! Engines whose instances are equal members of a cluster: what most of them agreed to is there while most of them run.
use crate::images;
use crate::pods::Pods;

/// What a consumer says to a member.
fn ask(pods: &Pods, member: usize, words: &str) -> Result<String, String> {
    let uri = format!("nats://$ORDERS_USERNAME:$ORDERS_PASSWORD@orders-{member}.orders-headless:$ORDERS_PORT");
    pods.consumer(&format!("python3 /clients/nats.py \"{uri}\" {words}"))
}

/// Until a member does it: elections take their time.
fn in_time(pods: &Pods, member: usize, words: &str) -> String {
    let mut answer = String::new();
    pods.until(&format!("orders-{member}: {words}"), || ask(pods, member, words).map(|text| answer = text).is_ok());
    answer
}

#[test]
#[ignore = "needs root and NATS; `make test-recipes` runs it"]
fn nats_members_agree_and_one_that_is_lost_takes_nothing_with_it() {
    let mut pods = Pods::new("nats-members", &images::NATS, "{engine: nats, instances: 3, storage: {size: 1Gi}}");
    for member in 0..2 {
        pods.start(member).unwrap();
    }
    pods.until_ready(0);
    pods.start(2).unwrap();
    for member in 0..3 {
        pods.until_ready(member);
    }
    pods.recorded = true;
    assert_eq!(in_time(&pods, 0, "create 3"), "3");
    assert_eq!(in_time(&pods, 0, "publish kept-1"), "1");
    assert_eq!(in_time(&pods, 1, "get 1"), "kept-1");
    let peer = "exec 3<> /dev/tcp/orders-0.orders-headless/6222; printf 'CONNECT {\"user\": \"_mstack\", \"pass\": \"'$ORDERS_PASSWORD'\"}\\r\\n' >&3; cat <&3";
    assert!(pods.consumer(peer).unwrap().contains("Authorization Violation"), "a consumer is no member");

    // One goes: the others go on. Two: nothing is taken that most do not have.
    pods.kill(0);
    let second = format!("get {}", in_time(&pods, 1, "publish kept-2"));
    assert_eq!(in_time(&pods, 2, &second), "kept-2");
    pods.kill(1);
    pods.until("the last one is not ready", || !pods.is_ready(2));
    assert!(ask(&pods, 2, "publish lost").is_err());
    for member in 0..2 {
        pods.start(member).unwrap();
    }
    for member in 0..3 {
        pods.until_ready(member);
        assert_eq!([in_time(&pods, member, "get 1"), in_time(&pods, member, &second)], ["kept-1", "kept-2"]);
    }

    // A member whose volume is gone does not start by itself: with another one like it, it would outvote the third.
    pods.stop(2);
    pods.empty_volume(2);
    assert!(pods.start(2).unwrap_err().starts_with("DataLost: "));
    pods.recorded = false;
    pods.start(2).unwrap();
    pods.until_ready(2);
    pods.kill(0);
    assert_eq!(in_time(&pods, 2, &second), "kept-2");
    in_time(&pods, 2, "publish kept-3");
}
