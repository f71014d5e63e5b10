//! What differs between two revisions, in words.
use serde::Serialize;
use serde_json::{Value, json};

use super::super::plan::{Difference, diff};
use crate::api::Service;
use crate::model::revision::Part;

const LONGEST: usize = 40;

/// What one revision has otherwise than the one before, a line each. Counts are not of revisions.
pub fn changes(before: &Part, after: &Part) -> Vec<String> {
    let mut lines = fields("config ", &before.config, &after.config);
    lines.extend(fields("security ", &before.security.clone().unwrap_or_default(), &after.security.clone().unwrap_or_default()));
    let names = before.services.keys().chain(after.services.keys()).collect::<std::collections::BTreeSet<_>>();
    for name in names {
        match (before.services.get(name), after.services.get(name)) {
            (None, Some(new)) => lines.push(format!("{name} comes ({})", new.image)),
            (Some(_), None) => lines.push(format!("{name} goes")),
            (old, new) => lines.extend(of_templates(name, template(old), template(new))),
        }
    }
    lines.extend(fields("test ", &before.tests, &after.tests));
    lines
}

fn template(service: Option<&Service>) -> Value {
    let template = service.map(|service| Service { replicas: None, scale: None, ..service.clone() });
    serde_json::to_value(template).unwrap_or_default()
}

/// What differs between two templates, each variable, file and the like told by itself, also where there was none or is none left.
fn of_templates(name: &str, mut old: Value, mut new: Value) -> Vec<String> {
    fill(&mut old, &new);
    fill(&mut new, &old);
    fields(&format!("{name}: "), &old, &new)
}

/// Puts an empty map where the other one has a map that is not empty.
fn fill(one: &mut Value, other: &Value) {
    let (Some(one), Some(other)) = (one.as_object_mut(), other.as_object()) else { return };
    let maps = other.iter().filter(|(_, value)| value.as_object().is_some_and(|map| !map.is_empty()));
    for (key, _) in maps {
        one.entry(key).or_insert_with(|| json!({}));
    }
}

fn fields(of: &str, before: &impl Serialize, after: &impl Serialize) -> Vec<String> {
    let value = |part: Result<Value, _>| part.unwrap_or_default();
    let found = diff(&value(serde_json::to_value(before)), &value(serde_json::to_value(after)));
    found.iter().map(|difference| format!("{of}{}", told(difference))).collect()
}

fn told(difference: &Difference) -> String {
    let path = &difference.path;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let short = |value: &Value| Some(value).filter(|value| !value.is_object()).map(text).filter(|text| fits(text));
    match (&difference.before, &difference.after) {
        (_, None) => format!("{path} goes"),
        (None, Some(after)) => match short(after) {
            Some(after) => format!("{path} {after} comes"),
            None => format!("{path} comes"),
        },
        (Some(before), Some(after)) => match (short(before), short(after)) {
            (Some(before), Some(after)) => format!("{path} {before} -> {after}"),
            _ => format!("{path} is another"),
        },
    }
}

/// Whether a value is shown; a file is not.
fn fits(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= LONGEST && !text.contains('\n')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::StackSpec;

    fn part(spec: &str) -> Part {
        Part::of(&serde_saphyr::from_str::<StackSpec>(spec).unwrap())
    }

    #[test]
    fn what_differs_is_told_by_service_and_counts_are_not() {
        let before = part(
            "
config: {REGION: eu}
services:
  web: {image: 'web:1', replicas: 2, uses: [api], files: {/etc/a.toml: \"a\\nb\"}}
  api: {image: 'api:1', command: [/api], config: {LEVEL: info}, files: {/etc/b: text}}
  old: {image: 'old:1'}
  worker: {image: 'worker:1'}
",
        );
        let after = part(
            "
config: {REGION: us}
security: {profile: Restricted}
services:
  web: {image: 'web:2', replicas: 5, uses: [api], files: {/etc/a.toml: \"a\\nc\"}}
  api: {image: 'api:1', command: [/api, -v], config: {LEVEL: info, ADDR: ':80'}}
  extra: {image: 'extra:1'}
  worker: {image: 'worker:1', config: {LEVEL: info, REGION: eu}, live: {http: /}}
tests: {flow: {image: 'e2e:1', gate: true}}
",
        );
        assert_eq!(
            changes(&before, &after),
            [
                "config REGION eu -> us",
                "security profile Restricted comes",
                "api: command [\"/api\"] -> [\"/api\",\"-v\"]",
                "api: config.ADDR :80 comes",
                "api: files./etc/b goes",
                "extra comes (extra:1)",
                "old goes",
                "web: files./etc/a.toml is another",
                "web: image web:1 -> web:2",
                "worker: config.LEVEL info comes",
                "worker: config.REGION eu comes",
                "worker: live.http / comes",
                "test flow comes",
            ]
        );
        assert_eq!(changes(&after, &after), Vec::<String>::new());
    }
}
