//! Fields of Kubernetes and Compose that are asked for here, and what says the same.
use serde_json::Value as Json;

/// One thing that other tools say.
struct Row {
    /// Their fields.
    theirs: &'static [&'static str],
    /// A field that the place has where this is meant: what to write, or what the place is known by.
    ours: &'static str,
    /// What to do.
    fix: &'static str,
}

const fn row(theirs: &'static [&'static str], ours: &'static str, fix: &'static str) -> Row {
    Row { theirs, ours, fix }
}

/// The first row of a field whose `ours` is there wins.
const ROWS: &[Row] = &[
    row(&["env", "environment"], "config", "variables are `config: { LOG_LEVEL: info }`"),
    row(&["environment"], "env", "variables are `env: { LOG_LEVEL: info }`"),
    row(&["envFrom", "env_file"], "secrets", "the keys of an existing Secret are variables by `secrets: [stripe-key]`"),
    row(&["secrets"], "credentials", "an existing Secret is named by `credentials: { secret: my-db }`"),
    row(&["secrets"], "services", "each service lists the existing Secrets that it needs, `secrets: [stripe-key]`"),
    row(&["configs", "configMaps"], "files", "files are given by their paths, `files: { /etc/app.toml: \"...\" }`"),
    row(&["entrypoint"], "command", "the entry point is `command: [/app]`, and `args` come after it"),
    row(&["build"], "image", "an image is built elsewhere and named here, `image: ghcr.io/acme/api:2.4.0`"),
    row(
        &["containers", "template", "sidecars"],
        "scale",
        "a service has one container, and its fields stand in the service itself: `image: ghcr.io/acme/api:2.4.0`",
    ),
    row(&["initContainers"], "migrate", "what runs before a release is `migrate: { command: [/app, migrate] }`"),
    row(&["restart", "restartPolicy"], "live", "remove it; what ends is started again"),
    // Counts.
    row(&["replicas"], "instances", "the count of a database is `instances: 1`"),
    row(&["instances"], "replicas", "the count of a service is `replicas: 2`"),
    row(&["autoscaling", "autoscaler", "hpa"], "scale", "an autoscaler is `scale: { min: 2, max: 20, cpu: 70 }`"),
    row(&["deploy"], "replicas", "`replicas: 2` and `resources: { cpu: 250m }` stand in the service itself"),
    row(&["minReplicas"], "min", "it is `min: 2`"),
    row(&["maxReplicas"], "max", "it is `max: 20`"),
    row(
        &["requests", "reservations"],
        "limits",
        "what is reserved stands beside `limits`, without a map of its own: `{ cpu: 250m, memory: 256Mi }`",
    ),
    // Data.
    row(
        &["volumes", "volumeMounts", "volumeClaimTemplates", "persistence"],
        "storage",
        "the volume is `storage: { size: 20Gi }`, and the engine knows where it is mounted",
    ),
    row(
        &["volumes", "volumeMounts"],
        "scratch",
        "a service keeps nothing: `scratch: [/tmp]` is empty at each start, `files: { /etc/app.toml: \"...\" }` are given, \
         and data belongs to a database",
    ),
    row(&["volumes"], "databases", "remove it; a database has volumes of its own, by its `storage`"),
    // Edges and who may reach whom.
    row(
        &["depends_on", "dependsOn", "links"],
        "uses",
        "write `uses: [api]`: it starts after what it uses, and gets its address in variables",
    ),
    row(&["depends_on", "dependsOn", "links"], "engine", "remove it; a service that needs the database has it in its `uses`"),
    row(&["ingress", "hosts", "host", "routes"], "expose", "an address from outside is `expose: [{ host: shop.example.com }]`"),
    row(
        &["ingress", "hosts", "gateway"],
        "routing",
        "each service has its `expose`, and what serves it is `routing: { gateway: { name: public } }`",
    ),
    row(
        &["networks", "networkPolicy"],
        "allowFrom",
        "remove it; what `uses` a component reaches it, and `allowFrom: [{ namespace: monitoring }]` lets in others",
    ),
    row(&["networks", "networkPolicies"], "isolation", "remove it; who may reach whom follows from `uses`"),
    row(&["securityContext"], "security", "it is `security: { runAsUser: 10001 }`"),
    // Checks.
    row(&["livenessProbe"], "live", "the check that restarts an instance is `live: { http: /healthz }`"),
    row(
        &["readinessProbe", "healthcheck", "healthCheck"],
        "health",
        "the check that lets traffic in is `health: { http: /healthz }`",
    ),
    row(&["startupProbe"], "health", "the time that a start may take is `health: { http: /healthz, startup: 60s }`"),
    row(
        &["livenessProbe", "readinessProbe", "startupProbe", "healthcheck", "healthCheck"],
        "engine",
        "remove it; a database is checked as its engine wants it",
    ),
    row(&["httpGet", "path"], "http", "it is `http: /healthz`, and `port: http` where there are several"),
    row(&["tcpSocket"], "tcp", "it is `tcp: true`"),
    row(&["test"], "exec", "a command is `exec: [/app, check]`, a path `http: /healthz`"),
    row(&["initialDelaySeconds", "start_period"], "startup", "the time that a start may take is `startup: 60s`"),
    row(&["periodSeconds", "interval"], "period", "it is `period: 10s`"),
    row(&["timeoutSeconds"], "timeout", "it is `timeout: 1s`"),
    row(&["failureThreshold", "retries"], "failures", "it is `failures: 3`"),
];

