//! `mstack install`, `uninstall` and `ui` on a real API server.
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use cluster::Options;
use mstack::kinds::Kind;
use serde_json::Value;

use crate::commands::{code, done, err, mstack, out};
use crate::requests::SHOP;
use crate::world::{Namespace, World};

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/mstack");
const CRD: &str = "microservicestacks.microservicestack.dev";

fn helm(world: &World, arguments: &[&str]) {
    let mut helm = Command::new(cluster::helm().unwrap());
    let output = helm.env("KUBECONFIG", world.cluster.kubeconfig()).args(arguments).output().unwrap();
    assert!(output.status.success(), "helm {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn rule_9_what_is_installed_works_is_upgraded_by_itself_and_goes_without_touching_a_stack() {
    let mut world = World::bare(Options { kwok_nodes: 2, ..Options::default() }).await;
    let place = Namespace::again(&world, "mstack-system").await;
    let image = ["--image", "localhost/mstack:test", "--timeout", "3m"];
    let installed = mstack(&place, None, &[&["install"], &image[..]].concat(), None);
    assert_eq!(code(&installed), 0, "{}{}", out(&installed), err(&installed));
    assert_eq!(out(&installed), format!("mstack {} is installed in mstack-system\n", env!("CARGO_PKG_VERSION")));
    assert!(err(&installed).contains("operators are available"), "{}", err(&installed));
    let known = ["doctor", "--only", "definition"];
    assert!(done(&place, &known).contains("definition"));
    drop(place);

    // The operator works with the rights that were installed, and no others.
    world.start_operator();
    let shop = world.namespace("shop").await;
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    let before = shop.get(Kind::Deployment, "web").await["metadata"].clone();

    let place = Namespace::again(&world, "mstack-system").await;
    done(&place, &[&["install", "--ui"], &image[..]].concat());
    let operator = place.get(Kind::Deployment, "mstack").await["spec"]["template"]["spec"]["containers"][0].clone();
    assert_eq!(operator["image"], "localhost/mstack:test");
    assert!(operator["args"].as_array().unwrap().contains(&"--ui-address=127.0.0.1:8081".into()), "{operator:#}");
    let beside = mstack(&shop, None, &["install"], None);
    let words = "mstack is installed in the namespace mstack-system already";
    assert!(code(&beside) == 2 && err(&beside).contains(words), "{}", err(&beside));

    let goes = done(&place, &["uninstall", "--dry-run"]);
    assert!(goes.contains("would delete Deployment mstack\n") && !goes.contains("CustomResourceDefinition"), "{goes}");
    let refused = mstack(&place, None, &["uninstall", "--crd"], None);
    assert!(
        code(&refused) == 2 && err(&refused).contains("one stack would go, and all that they run: shop/shop"),
        "{}",
        err(&refused)
    );
    assert_ne!(place.get(Kind::Deployment, "mstack").await, Value::Null);
    let gone = mstack(&place, None, &["uninstall"], None);
    assert_eq!(code(&gone), 0, "{}", err(&gone));
    assert!(err(&gone).contains("stays: shop/shop, with all that they run"), "{}", err(&gone));
    let left = "deployments,services,networkpolicies,roles,rolebindings,poddisruptionbudgets,leases";
    assert_eq!(place.kubectl(&["get", left, "-o", "name"]), "");
    let roles = world.cluster.kubectl(&["get", "clusterroles,clusterrolebindings", "-o", "name"]).unwrap();
    assert!(!roles.contains("mstack"), "{roles}");
    let after = shop.get(Kind::Deployment, "web").await["metadata"].clone();
    assert_eq!([&after["uid"], &after["generation"]], [&before["uid"], &before["generation"]]);

    // Without a stack the definition goes, too, when that is asked for.
    shop.kubectl(&["delete", "mss", "shop", "--wait=false"]);
    shop.child_until(Kind::Deployment, "web", "collected", Value::is_null).await;
    let crd = done(&place, &["uninstall", "--crd"]);
    assert_eq!(crd, format!("deleted CustomResourceDefinition {CRD}\n"));
    let nothing = mstack(&place, None, &["uninstall"], None);
    assert!(code(&nothing) == 2 && err(&nothing).contains("has installed nothing"), "{}", err(&nothing));

    helm(&world, &["install", "mstack", CHART, "--namespace", "team-a", "--create-namespace"]);
    let beside = mstack(&place, None, &["install"], None);
    let words = "helm has installed mstack in the namespace team-a; upgrade it by `helm upgrade mstack charts/mstack -n team-a`";
    assert!(code(&beside) == 2 && err(&beside).contains(words), "{}", err(&beside));
}

/// An operator that leads, as `mstack ui` sees it, and the arguments of its container.
fn leads(place: &Namespace<'_>, args: &str) {
    place.kubectl(&["delete", "pod,lease", "--all", "--force", "--grace-period=0"]);
    place.apply(&format!(
        "
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {{name: mstack}}
spec: {{holderIdentity: mstack-7d9f8-x2x4z_6f1c}}
---
apiVersion: v1
kind: Pod
metadata: {{name: mstack-7d9f8-x2x4z}}
spec: {{containers: [{{name: operator, image: 'mstack:1', args: {args}}}]}}
"
    ));
}

#[tokio::test]
async fn the_page_is_forwarded_from_the_operator_that_leads_and_where_it_is_off_the_value_is_told() {
    let world = World::shared().await;
    let place = world.namespace("cli-ui").await;
    // A kubectl that tells what it was asked for.
    let folder = world.cluster.kubeconfig().with_file_name("ui-path");
    std::fs::create_dir_all(&folder).unwrap();
    let kubectl = folder.join("kubectl");
    std::fs::write(&kubectl, "#!/bin/sh\necho \"kubectl $*\" >&2\necho 'Forwarding from 127.0.0.1:18081 -> 8082'\n").unwrap();
    std::fs::set_permissions(&kubectl, std::fs::Permissions::from_mode(0o755)).unwrap();
    let ui = |more: &[&str]| {
        let mut ui = Command::new(env!("CARGO_BIN_EXE_mstack"));
        ui.args(["ui", "--port", "18081", "--operator", "cli-ui/mstack", "-n", "cli-ui"]).args(more);
        ui.env("KUBECONFIG", world.cluster.kubeconfig())
            .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
            .output()
            .unwrap()
    };
    let nobody = ui(&[]);
    assert!(code(&nobody) == 2 && err(&nobody).contains("no operator leads by the Lease cli-ui/mstack"), "{}", err(&nobody));
    leads(&place, "[operator]");
    let off = ui(&[]);
    assert!(code(&off) == 2 && err(&off).contains("-n cli-ui --reuse-values --set ui.enabled=true"), "{}", err(&off));
    leads(&place, "[operator, --ui-address=127.0.0.1:8082]");
    place.apply_stack("shop", "services: {web: {image: 'web:1'}}");
    let on = ui(&["shop"]);
    assert_eq!((code(&on), out(&on).as_str()), (0, "http://localhost:18081/stacks/cli-ui/shop\n"), "{}", err(&on));
    let asked = "kubectl -n cli-ui port-forward --address 127.0.0.1 pod/mstack-7d9f8-x2x4z 18081:8082";
    assert!(err(&on).contains(asked), "{}", err(&on));
}
