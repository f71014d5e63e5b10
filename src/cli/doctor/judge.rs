//! What was read of a cluster, judged. Pure.
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::super::common::next;
use super::checks::Verdict;
use super::view::State;
use crate::cluster::lease;

const OLDEST_MINOR: u32 = 30;
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";
/// `DaemonSets` of networks that enforce `NetworkPolicies`, and of one that does not.
const ENFORCING: [&str; 8] =
    ["cilium", "calico-node", "antrea-agent", "kube-router", "weave-net", "canal", "kindnet", "ovnkube-node"];
const NOT_ENFORCING: [&str; 2] = ["kube-flannel-ds", "kube-flannel"];

/// The version of Kubernetes.
pub fn kubernetes(major: &str, minor: &str, whole: &str) -> Verdict {
    let number: u32 = minor.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or_default();
    if major == "1" && number >= OLDEST_MINOR {
        return good(format!("Kubernetes {whole}"));
    }
    (State::Bad, format!("Kubernetes {whole} is older than 1.{OLDEST_MINOR}"), "upgrade the cluster".to_owned())
}

/// Whether the definition in the cluster is this program's.
pub fn definition(there: &Value, own: &Value) -> Verdict {
    let schema = |crd: &Value| {
        let versions = crd["spec"]["versions"].as_array().cloned().unwrap_or_default();
        let version = versions.into_iter().find(|version| version["name"] == "v1alpha1").unwrap_or_default();
        (version["schema"]["openAPIV3Schema"].clone(), version["additionalPrinterColumns"].clone())
    };
    if schema(there) == schema(own) {
        return good("the definition is that of this version of mstack".to_owned());
    }
    let fix = "mstack crd | kubectl apply --server-side --force-conflicts -f -".to_owned();
    (State::Warning, "the definition in the cluster differs from that of this version of mstack".to_owned(), fix)
}

/// Whether an operator leads.
pub fn operator(found: Option<&Lease>, place: &(String, String), now: Timestamp) -> Verdict {
    let (namespace, name) = place;
    let fix = format!("kubectl -n {namespace} get deployment,pods,lease");
    let Some(lease) = found else {
        return (State::Bad, format!("there is no Lease {namespace}/{name}, so no operator has ever led here"), fix);
    };
    let spec = lease.spec.clone().unwrap_or_default();
    let holder = spec.holder_identity.filter(|holder| !holder.is_empty());
    let Some(holder) = holder else {
        return (State::Bad, format!("nobody holds the Lease {namespace}/{name}: no operator works"), fix);
    };
    let age =
        spec.renew_time.map_or(u64::MAX, |renewed| u64::try_from(now.as_second() - renewed.0.as_second()).unwrap_or_default());
    if age > 2 * lease::DURATION.as_secs() {
        return (
            State::Bad,
            format!("{holder} held the Lease {namespace}/{name}, and has not renewed it for {age} s: no operator works"),
            fix,
        );
    }
    let pod = holder.split('_').next().unwrap_or_default();
    good(format!("{pod} leads"))
}

/// Whether program and operator are of one version.
pub fn versions(own: &str, operator: Option<&str>) -> Verdict {
    match operator {
        None => unknown("the operator's version is not told by its Lease"),
        Some(operator) if operator == own => good(format!("this program and the operator are mstack {own}")),
        Some(operator) => (
            State::Warning,
            format!("this program is mstack {own}, and the operator is {operator}"),
            "helm upgrade mstack, or take the program of the operator's version".to_owned(),
        ),
    }
}

/// Whether volumes are made without a class being named.
pub fn classes(found: &[StorageClass]) -> Verdict {
    let is_default = |class: &&StorageClass| {
        let annotations = class.metadata.annotations.as_ref();
        annotations.and_then(|all| all.get(DEFAULT_CLASS)).is_some_and(|value| value == "true")
    };
    let Some(class) = found.iter().find(is_default) else {
        let fix = "kubectl patch storageclass NAME -p '{\"metadata\":{\"annotations\":{\"storageclass.kubernetes.io/is-default-class\":\"true\"}}}'";
        return (State::Warning, "there is no default StorageClass".to_owned(), fix.to_owned());
    };
    let name = class.metadata.name.clone().unwrap_or_default();
    if class.allow_volume_expansion.unwrap_or_default() {
        return good(format!("volumes are of the class {name}, and can grow"));
    }
    let fix = format!("if its driver can: kubectl patch storageclass {name} -p '{{\"allowVolumeExpansion\":true}}'");
    (State::Warning, format!("volumes are of the class {name}, and cannot grow"), fix)
}

