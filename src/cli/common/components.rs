//! The components of a stack, as users name them.
use serde_json::Value;

use super::access::name_of;
use super::next;
use crate::model::did_you_mean;

/// Services, then databases.
pub fn of(stack: &Value) -> impl Iterator<Item = &str> {
    let keys = move |part: &str| stack["spec"][part].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    keys("services").chain(keys("databases"))
}

/// What to say where a name is none of them.
pub fn unknown(stack: &Value, name: &str) -> String {
    let otherwise = format!("`{}` shows its components", next::command("status STACK", stack));
    let fix = did_you_mean(name, of(stack), &otherwise);
    format!("`{name}` is no component of the stack {}; {fix}", name_of(stack))
}
