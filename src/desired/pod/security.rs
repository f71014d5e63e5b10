//! Security of pods: what breaks no image always, and under `Restricted` what that Pod Security Standard asks for.
use k8s_openapi::api::core::v1::{Capabilities, PodSecurityContext, SeccompProfile, SecurityContext};

use crate::model::Security;

pub fn of_pod(security: &Security) -> PodSecurityContext {
    PodSecurityContext {
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), ..SeccompProfile::default() }),
        run_as_non_root: security.restricted.then_some(true),
        run_as_user: security.user,
        run_as_group: security.group,
        fs_group: security.fs_group,
        // Changing the owner of every file at each start would hold a large volume back for minutes.
        fs_group_change_policy: security.fs_group.map(|_| "OnRootMismatch".to_owned()),
        ..PodSecurityContext::default()
    }
}

/// The root file system becomes read-only only where all folders that the image writes to are known.
pub fn of_container(security: &Security, writable_folders_are_known: bool) -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: security.restricted.then(|| Capabilities { drop: Some(vec!["ALL".to_owned()]), ..Capabilities::default() }),
        read_only_root_filesystem: (security.restricted && writable_folders_are_known).then_some(true),
        ..SecurityContext::default()
    }
}
