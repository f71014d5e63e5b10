//! The golden cases: stacks as they are written, checked in a cluster that has all that they refer to.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mstack::api::MicroserviceStack;
use mstack::model::{self, Facts, SecretFacts, Stack, VolumeFacts};
use serde_json::Value;

/// A UID for stacks that no API server has seen.
#[allow(dead_code)]
pub const UID: &str = "11111111-2222-3333-4444-555555555555";

/// The folders of all cases.
pub fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    cases.sort();
    assert!(cases.len() >= 12, "only {} cases", cases.len());
    cases
}

/// The stack of a case as it is written.
pub fn object(case: &Path) -> MicroserviceStack {
    let text = std::fs::read_to_string(case.join("in.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", case.display()))
}

/// The checked stack, in a cluster where its Secrets exist and the identities of its data are known.
pub fn stack(object: MicroserviceStack, uid: &str) -> Stack {
    stack_over(object, uid, BTreeMap::new())
}

/// The same, where there is something of its databases already.
pub fn stack_over(mut object: MicroserviceStack, uid: &str, volumes: BTreeMap<String, VolumeFacts>) -> Stack {
    object.metadata.uid = Some(uid.to_owned());
    let spec = model::active(&object.spec);
    let services = spec.services.values().flat_map(|service| service.secrets.iter().flatten().cloned());
    let databases =
        spec.databases.values().filter_map(|database| database.credentials.as_ref().map(|given| given.secret.clone()));
    let facts = Facts {
        gateway_api: true,
        grpc_routes: true,
        secrets: services.chain(databases).map(|name| (name.clone(), Some(secret(&name)))).collect(),
        volumes,
        guard_image: Some("ghcr.io/microservicestack/mstack:0".to_owned()),
    };
    let mut stack = model::check(&object, &facts).unwrap_or_else(|violations| panic!("{:?}: {violations}", object.metadata.name));
    for database in spec.databases.keys() {
        stack.set_identity(database, &format!("identity-of-{database}"));
    }
    stack
}

fn secret(name: &str) -> SecretFacts {
    let keys = ["host", "port", "username", "password", "uri"].map(str::to_owned);
    SecretFacts { digest: format!("digest of {name}"), keys: keys.into() }
}

/// All containers of a workload.
#[allow(dead_code)]
pub fn containers(body: &Value) -> Vec<Value> {
    let spec = &body["spec"]["template"]["spec"];
    [&spec["initContainers"], &spec["containers"]].into_iter().filter_map(Value::as_array).flatten().cloned().collect()
}
