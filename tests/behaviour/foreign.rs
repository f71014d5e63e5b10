//! Rule 12: what others put into a child goes where it could do harm, and stays elsewhere.
use kube::api::{Patch, PatchParams};
use mstack::cluster::slim;
use mstack::kinds::Kind;
use serde_json::{Value, json};

use crate::drift::{EVERY_KIND, Edit, come_back, edit, writes};
use crate::world::World;

#[tokio::test]
async fn rule_12_inside_pod_templates_network_policies_services_and_routes_foreign_entries_are_drift_and_go() {
    let world = World::shared().await;
    let shop = world.namespace("drift-foreign").await;
    shop.apply_stack("shop", EVERY_KIND);
    shop.stack_ready("shop").await;
    let add = |path: &str, value: Value| json!([{"op": "add", "path": path, "value": value}]);
    let evil = json!({"name": "EVIL", "value": "yes"});
    let env = "/spec/template/spec/containers/0/env/-";
    let edits = [
        Edit {
            kind: Kind::Deployment,
            name: "web",
            patch: add(env, evil.clone()),
            back: |web| !web["spec"]["template"]["spec"]["containers"][0].to_string().contains("EVIL"),
        },
        Edit {
            kind: Kind::StatefulSet,
            name: "orders",
            patch: add(env, evil),
            back: |orders| !orders["spec"]["template"]["spec"]["containers"][0].to_string().contains("EVIL"),
        },
        Edit {
            // What `kubectl rollout restart` does.
            kind: Kind::Deployment,
            name: "jobs",
            patch: add(
                "/spec/template/metadata/annotations",
                json!({"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}),
            ),
            back: |jobs| jobs["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"].is_null(),
        },
        Edit {
            kind: Kind::Deployment,
            name: "api",
            patch: add("/spec/template/spec/containers/-", json!({"name": "evil", "image": "evil:1"})),
            back: |api| api["spec"]["template"]["spec"]["containers"].as_array().is_some_and(|containers| containers.len() == 1),
        },
        Edit {
            kind: Kind::Service,
            name: "web",
            patch: add("/spec/ports/-", json!({"name": "evil", "port": 9999, "targetPort": 22})),
            back: |web| web["spec"]["ports"].as_array().is_some_and(|ports| ports.len() == 1),
        },
        Edit {
            kind: Kind::Service,
            name: "api",
            patch: add("/spec/externalIPs", json!(["192.0.2.1"])),
            back: |api| api["spec"]["externalIPs"].is_null(),
        },
        Edit {
            // Somebody opens a door: for everybody, and for another port.
            kind: Kind::NetworkPolicy,
            name: "orders",
            patch: add("/spec/ingress/-", json!({})),
            back: |orders| orders["spec"]["ingress"].as_array().is_some_and(|rules| rules.len() == 2),
        },
        Edit {
            kind: Kind::NetworkPolicy,
            name: "web",
            patch: add("/spec/ingress/1/ports/-", json!({"port": 22, "protocol": "TCP"})),
            back: |web| web["spec"]["ingress"][1]["ports"].as_array().is_some_and(|ports| ports.len() == 1),
        },
        Edit {
            kind: Kind::NetworkPolicy,
            name: "api",
            patch: add("/spec/egress", json!([{}])),
            back: |api| api["spec"]["egress"].is_null(),
        },
        Edit {
            kind: Kind::Ingress,
            name: "web",
            patch: add("/spec/rules/-", json!({"host": "evil.example.com"})),
            back: |web| web["spec"]["rules"].as_array().is_some_and(|rules| rules.len() == 1),
        },
        Edit {
            kind: Kind::Ingress,
            name: "api",
            patch: add("/spec/defaultBackend", json!({"service": {"name": "evil", "port": {"number": 80}}})),
            back: |api| api["spec"]["defaultBackend"].is_null(),
        },
    ];
    come_back(&shop, &edits).await;
}

#[tokio::test]
async fn rule_12_elsewhere_foreign_fields_stay() {
    let world = World::shared().await;
    let shop = world.namespace("drift-stays").await;
    shop.apply_stack("shop", EVERY_KIND);
    shop.stack_ready("shop").await;
    let mark = shop.requests_since(0).await.len();
    let kinds = [(Kind::Deployment, "web"), (Kind::Service, "web"), (Kind::StatefulSet, "orders"), (Kind::ServiceAccount, "web")];
    for (kind, name) in kinds {
        let patch = json!([
            {"op": "add", "path": "/metadata/labels/team", "value": "red"},
            {"op": "add", "path": "/metadata/annotations/team", "value": "red"},
        ]);
        edit(&shop, kind, name, patch).await;
    }
    edit(
        &shop,
        Kind::HorizontalPodAutoscaler,
        "api",
        json!([{"op": "add", "path": "/spec/behavior", "value": {"scaleDown": {"stabilizationWindowSeconds": 7}}}]),
    )
    .await;
    let requests = shop.requests_since(mark).await;
    assert_eq!(writes(&requests), 0, "{requests:#?}");
    shop.patch_stack("shop", json!({"spec": {"services": {"web": {"image": "web:2"}, "api": {"scale": {"max": 4}}}}})).await;
    shop.image_until("web", "updated", "web:2").await;
    let api = shop.child_until(Kind::HorizontalPodAutoscaler, "api", "updated", |api| api["spec"]["maxReplicas"] == 4).await;
    assert_eq!(api["spec"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"], 7);
    for (kind, name) in kinds {
        let child = shop.get(kind, name).await;
        assert_eq!(
            (&child["metadata"]["labels"]["team"], &child["metadata"]["annotations"]["team"]),
            (&"red".into(), &"red".into())
        );
    }
}

#[tokio::test]
async fn rule_12_an_edit_that_changes_and_adds_is_put_back_whole() {
    let world = World::shared().await;
    let shop = world.namespace("drift-both").await;
    shop.apply_stack("shop", EVERY_KIND);
    shop.stack_ready("shop").await;
    let patch = json!([
        {"op": "replace", "path": "/spec/ports/0/targetPort", "value": 22},
        {"op": "add", "path": "/spec/ports/-", "value": {"name": "evil", "port": 9999}},
    ]);
    edit(&shop, Kind::Service, "web", patch).await;
    let is_back =
        |web: &Value| web["spec"]["ports"].as_array().is_some_and(|ports| ports.len() == 1 && ports[0]["targetPort"] != 22);
    shop.child_until(Kind::Service, "web", "put back", is_back).await;
}

#[tokio::test]
async fn rule_12_a_reset_of_the_managed_fields_is_repaired_and_drift_is_seen_again() {
    let world = World::shared().await;
    let shop = world.namespace("drift-reset").await;
    shop.apply_stack("shop", EVERY_KIND);
    shop.stack_ready("shop").await;
    let kinds = [(Kind::Deployment, "web"), (Kind::Service, "web"), (Kind::PodDisruptionBudget, "web"), (Kind::Ingress, "web")];
    let mark = shop.requests_since(0).await.len();
    for (kind, name) in kinds {
        let api = shop.api(&slim::resource(kind.row()));
        api.patch(name, &PatchParams::default(), &Patch::Merge(json!({"metadata": {"managedFields": [{}]}}))).await.unwrap();
        let is_ours = |child: &Value| {
            let entries = child["metadata"]["managedFields"].as_array();
            entries
                .is_some_and(|entries| entries.iter().any(|entry| entry["manager"] == "mstack" && entry["operation"] == "Apply"))
        };
        shop.child_until(kind, name, "ours again", is_ours).await;
    }
    let requests = shop.requests_since(mark).await;
    assert!(writes(&requests) <= 2 * kinds.len(), "{requests:#?}");
    let web = shop.get(Kind::Deployment, "web").await;
    assert_eq!(
        (&web["spec"]["replicas"], &web["metadata"]["generation"]),
        (&2.into(), &1.into()),
        "nothing but the fields' owners changed"
    );
    let evil =
        json!([{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "EVIL", "value": "yes"}}]);
    edit(&shop, Kind::Deployment, "web", evil).await;
    shop.child_until(Kind::Deployment, "web", "put back", |web| !web["spec"]["template"].to_string().contains("EVIL")).await;
    edit(&shop, Kind::Ingress, "web", json!([{"op": "replace", "path": "/spec/rules/0/host", "value": "evil.example.com"}]))
        .await;
    shop.child_until(Kind::Ingress, "web", "put back", |web| web["spec"]["rules"][0]["host"] == "web.example.com").await;
}
