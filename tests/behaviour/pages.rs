//! What the operator serves: metrics of its stacks, and the page to look at, which shows no Secret and answers nobody else.
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{PATIENCE, World, component};

/// Status code and body of an answer. By HTTP/1.0, in which it comes in one piece.
pub fn ask(address: SocketAddr, method: &str, path: &str, host: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let code = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap();
    (code, text.split_once("\r\n\r\n").unwrap().1.to_owned())
}

/// A page, once it is found and tells this: the operator may see a status later than the test does.
async fn telling(page: SocketAddr, path: &str, words: &str) -> String {
    let begun = Instant::now();
    loop {
        let (code, text) = ask(page, "GET", path, "localhost:8081");
        if code == 200 && text.contains(words) {
            return text;
        }
        assert!(begun.elapsed() < PATIENCE, "{path} does not tell {words}: {code} {text}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

const SPEC: &str = "
config: {GREETING: not-to-be-shown}
databases:
  orders: {engine: postgres, version: 17, storage: {size: 1Gi}}
services:
  api: {image: 'api:1', port: 8080, replicas: 2, uses: [orders], secrets: [stripe]}
";

#[tokio::test]
async fn the_page_shows_a_stack_its_root_cause_and_no_value_of_it() {
    let world = World::shared().await;
    let shop = world.namespace("page").await;
    shop.kubectl(&["create", "secret", "generic", "stripe", "--from-literal=KEY=sk-live-1"]);
    shop.apply_stack("shop", SPEC);
    shop.stack_ready("shop").await;
    let [_, page] = world.addresses().await;
    let all = telling(page, "/", "href=\"/stacks/page/shop\"").await;
    let ready = telling(page, "/stacks/page/shop", "service api: Ready, 2 of 2 serve").await;
    let database = shop.pods("orders").await.remove(0);
    shop.fail_pod(&database, "CrashLoopBackOff", "back-off").await;
    shop.stack_until("shop", "degraded", |stack| component(stack, "api")["phase"] == "Degraded").await;
    let degraded = telling(page, "/stacks/page/shop", "service api: Degraded").await;
    let causes = degraded.split("id=\"causes\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(causes.contains("#c-orders") && !causes.contains("#c-api"), "{causes}");
    for value in ["not-to-be-shown", "sk-live-1", "stripe"] {
        assert!(![&all, &ready, &degraded].iter().any(|text| text.contains(value)), "the page shows {value}");
    }
}

#[tokio::test]
async fn the_page_is_read_only_and_answers_only_for_localhost() {
    let world = World::shared().await;
    let [_, page] = world.addresses().await;
    telling(page, "/", "Stacks").await;
    assert_eq!(ask(page, "GET", "/", "127.0.0.1:8081").0, 200);
    assert_eq!(ask(page, "GET", "/", "evil.example").0, 421);
    assert_eq!(ask(page, "GET", "/nothing", "localhost").0, 404);
    assert_eq!(ask(page, "GET", "/stacks/page/no-such-stack", "localhost").0, 404);
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        assert_eq!(ask(page, method, "/", "localhost").0, 405, "{method}");
    }
}

#[tokio::test]
async fn the_metrics_of_a_stack_come_with_it_and_go_with_it() {
    let world = World::shared().await;
    let shop = world.namespace("measured").await;
    shop.apply_stack("shop", "services: {web: {image: 'web:1', port: 80, replicas: 2}}");
    shop.stack_ready("shop").await;
    let [metrics, _] = world.addresses().await;
    let of_stack = || -> Vec<String> {
        let (_, text) = ask(metrics, "GET", "/metrics", "operator");
        text.lines().filter(|line| line.contains("stack_namespace=\"measured\"")).map(str::to_owned).collect()
    };
    for line in [
        "mstack_stack_condition{stack_namespace=\"measured\",stack=\"shop\",type=\"Ready\",reason=\"Available\"} 1",
        "mstack_component_ready{stack_namespace=\"measured\",stack=\"shop\",component=\"web\"} 1",
        "mstack_component_instances{stack_namespace=\"measured\",stack=\"shop\",component=\"web\",state=\"serving\"} 2",
    ] {
        // The operator may see its own status later than the test does.
        let lines = || async { json!(of_stack()) };
        shop.until(&format!("measured: {line}"), lines, |lines| lines.as_array().unwrap().contains(&json!(line))).await;
    }
    shop.kubectl(&["delete", "microservicestack", "shop", "--wait"]);
    let gone = |_: &Value| of_stack().is_empty();
    shop.stack_until("shop", "gone from the metrics", gone).await;
    assert_eq!(shop.stack("shop").await, json!(null));
}