/// What to write instead of a field that a place does not have, where other tools have it.
pub fn instead_of(theirs: &str, place: &Json) -> Option<&'static str> {
    let is_there = |row: &&Row| row.theirs.contains(&theirs) && place["properties"].get(row.ours).is_some();
    ROWS.iter().find(is_there).map(|row| row.fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::SCHEMA;
    use crate::yaml::{Node, read};

    /// Every place that has fields, with those that `spec` has below it.
    fn places<'a>(schema: &'a Json, found: &mut Vec<&'a Json>) {
        if schema["properties"].is_object() {
            found.push(schema);
        }
        let fields = schema["properties"].as_object().into_iter().flat_map(|fields| fields.values());
        for inner in fields.chain([&schema["items"], &schema["additionalProperties"]]).filter(|inner| inner.is_object()) {
            places(inner, found);
        }
    }

    /// Whether a value has only fields that the schema has.
    fn fits(schema: &Json, value: &Node) -> bool {
        let inner = |key: &str| schema["properties"].get(key).or(schema.get("additionalProperties"));
        value.entries().iter().all(|entry| inner(&entry.key).is_some_and(|schema| fits(schema, &entry.node)))
            && value.items().iter().all(|item| fits(&schema["items"], item))
    }

    #[test]
    fn each_row_is_of_a_place_that_has_our_field_and_not_theirs_and_what_it_says_to_write_fits_there() {
        let mut all = Vec::new();
        places(&SCHEMA["properties"]["spec"], &mut all);
        for Row { theirs, ours, fix } in ROWS {
            for field in *theirs {
                let told = |place: &&&Json| place["properties"].get(*field).is_none() && instead_of(field, place) == Some(*fix);
                let places: Vec<_> = all.iter().filter(told).collect();
                assert!(!places.is_empty(), "`{field}` for `{ours}` is told nowhere");
                for written in fix.split('`').skip(1).step_by(2).filter(|code| code.contains(": ")) {
                    let node = &read(written).documents[0].root;
                    let elsewhere = &SCHEMA["properties"]["spec"]["properties"]["services"]["additionalProperties"];
                    let fits = |place: &&Json| fits(place, node) || *ours == "services" && self::fits(elsewhere, node);
                    assert!(places.iter().all(|place| fits(place)), "`{field}`: `{written}` does not fit");
                }
            }
        }
    }
}
