//! Hardening: the component's own settings over the engine's row over the stack's.
use super::super::{Recipe, Security, Violations};
use super::Scope;
use crate::api;
use crate::api::SecurityProfile;
use crate::codes::Code;

/// Hardening of a service's pods.
pub fn of_service(scope: Scope, path: &str, own: Option<&api::Security>, found: &mut Violations) -> Security {
    merged(scope, path, own, (None, None), found)
}

/// Hardening of a database's pods; its volume belongs to a group of theirs.
pub fn of_database(scope: Scope, path: &str, own: Option<&api::Security>, recipe: &Recipe, found: &mut Violations) -> Security {
    let security = merged(scope, path, own, (recipe.user, recipe.group), found);
    Security { fs_group: security.group.or(security.user).filter(|&group| group > 0), ..security }
}

fn merged(
    scope: Scope,
    path: &str,
    own: Option<&api::Security>,
    engine: (Option<i64>, Option<i64>),
    found: &mut Violations,
) -> Security {
    let stack = scope.spec.security.clone().unwrap_or_default();
    let own = own.cloned().unwrap_or_default();
    let security = Security {
        restricted: own.profile.or(stack.profile).unwrap_or_default() == SecurityProfile::Restricted,
        user: own.run_as_user.or(engine.0).or(stack.run_as_user),
        group: own.run_as_group.or(engine.1).or(stack.run_as_group),
        fs_group: None,
    };
    let place = |own: bool| if own { path } else { "spec.security" };
    let user_path = format!("{}.runAsUser", place(own.run_as_user.is_some()));
    let group_path = format!("{}.runAsGroup", place(own.run_as_group.is_some()));
    judge_id(&user_path, security.user, found);
    judge_id(&group_path, security.group, found);
    if security.restricted && security.user == Some(0) {
        found.add(
            Code::RootRestricted,
            user_path,
            "the profile `Restricted` does not admit the user 0 (root), so no pod could start",
            "choose another user, such as 10001, or set `profile: Baseline`",
        );
    }
    security
}

fn judge_id(path: &str, id: Option<i64>, found: &mut Violations) {
    if let Some(id) = id.filter(|id| !(0..=i64::from(i32::MAX)).contains(id)) {
        found.add(Code::UserId, path, format!("{id} is not an id"), "choose one from 0 to 2147483647");
    }
}
