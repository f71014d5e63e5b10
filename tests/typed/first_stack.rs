//! docs/getting-started.md and examples/README.md: two services of a public image.
use crate::reader::Reader;

const MINIMAL: &str = include_str!("../../examples/minimal.yaml");

/// The image of the first stack.
pub fn image() -> &'static str {
    MINIMAL.lines().find_map(|line| line.trim().strip_prefix("image: ")).unwrap()
}

pub fn lives_its_life(reader: &Reader) {
    reader.types("kubectl create namespace demo");
    reader.types("kubectl -n demo apply -f examples/minimal.yaml");
    reader.does(&format!("cluster load {}", image()));
    reader.watches("kubectl -n demo get mstack minimal --watch", "True");
    reader.watches("kubectl -n demo get mstack -w", "Available");
    reader.types("kubectl -n demo wait mstack/minimal --for=condition=Ready --timeout=5m");
    assert!(reader.types("kubectl -n demo get mstack -o wide").contains("all 2 components serve what is asked"));
    assert!(reader.types("kubectl -n demo get mstack minimal -o yaml").contains("serving: 2"));
    assert!(reader.types("kubectl -n demo describe mstack minimal").contains("Events:"));
    assert!(reader.types("kubectl explain microservicestack.spec --recursive").contains("usesOptional"));
    let gateway = reader.does("kubectl -n infra get gateway public -o jsonpath='{.status.addresses[0].value}'");
    let answer =
        reader.does(&format!("curl -sS --fail-with-body -H 'Host: minimal.example.com' -d hello http://{gateway}/api/echo"));
    assert!(answer.contains("hello"), "the back answers through the front: {answer}");

    let scale = r#"kubectl -n demo patch mstack minimal --type=merge -p '{"spec":{"services":{"front":{"replicas":4}}}}'"#;
    reader.types(scale);
    reader.does("kubectl -n demo wait mstack/minimal --for=jsonpath='{.status.services.front.instances.serving}'=4 --timeout=2m");
    reader.types("kubectl -n demo delete mstack minimal");
    let left = reader.types("kubectl -n demo get pvc,secret -l microservicestack.dev/stack=minimal");
    assert_eq!(left, "", "it has no data");
    reader.does("kubectl delete namespace demo");
}
