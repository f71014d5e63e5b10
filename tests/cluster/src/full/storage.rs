//! Volumes in folders of this machine, provisioned on demand.

use serde_json::json;

use super::Full;
use crate::command::command;
use crate::{Error, files, images, parts};

const PART: &str = "local-path-provisioner";

pub(super) fn start(full: &Full) -> Result<(), Error> {
    full.apply(include_str!("../../manifests/storage.yaml"))?;
    let configuration = full.state().file("local-path.json");
    let volumes = full.state().file("volumes");
    files::make_folder(&volumes)?;
    let everywhere = json!({ "node": "DEFAULT_PATH_FOR_NON_LISTED_NODES", "paths": [volumes] });
    files::write_json(&configuration, &json!({ "nodePathMap": [everywhere] }))?;
    let helper = full.state().file("helper-pod.yaml");
    files::write(&helper, include_str!("../../manifests/helper-pod.yaml"))?;
    let mut provisioner =
        command(parts::path(PART)?, ["start", "--provisioner-name=rancher.io/local-path", "--namespace=local-path-storage"]);
    provisioner.args(["--configmap-name=local-path-config", "--service-account-name=default", "--helper-image", images::BUSYBOX]);
    provisioner.arg("--kubeconfig").arg(full.kubeconfig_of("system:local-path-provisioner")?);
    provisioner.arg("--config").arg(configuration).arg("--helper-pod-file").arg(helper);
    full.state().start(PART, &provisioner)
}
