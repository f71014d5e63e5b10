//! The image of the volume guard that runs in a StatefulSet: a new operator restarts no database for its own image's sake.
use serde_json::Value;

use crate::desired::VOLUME_GUARD;

/// The image in a workload's spec, if `ours`, our Apply entry's `fieldsV1`, still owns it: one that somebody else has
/// put there is drift.
pub fn of(spec: &str, ours: &str) -> Option<String> {
    if !spec.contains(VOLUME_GUARD) {
        return None;
    }
    let spec: Value = serde_json::from_str(spec).ok()?;
    let containers = spec.pointer("/template/spec/initContainers")?.as_array()?;
    let guard = containers.iter().find(|container| container["name"] == VOLUME_GUARD)?;
    let image = guard["image"].as_str()?;
    owns(ours).then(|| image.to_owned())
}

fn owns(ours: &str) -> bool {
    let Ok(entry) = serde_json::from_str::<Value>(ours) else { return false };
    let containers = entry.pointer("/f:spec/f:template/f:spec/f:initContainers");
    let key = format!("k:{{\"name\":\"{VOLUME_GUARD}\"}}");
    containers.and_then(|containers| containers.get(key)).is_some_and(|guard| guard.get("f:image").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = r#"{"template": {"spec": {"initContainers": [{"name": "volume-guard", "image": "mstack:1"}]}}}"#;

    fn entry(fields: &str) -> String {
        format!(
            r#"{{"f:spec": {{"f:template": {{"f:spec": {{"f:initContainers": {{"k:{{\"name\":\"volume-guard\"}}": {{{fields}}}}}}}}}}}}}"#
        )
    }

    #[test]
    fn the_image_that_was_sent_stays() {
        assert_eq!(of(SPEC, &entry(r#"".": {}, "f:image": {}"#)).as_deref(), Some("mstack:1"));
    }

    #[test]
    fn an_image_that_somebody_else_has_put_there_does_not_stay() {
        assert_eq!(of(SPEC, &entry(r#"".": {}"#)), None);
    }

    #[test]
    fn a_workload_without_a_guard_has_none() {
        assert_eq!(of(r#"{"template": {"spec": {}}}"#, &entry("")), None);
    }
}