/// Whether isolation is enforced, as far as the network's agents tell by their names.
pub fn network(daemon_sets: &[String]) -> Verdict {
    let known = |names: &[&str]| daemon_sets.iter().find(|set| names.contains(&set.as_str())).cloned();
    if let Some(agent) = known(&ENFORCING) {
        return good(format!("{agent} enforces NetworkPolicies"));
    }
    let fix = "try it: from a pod outside of a stack, connect to one of its databases; it must not be reached";
    match known(&NOT_ENFORCING) {
        Some(agent) => (State::Warning, format!("{agent} does not enforce NetworkPolicies by itself"), fix.to_owned()),
        None => (
            State::Unknown,
            "it cannot be told from here whether the network enforces NetworkPolicies".to_owned(),
            fix.to_owned(),
        ),
    }
}

/// How many stacks need a person; `told` are names with namespace and reason.
pub fn stacks(count: usize, stalled: &[(String, String, String)]) -> Verdict {
    if stalled.is_empty() {
        return good(match count {
            0 => "there is no stack yet".to_owned(),
            1 => "one stack, and it needs no person".to_owned(),
            _ => format!("{count} stacks, and none needs a person"),
        });
    }
    let names: Vec<String> =
        stalled.iter().take(5).map(|(namespace, name, reason)| format!("{namespace}/{name} ({reason})")).collect();
    let more = if stalled.len() > 5 { format!(" and {} more", stalled.len() - 5) } else { String::new() };
    let (namespace, name, _) = &stalled[0];
    (
        State::Bad,
        format!("{} of {count} stacks cannot go on without a person: {}{more}", stalled.len(), names.join(", ")),
        next::command_in("status STACK", namespace, name),
    )
}

/// All is well.
pub fn good(message: String) -> Verdict {
    (State::Good, message, String::new())
}

/// It could not be looked at.
pub fn unknown(why: impl Into<String>) -> Verdict {
    (State::Unknown, why.into(), String::new())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(verdict: &Verdict) -> State {
        verdict.0
    }

    #[test]
    fn an_old_kubernetes_is_bad_and_a_minor_with_a_plus_is_read() {
        assert_eq!(state(&kubernetes("1", "30+", "v1.30.2-eks")), State::Good);
        assert_eq!(state(&kubernetes("1", "29", "v1.29.0")), State::Bad);
    }

    #[test]
    fn an_operator_leads_only_while_it_renews_its_lease() {
        let now: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        let lease = |holder: &str, renewed: &str| -> Lease {
            serde_json::from_value(
                json!({"metadata": {"name": "mstack"}, "spec": {"holderIdentity": holder, "renewTime": renewed}}),
            )
            .unwrap()
        };
        let place = ("mstack-system".to_owned(), "mstack".to_owned());
        let judged = |lease: Option<&Lease>| operator(lease, &place, now);
        assert_eq!(judged(Some(&lease("mstack-1_0a", "2026-01-31T11:59:55.000000Z"))).1, "mstack-1 leads");
        assert_eq!(state(&judged(Some(&lease("mstack-1_0a", "2026-01-31T11:58:00.000000Z")))), State::Bad);
        assert_eq!(state(&judged(Some(&lease("", "2026-01-31T11:59:55.000000Z")))), State::Bad);
        assert_eq!(state(&judged(None)), State::Bad);
    }

    #[test]
    fn a_default_class_that_grows_is_good() {
        let class = |default: &str, grows: bool| -> StorageClass {
            serde_json::from_value(json!({"metadata": {"name": "fast", "annotations": {DEFAULT_CLASS: default}}, "provisioner": "x", "allowVolumeExpansion": grows})).unwrap()
        };
        assert_eq!(state(&classes(&[class("true", true)])), State::Good);
        assert_eq!(state(&classes(&[class("true", false)])), State::Warning);
        assert_eq!(state(&classes(&[class("false", true)])), State::Warning);
    }

    #[test]
    fn a_network_is_known_by_its_agent_or_not_at_all() {
        let judged = |name: &str| state(&network(&[name.to_owned()]));
        assert_eq!([judged("cilium"), judged("kube-flannel-ds"), judged("own")], [State::Good, State::Warning, State::Unknown]);
    }

    #[test]
    fn a_definition_is_compared_by_its_schema_and_columns() {
        let crd =
            |kind: &str| json!({"spec": {"versions": [{"name": "v1alpha1", "schema": {"openAPIV3Schema": {"type": kind}}}]}});
        assert_eq!(state(&definition(&crd("object"), &crd("object"))), State::Good);
        assert_eq!(state(&definition(&crd("object"), &crd("string"))), State::Warning);
    }

    #[test]
    fn stacks_that_need_a_person_are_named() {
        let stalled = [("shop".to_owned(), "web".to_owned(), "Failed".to_owned())];
        assert_eq!(stacks(3, &stalled).1, "1 of 3 stacks cannot go on without a person: shop/web (Failed)");
        assert_eq!(state(&stacks(3, &[])), State::Good);
    }
}
