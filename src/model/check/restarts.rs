//! Restarts that were asked for: an annotation of the stack, and not of its spec, for it changes nothing of what is wanted.
use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;

use super::super::{RESTARTED_AT, Violations};
use crate::api::MicroserviceStack;
use crate::codes::Code;

/// When each component was last asked to restart. What cannot be read is told, and holds nothing back.
pub fn of(object: &MicroserviceStack, notices: &mut Violations) -> BTreeMap<String, String> {
    let Some(text) = object.metadata.annotations.as_ref().and_then(|all| all.get(RESTARTED_AT)) else {
        return BTreeMap::new();
    };
    let mut times: BTreeMap<String, String> = serde_json::from_str(text).unwrap_or_default();
    let empty = times.is_empty();
    let all = times.len();
    times.retain(|_, time| time.parse::<Timestamp>().is_ok());
    if times.len() < all || empty && text.trim() != "{}" {
        notices.add(
            Code::Restarts,
            format!("metadata.annotations[{RESTARTED_AT}]"),
            "not all of it is a map of components to times, so what cannot be read restarts nothing",
            "let `mstack restart` write it, or write it like `{\"api\":\"2026-01-31T12:00:00Z\"}`",
        );
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (BTreeMap<String, String>, usize) {
        let mut object = MicroserviceStack::new("shop", crate::api::StackSpec::default());
        object.metadata.annotations = Some(BTreeMap::from([(RESTARTED_AT.to_owned(), text.to_owned())]));
        let mut notices = Violations::default();
        let times = of(&object, &mut notices);
        (times, notices.0.len())
    }

    #[test]
    fn a_time_for_each_component_is_read() {
        let time = "2026-01-31T12:00:00Z";
        assert_eq!(read(r#"{"api":"2026-01-31T12:00:00Z"}"#), (BTreeMap::from([("api".to_owned(), time.to_owned())]), 0));
        assert_eq!(read("{}"), (BTreeMap::new(), 0));
    }

    #[test]
    fn what_is_no_time_restarts_nothing_and_is_told() {
        assert_eq!(read(r#"{"api":"now"}"#), (BTreeMap::new(), 1));
        assert_eq!(read("api"), (BTreeMap::new(), 1));
        assert_eq!(read(""), (BTreeMap::new(), 1));
    }
}
