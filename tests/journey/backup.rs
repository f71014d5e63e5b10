//! An API server that is restored from a backup: it knows less than the volumes hold, or more.
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::World;

const ARCHIVE: &str = "
apiVersion: microservicestack.dev/v1alpha1
kind: MicroserviceStack
metadata: { name: archive, namespace: shop }
spec:
  databases:
    notes: { engine: postgres, image: 'localhost/postgres:15', storage: { size: 64Mi }, onDelete: Delete }
";

/// Rule 9: "Data outlives everything short of a declared `onDelete: Delete`"; rule 10: "with a recorded identity nothing
/// initialises an empty volume again: `DataLost`".
pub async fn a_restored_api_server_loses_no_data_and_replaces_none(world: &World) {
    world.apply(ARCHIVE);
    until_archive(world, "Available");
    let kept = world.kept();
    let backup = world.save().await;

    let order = world.order("mug", 3);
    world.merge(&json!({ "spec": { "services": { "web": { "replicas": 3 } } } }));
    world.until_ready(Duration::from_mins(1));
    world.kubectl(&["-n", "shop", "delete", "mstack", "archive", "--timeout=60s"]);
    world.until("the archive's data is gone", Duration::from_mins(1), || {
        let claim = world.field("shop", "pvc/data-notes-0", "{.metadata.uid}");
        let volumes = world.kubectl(&["get", "persistentvolumes", "-o", "jsonpath={.items[*].spec.claimRef.name}"]);
        let gone = claim.is_empty() && !volumes.contains("data-notes-0");
        gone.then_some(()).ok_or(format!("{claim} {volumes}"))
    });

    let begun = Instant::now();
    world.restore(&backup).await;
    world.until("the order that the API server never knew of is there", Duration::from_mins(2), || {
        world.try_get(&format!("/api/orders/{order}"))
    });
    world.until("web has the instances of the backup", Duration::from_mins(2), || {
        let seen = ["desired", "serving"].map(|state| world.stack()["status"]["services"]["web"]["instances"][state].clone());
        (seen == [2, 2]).then_some(()).ok_or(format!("{seen:?}"))
    });
    world.until_ready(Duration::from_mins(2));
    world.figure("API server restored to the shop as it was, with all its data", begun.elapsed());
    assert_eq!(world.kept(), kept);

    let told = until_archive(world, "DataLost");
    let fix = "delete the record (the ConfigMap notes-identity) and then this pod to start with empty data";
    assert!(told.contains("notes") && told.contains(fix), "{told}");
    world.kubectl(&["-n", "shop", "delete", "configmap", "notes-identity"]);
    // What the storage has given back is nobody's to write to: the claim goes as well, and the pod that holds it.
    world.kubectl(&["-n", "shop", "delete", "pvc", "data-notes-0", "--wait=false"]);
    world.kubectl(&["-n", "shop", "delete", "pod", "notes-0"]);
    until_archive(world, "Available");
    world.kubectl(&["-n", "shop", "delete", "mstack", "archive", "--timeout=60s"]);
}

/// Waits for a reason of the archive's `Ready`, and returns what it says.
fn until_archive(world: &World, reason: &str) -> String {
    world.until(&format!("the archive is {reason}"), Duration::from_mins(3), || {
        let conditions = world.field("shop", "mstack/archive", "{.status.conditions}");
        let conditions: Vec<Value> = serde_json::from_str(&conditions).unwrap_or_default();
        let ready = conditions.iter().find(|condition| condition["type"] == "Ready").cloned().unwrap_or_default();
        let message = ready["message"].as_str().unwrap_or_default().to_owned();
        if ready["reason"] == reason { Ok(message) } else { Err(format!("{}: {message}", ready["reason"])) }
    })
}
