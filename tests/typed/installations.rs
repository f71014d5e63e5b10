//! The ways in and out of a cluster that docs/getting-started.md, docs/cli.md and the chart's page show.
use crate::on_call;
use crate::reader::Reader;

/// The names under which registries would hold what the nodes have.
const NAMES: &str =
    "cluster alias localhost/mstack:0.1.0 registry.example.com/mstack:0.1.0 ghcr.io/microservicestack/mstack:0.1.0";

pub fn come_and_go(reader: &Reader) {
    reader.does(NAMES);
    leave(reader);
    reader.types("helm upgrade --install mstack charts/mstack --namespace mstack-system --create-namespace");
    works_with(reader, "mstack-system", "ghcr.io/microservicestack/mstack:0.1.0");
    reader.types(
        "helm upgrade --install mstack charts/mstack --namespace mstack-system --create-namespace --set image.repository=registry.example.com/mstack",
    );
    works_with(reader, "mstack-system", "registry.example.com/mstack:0.1.0");
    leave(reader);

    reader.types("mstack install --image registry.example.com/mstack:0.1.0");
    works_with(reader, "mstack-system", "registry.example.com/mstack:0.1.0");
    reader.types("mstack install");
    works_with(reader, "mstack-system", "ghcr.io/microservicestack/mstack:0.1.0");
    on_call::apply(reader);
    data_waits_for_an_operator(reader);
    some_namespaces_alone(reader);
}

/// "A stack with `onDelete: Delete` that is deleted without an operator waits for one, or for the way out".
fn data_waits_for_an_operator(reader: &Reader) {
    reader.does(r#"kubectl patch mss shop --type=merge -p '{"spec":{"databases":{"orders":{"onDelete":"Delete"}}}}'"#);
    reader.does("kubectl wait mss/shop --for=jsonpath='{.metadata.finalizers[0]}'=microservicestack.dev/data --timeout=1m");
    reader.types("mstack uninstall");
    reader.does("kubectl delete mss shop --wait=false");
    assert_eq!(reader.does("kubectl get mss -o name"), "microservicestack.microservicestack.dev/shop\n");
    reader.fills(r#"kubectl patch mss NAME --type=merge -p '{"metadata":{"finalizers":null}}'"#, &[("NAME", "shop")]);
    reader.does("kubectl wait mss/shop --for=delete --timeout=1m");
    assert!(reader.does("kubectl get pvc -o name").contains("data-orders-0"), "the way out keeps the data");
}

/// "This asks for no right beyond these namespaces, which must exist."
fn some_namespaces_alone(reader: &Reader) {
    reader.does("kubectl create namespace team-a && kubectl create namespace team-a-test");
    reader.types(
        r#"helm upgrade --install mstack charts/mstack --namespace team-a --set "watch.namespaces={team-a,team-a-test}" --set crds.enabled=false --set rbac.aggregate=false"#,
    );
    works_with(reader, "team-a", "ghcr.io/microservicestack/mstack:0.1.0");
    let rights = reader.does("kubectl get clusterroles,clusterrolebindings -l app.kubernetes.io/name=mstack -o name");
    assert_eq!(rights, "");
    reader.does("kubectl -n team-a-test apply -f examples/minimal.yaml");
    reader.does("kubectl -n team-a-test wait mstack/minimal --for=condition=Ready --timeout=3m");
}

/// Helm takes the values of before where a release is there.
fn leave(reader: &Reader) {
    reader.does("helm uninstall mstack --namespace mstack-system --wait");
}

fn works_with(reader: &Reader, namespace: &str, image: &str) {
    reader.does(&format!("kubectl -n {namespace} rollout status deployment/mstack --timeout=3m"));
    let used = reader.does(&format!("kubectl -n {namespace} get deployment mstack -o jsonpath='{{..image}}'"));
    assert_eq!(used, image);
}
