//! The one table of the kinds that mstack makes or looks at: it drives watches, observation, apply order, prune order
//! and the test of the RBAC rules. Pure data.

/// A kind of child object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Gateway API route.
    HttpRoute,
    /// Gateway API route of gRPC calls.
    GrpcRoute,
    /// Route where there is no Gateway API.
    Ingress,
    /// Chooses the count of a service with `scale`.
    HorizontalPodAutoscaler,
    /// Runs a migration, a test or a job to its end.
    Job,
    /// Keeps instances while nodes are drained.
    PodDisruptionBudget,
    /// Runs a service.
    Deployment,
    /// Runs a database.
    StatefulSet,
    /// Address of a component.
    Service,
    /// Who may reach the pods of a component.
    NetworkPolicy,
    /// Files, immutable and named by their hash; init scripts; identities of data.
    ConfigMap,
    /// Identity of a service.
    ServiceAccount,
    /// What is remembered of a revision.
    ControllerRevision,
    /// Looked at for root causes.
    Pod,
    /// Looked at for serving instances.
    EndpointSlice,
    /// Looked at for the sizes and identities of volumes.
    PersistentVolumeClaim,
}

/// How much of an object is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Spec and status, because the status is read.
    Full,
    /// Metadata alone: the managed fields tell drift.
    Metadata,
}

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// The kind.
    pub kind: Kind,
    /// API group; empty for the core group.
    pub group: &'static str,
    /// API version.
    pub version: &'static str,
    /// Name of the resource in URLs and RBAC rules.
    pub plural: &'static str,
    /// Name of the kind in manifests.
    pub name: &'static str,
    /// Whether mstack makes and prunes objects of this kind, or only looks at them.
    pub managed: bool,
    /// How much is watched.
    pub depth: Depth,
    /// Whether an object is made once and never brought in line again: what it stands for is in its name.
    pub once: bool,
    /// What else the watch selects by, beside our label; empty: nothing.
    pub selector: &'static str,
    /// Whether a cluster may lack this kind.
    pub optional: bool,
    /// The part of the object in which entries of others are drift (rule 12), as a path of field names; empty: none.
    pub strict: &'static [&'static str],
}

impl Row {
    /// `group/version`, or `version` in the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }
}

const fn row(kind: Kind, group: &'static str, version: &'static str, plural: &'static str, name: &'static str) -> Row {
    Row {
        kind,
        group,
        version,
        plural,
        name,
        managed: true,
        depth: Depth::Metadata,
        once: false,
        selector: "",
        optional: false,
        strict: &[],
    }
}

/// All kinds, in the order in which they are pruned: consumers first. They are applied the other way round.
pub const KINDS: [Row; 16] = [
    Row {
        depth: Depth::Full,
        optional: true,
        strict: &["spec"],
        ..row(Kind::HttpRoute, "gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute")
    },
    Row {
        depth: Depth::Full,
        optional: true,
        strict: &["spec"],
        ..row(Kind::GrpcRoute, "gateway.networking.k8s.io", "v1", "grpcroutes", "GRPCRoute")
    },
    Row { strict: &["spec"], ..row(Kind::Ingress, "networking.k8s.io", "v1", "ingresses", "Ingress") },
    Row {
        depth: Depth::Full,
        ..row(Kind::HorizontalPodAutoscaler, "autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
    },
    Row { depth: Depth::Full, once: true, ..row(Kind::Job, "batch", "v1", "jobs", "Job") },
    row(Kind::PodDisruptionBudget, "policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"),
    Row { depth: Depth::Full, strict: &["spec", "template"], ..row(Kind::Deployment, "apps", "v1", "deployments", "Deployment") },
    Row {
        depth: Depth::Full,
        strict: &["spec", "template"],
        ..row(Kind::StatefulSet, "apps", "v1", "statefulsets", "StatefulSet")
    },
    Row { strict: &["spec"], ..row(Kind::Service, "", "v1", "services", "Service") },
    // After the workloads: before their pods start, and until they have been told to end.
    Row { strict: &["spec"], ..row(Kind::NetworkPolicy, "networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy") },
    row(Kind::ConfigMap, "", "v1", "configmaps", "ConfigMap"),
    row(Kind::ServiceAccount, "", "v1", "serviceaccounts", "ServiceAccount"),
    // A StatefulSet has such objects of its own, with the labels of its pods.
    Row {
        once: true,
        selector: "!microservicestack.dev/component",
        ..row(Kind::ControllerRevision, "apps", "v1", "controllerrevisions", "ControllerRevision")
    },
    Row { managed: false, depth: Depth::Full, ..row(Kind::Pod, "", "v1", "pods", "Pod") },
    Row {
        managed: false,
        depth: Depth::Full,
        ..row(Kind::EndpointSlice, "discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
    },
    Row {
        managed: false,
        depth: Depth::Full,
        ..row(Kind::PersistentVolumeClaim, "", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
    },
];

impl Kind {
    /// The kind's row.
    pub fn row(self) -> &'static Row {
        &KINDS[self as usize]
    }

    /// Whether objects of this kind make pods, or say how many: they are written after all that pods need.
    pub fn runs(self) -> bool {
        matches!(self, Self::Deployment | Self::StatefulSet | Self::HorizontalPodAutoscaler | Self::Job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_finds_its_own_row() {
        for row in &KINDS {
            assert_eq!(row.kind.row().kind, row.kind);
        }
    }
}
