//! docs/operations.md, and what docs/cli.md has for pods that run.
use crate::first_stack;
use crate::reader::Reader;

/// The application of which the documents speak: `web` uses `api`, which uses the database `orders`.
const SHOP: &str = include_str!("shop.yaml");

pub fn the_operator_is_asked(reader: &Reader) {
    reader.types("kubectl -n mstack-system logs deployment/mstack");
    let there = reader.types("kubectl -n mstack-system get pods,lease");
    assert_eq!(there.matches("pod/mstack-").count(), 2, "{there}");
    let rights = reader.types("kubectl auth can-i --list --as=system:serviceaccount:mstack-system:mstack");
    assert!(rights.contains("microservicestacks.microservicestack.dev"), "{rights}");
    the_page_is_opened(reader);

    // Argo CD's own ConfigMap, which has other things too.
    reader.does("helm upgrade mstack charts/mstack -n mstack-system --reuse-values --set argocd.health=true --wait");
    reader.does(
        "kubectl create namespace argocd && kubectl -n argocd create configmap argocd-cm --from-literal=url=https://example.com",
    );
    reader.types(
        r#"kubectl -n argocd patch configmap argocd-cm --patch "$(kubectl -n mstack-system get configmap mstack-argocd -o jsonpath='{.data.patch\.yaml}')""#,
    );
    let merged = reader.does("kubectl -n argocd get configmap argocd-cm -o yaml");
    assert!(merged.contains("https://example.com") && merged.contains("MicroserviceStack"), "{merged}");
    let told = reader.types("helm test mstack --namespace mstack-system --logs");
    assert!(told.contains(" 0 bad"), "{told}");
    reader.types("helm test mstack -n mstack-system --logs");
}

fn the_page_is_opened(reader: &Reader) {
    let forward = reader.begins(
        r#"kubectl -n mstack-system port-forward "$(kubectl -n mstack-system get lease mstack -o jsonpath='{.spec.holderIdentity}' | cut -d_ -f1)" 8081"#,
    );
    forward.until("a forwarded port", |line| line.starts_with("Forwarding from 127.0.0.1:8081"));
    assert!(reader.does("curl -sS --fail-with-body http://localhost:8081").contains("shop/shop"));
    forward.terminate();
    reader.watches("mstack ui --open", "http://");
}

pub fn a_stack_is_looked_into(reader: &Reader) {
    reader.does("kubectl delete namespace shop && kubectl create namespace shop");
    reader.does("kubectl config set-context --current --namespace=shop");
    apply(reader);
    let stack = [("STACK_NAMESPACE", "shop"), ("STACK", "shop")];
    let wide = reader.fills("kubectl -n STACK_NAMESPACE get mss STACK -o wide", &stack);
    assert_eq!(reader.types("kubectl get mss -o wide").lines().count(), wide.lines().count());
    reader.types("kubectl get mstack -o wide");
    assert!(reader.fills("kubectl describe mss NAME", &[("NAME", "shop")]).contains("Events:"));
    reader.fills("kubectl describe statefulset NAME", &[("NAME", "orders")]);
    let pods = "kubectl -n STACK_NAMESPACE get pods -l microservicestack.dev/component=COMPONENT";
    assert!(reader.fills(pods, &[("STACK_NAMESPACE", "shop"), ("COMPONENT", "orders")]).contains("orders-0"));
    let job = reader.does("kubectl get mss shop -o jsonpath='{.status.tests.look.job}'");
    assert_eq!(reader.fills("kubectl logs job/NAME", &[("NAME", &job)]), "looks good\n");
    let retry = r#"kubectl annotate mss NAME --overwrite microservicestack.dev/retry="$(date)""#;
    reader.fills(retry, &[("NAME", "shop")]);
    reader.types("kubectl exec orders-0 -- psql");
    // Without a command it tells what there is.
    let usage = reader.tries("kubectl exec jobs-0 -- rabbitmqctl", &[]);
    assert!(usage.out.contains("list_users") || usage.err.contains("list_users"), "{}{}", usage.out, usage.err);

    reader.watches("mstack logs shop api worker --follow", "worker-");
    reader.types("mstack logs shop api --previous");
    reader.does("timeout 90 bash -c 'until kubectl top pods | grep -q orders-0; do sleep 1; done'");
    assert!(reader.types("mstack top shop").contains("orders"));
    reader.watches("mstack connect shop orders", "postgresql://");
    who_may_call_whom(reader);
}

/// "**A blocked call** is mostly not refused: it waits and ends with a timeout [...]. Two questions find it".
fn who_may_call_whom(reader: &Reader) {
    reader.does("cluster alias localhost/postgres:15 docker.io/library/postgres:17");
    reader.does("cluster alias localhost/busybox:1 docker.io/library/busybox:1.37");
    let policy = reader.types("kubectl -n shop describe networkpolicy orders");
    assert!(policy.contains("uses.microservicestack.dev/orders=shop"), "{policy}");
    let who = reader.types("kubectl -n shop get pods -l uses.microservicestack.dev/orders=shop");
    assert!(who.contains("api-") && !who.contains("web-"), "{who}");
    reader.types("kubectl -n shop run look --rm -it --image=postgres:17 --labels=uses.microservicestack.dev/orders=shop -- bash");
    let stranger = r#"kubectl -n shop run stranger --rm -it --restart=Never --image=busybox:1.37 -- sh -c 'nc -w 3 orders 5432 < /dev/null' && echo "not enforced""#;
    let enforced = reader.tries(stranger, &[]);
    assert!(enforced.code != 0 && !enforced.out.contains("not enforced"), "{}{}", enforced.out, enforced.err);
    reader.does(r#"kubectl patch mss shop --type=merge -p '{"spec":{"isolation":"Open"}}'"#);
    reader.does("timeout 60 bash -c 'while kubectl get networkpolicy orders; do sleep 0.2; done'");
    let open = reader.fills(stranger, &[]);
    assert!(open.contains("not enforced"), "{open}");
}

/// "delete the stack (its data stays), give the claim and the Secret that identity, delete the record, and apply the stack
/// again".
pub fn data_is_brought_back(reader: &Reader) {
    let uid = || reader.does("kubectl get pvc data-orders-0 -o jsonpath='{.metadata.uid}'");
    let identity =
        reader.does(r"kubectl get secret orders -o jsonpath='{.metadata.labels.microservicestack\.dev/data-identity}'");
    let before = uid();
    delete(reader);
    let label = "kubectl label --overwrite pvc/data-NAME-0 secret/NAME microservicestack.dev/data-identity=IDENTITY";
    reader.fills(label, &[("NAME", "orders"), ("IDENTITY", &identity)]);
    reader.fills("kubectl delete configmap NAME-identity", &[("NAME", "orders")]);
    apply(reader);
    assert_eq!(uid(), before);
    delete(reader);
    reader.fills("kubectl delete pvc,secret,configmap -l microservicestack.dev/stack=NAME", &[("NAME", "shop")]);
    assert_eq!(reader.does("kubectl get pvc -o name"), "");
}

pub fn apply(reader: &Reader) {
    let shop = SHOP.replace("PODINFO", first_stack::image());
    reader.does(&format!("kubectl apply -f - <<'END'\n{shop}\nEND"));
    reader.does("kubectl wait mss/shop --for=condition=Ready --timeout=5m");
}

fn delete(reader: &Reader) {
    reader.does("kubectl delete mss shop");
    reader.does("kubectl wait pod --for=delete -l microservicestack.dev/stack=shop --timeout=2m");
}
