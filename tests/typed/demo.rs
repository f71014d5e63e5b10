//! From nothing to the shop, as README, getting started and the shop's own page tell it.
use std::process::{Child, Command, Stdio};

use crate::reader::Reader;
use crate::shell::root;

const WATCH: &str = "kubectl -n shop get mstack shop -o wide --watch";

/// Ends the demo with this value, and also when this process dies.
pub struct Ends(Child);

impl Ends {
    pub fn with_this_test() -> Self {
        let folder = cluster::Cluster::folder("mstack");
        assert!(!folder.exists(), "the demo is up: `make demo-down` ends it, for this test makes its own");
        let down = format!("cat > /dev/null; [ ! -e '{}' ] || cargo run -qp cluster -- down", folder.display());
        let mut guard = Command::new("setsid");
        let guard = guard.args(["sh", "-c", &down]).current_dir(root()).stdin(Stdio::piped()).stdout(Stdio::null());
        Self(guard.spawn().unwrap())
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        drop(self.0.wait());
    }
}

/// tests/cluster/README.md.
pub fn a_control_plane_of_ones_own(reader: &Reader) {
    reader.sets("alias cluster='cargo run --quiet --package cluster --'");
    assert!(reader.types("cluster up").contains("is ready after"));
    reader.types("cluster down");
    reader.types("cluster up --kwok-nodes 3");
    reader.sets("export KUBECONFIG=$(cluster kubeconfig)");
    assert!(reader.types("cluster kubeconfig --user alice --group dev").contains("alice"));
    reader.types("cluster down");
}

/// "Then it installs mstack with its chart, runs the shop [...]. The cluster stays up until `make demo-down`".
pub fn a_newcomer_makes_the_demo(reader: &Reader) {
    reader.forgets("KUBECONFIG");
    let shown = reader.types("make demo");
    assert!(shown.contains("It is yours now"), "{shown}");
    reader.sets("export KUBECONFIG=$(cargo run -qp cluster -- kubeconfig)");
    reader.sets(r#"export PATH="$(dirname $(cargo run -qp cluster -- path kubectl)):$PATH""#);
    reader.sets(r#"export PATH="$PWD/target/image:$PATH""#);
    reader.adds_to_path(&cluster::helm().unwrap());
    reader.watches(WATCH, "Available");
    assert!(reader.types("mstack version").contains(env!("CARGO_PKG_VERSION")));
    let told = reader.types("mstack status -n shop");
    assert!(told.starts_with("✓ shop/shop  Available"), "{told}");
    reader.watches("cluster status; cluster logs kubelet-node-1 -f", "kubelet");
}

/// examples/shop/README.md: "the test fails and all four services go back to what they were".
pub fn a_new_version_of_the_shop_is_put_back(reader: &Reader) {
    reader.does("kubectl delete namespace shop");
    reader.types("examples/shop/build.sh");
    reader.types("cluster build-image -t localhost/shop:1 -f examples/shop/Dockerfile --target local examples/shop");
    reader.types(
        "cluster build-image -t localhost/shop:1 -f examples/shop/Dockerfile --target local examples/shop && cluster load localhost/shop:1",
    );
    reader.types("kubectl create namespace shop");
    reader.types("kubectl apply -f examples/shop/stack.yaml");
    reader.types("kubectl -n shop wait mstack/shop --for=condition=Ready --timeout=5m");
    reader.types(
        r#"kubectl -n shop patch mstack shop --type=merge -p '{"spec":{"config":{"SHOP_VERSION":"2"},"services":{"catalog":{"config":{"SHOP_DISCOUNT":"100"}}}}}'"#,
    );
    reader.watches(WATCH, "RolledBack");
    let log = reader.types("kubectl -n shop logs -l microservicestack.dev/task=test-checkout");
    assert!(!log.is_empty());
}

/// "leaves no process, mount, namespace, link, cgroup or iptables rule".
pub fn it_goes_without_a_trace(reader: &Reader) {
    reader.does("make demo-down");
    assert!(!cluster::Cluster::folder("mstack").exists());
}
