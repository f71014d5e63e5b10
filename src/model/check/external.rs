//! A database outside the stack: a Secret and nothing else.
use super::super::Violations;
use crate::api;
use crate::codes::Code;

/// Judges that there is nothing but the Secret.
pub fn judge(path: &str, written: &api::Database, found: &mut Violations) {
    if written.credentials.is_none() {
        let reason = "an engine `external` needs the Secret that tells where it is";
        found.add(Code::ExternalNeeds, format!("{path}.credentials"), reason, "add `credentials: { secret: ... }`");
    }
    let fields = [
        ("version", written.version.is_some()),
        ("image", written.image.is_some()),
        ("instances", written.instances.is_some()),
        ("storage", written.storage.is_some()),
        ("ephemeral", written.ephemeral.is_some()),
        ("resources", written.resources.is_some()),
        ("command", written.command.is_some()),
        ("args", written.args.is_some()),
        ("security", written.security.is_some()),
        ("onDelete", written.on_delete.is_some()),
        ("env", !written.env.is_empty()),
        ("init", !written.init.is_empty()),
        ("maxConnections", written.max_connections.is_some()),
        ("allowFrom", written.allow_from.is_some()),
    ];
    for (field, _) in fields.iter().filter(|(_, given)| *given) {
        let reason = format!("`{field}` has no meaning for a database that is not run here");
        found.add(Code::FieldOfRun, format!("{path}.{field}"), reason, "remove it");
    }
}
