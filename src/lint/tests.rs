//! Findings, place by place.
use pretty_assertions::assert_eq;

use super::*;
use crate::yaml::Lines;

const HEAD: &str = "apiVersion: microservicestack.dev/v1alpha1\nkind: MicroserviceStack\nmetadata: {name: shop}\nspec:\n";

/// Code, line, what is marked, path, and whether the API server refuses it.
fn found(spec: &str) -> Vec<(String, usize, String, String, bool)> {
    let text = format!("{HEAD}{spec}");
    told(&text)
}

fn told(text: &str) -> Vec<(String, usize, String, String, bool)> {
    let lines = Lines::new(text);
    let of = |finding: Finding| {
        let marked = text[finding.span.clone()].to_owned();
        (finding.code.to_string(), lines.place(finding.span.start).0, marked, finding.path, finding.refused)
    };
    lint(text).findings.into_iter().map(of).collect()
}

fn row(code: &str, line: usize, marked: &str, path: &str, refused: bool) -> (String, usize, String, String, bool) {
    (code.to_owned(), line, marked.to_owned(), path.to_owned(), refused)
}

#[test]
fn rule_15_all_findings_are_told_together_each_at_its_place() {
    let spec = "  services:
    web:
      image: web:1
      replica: 2
      port: 80
      uses: [oders, api]
    api:
      image: 'api 1'
      replicas: two
      port: 8080/x/y
  databases:
    orders: {engine: Postgres, storage: {}}
    cache: {engine: redis}
";
    assert_eq!(
        found(spec),
        [
            row("MS0003", 8, "replica", "spec.services.web.replica", true),
            row("MS0201", 10, "oders", "spec.services.web.uses[0]", true),
            row("MS0005", 13, "two", "spec.services.api.replicas", true),
            row("MS0009", 14, "8080/x/y", "spec.services.api.port", true),
            row("MS0006", 16, "Postgres", "spec.databases.orders.engine", true),
            row("MS0004", 16, "storage", "spec.databases.orders.storage.size", true),
            row("MS0701", 17, "cache", "spec.databases.cache", true),
        ]
    );
}

#[test]
fn what_the_operator_alone_refuses_is_told_as_that() {
    let spec = "  services:
    a: {image: 'a:1', port: 80, uses: [b]}
    b: {image: 'b:1', port: 80, uses: [a]}
";
    assert_eq!(found(spec), [row("MS0204", 6, "uses", "spec.services.a.uses", false)]);
}

#[test]
fn a_comment_allows_what_it_names_on_its_line_or_for_the_key_below_it() {
    let spec = "  services:
    # mstack: allow MS0201 - comes with the next release
    web:
      image: web:1
      uses: [oders]
    api:
      image: api:1
      uses: [oders] # mstack: allow MS0201
";
    assert_eq!(found(spec), []);
    let unused = found("  services: {web: {image: 'a:1'}} # mstack: allow MS0201, MS9999\n");
    let comment = "# mstack: allow MS0201, MS9999";
    assert_eq!(unused, [row("MS0014", 5, comment, "", false), row("MS0014", 5, comment, "", false)]);
}

#[test]
fn a_comment_above_the_first_key_speaks_of_its_document_alone() {
    let one = format!("{HEAD}  services: {{web: {{image: 'a:1', uses: [x]}}}}\n");
    let text = format!("# mstack: allow MS0201\n{one}---\n{one}");
    assert_eq!(told(&text), [row("MS0201", 12, "x", "spec.services.web.uses[0]", true)]);
}

#[test]
fn what_is_no_stack_is_passed_over_and_what_is_no_object_is_told() {
    let text = "apiVersion: v1\nkind: Secret\n---\n- 1\n---\napiVersion: microservicestack.dev/v2\nkind: MicroserviceStack\n";
    assert_eq!(
        told(text),
        [row("MS0012", 4, "- 1\n", "", true), row("MS0011", 6, "microservicestack.dev/v2", "apiVersion", true)]
    );
    assert_eq!(lint(text).skipped[0].1, "v1 Secret");
}

#[test]
fn the_items_of_a_list_are_objects() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: microservicestack.dev/v1alpha1\n  kind: MicroserviceStack\n  metadata: {}\n";
    assert_eq!(
        told(text),
        [row("MS0004", 6, "metadata", "metadata.name", true), row("MS0004", 4, "apiVersion", "spec", true)]
            .map(|row| row)
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_key_that_is_given_twice_has_its_path() {
    let spec = "  services:\n    web:\n      image: a:1\n      image: b:1\n";
    assert_eq!(found(spec), [row("MS0002", 8, "image", "spec.services.web.image", true)]);
}

#[test]
fn a_misspelled_word_is_answered_with_the_right_one() {
    let fixes =
        |spec: &str| -> Vec<String> { lint(&format!("{HEAD}{spec}")).findings.into_iter().map(|finding| finding.fix).collect() };
    assert_eq!(fixes("  databases: {d: {engine: postgress, ephemeral: true}}\n"), ["did you mean `postgres`?"]);
    assert_eq!(fixes("  servces: {}\n"), ["did you mean `services`?"]);
    assert_eq!(fixes("  databases: {d: {engine: postgres, version: 17.4, ephemeral: true}}\n"), ["put it in quotes: \"17.4\""]);
    assert_eq!(
        fixes("  services: {web: {image: 'a:1', ports: [80]}}\n"),
        ["write a map, such as `{ http: 8080, admin: \"80:8081\", grpc: 9090/grpc, trace: 6831/UDP }`"]
    );
    assert_eq!(
        fixes("  services: {web: {image: 'a:1', dependsOn: []}}\n"),
        ["write `uses: [api]`: it starts after what it uses, and gets its address in variables"]
    );
}

#[test]
fn what_a_newcomer_writes_is_answered_with_what_was_meant() {
    let told = |text: &str| -> Vec<(String, String)> {
        lint(text)
            .findings
            .into_iter()
            .map(|finding| (finding.path, finding.fix))
            .filter(|(_, fix)| !fix.starts_with("write one"))
            .collect()
    };
    let of_spec = |spec: &str| told(&format!("{HEAD}{spec}"));
    let row = |path: &str, fix: &str| (path.to_owned(), fix.to_owned());
    let indent = |of: &str| format!("indent it, if it belongs to `{of}`, which is empty");
    assert_eq!(of_spec("  services:\n  web:\n    image: 'a:1'\n"), [row("spec.web", &indent("services"))]);
    assert_eq!(of_spec("  services:\n    web:\n    image: 'a:1'\n"), [row("spec.services.image", &indent("web"))]);
    assert_eq!(
        of_spec("  services: {web: {image: 'a:1', command: npm start}}\n"),
        [row("spec.services.web.command", "write a list: [npm, start]")]
    );
    assert_eq!(
        of_spec("  services: {web: {image: 'a:1', command: 'a && b'}}\n"),
        [row("spec.services.web.command", "write a list: [\"a && b\"]")]
    );
    assert_eq!(told("services: {web: {image: 'a:1'}}\n"), [row("", "`mstack convert` makes a stack of a Compose file")]);
}

/// Rule 15: a name that is wrong is told by name, whatever else is wrong there.
#[test]
fn a_misspelled_name_is_told_at_its_place_beside_what_else_is_wrong_there() {
    let spec = "  services:
    web: {image: 'web:1', ports: [80], health: /healthz, uses: [oders]}
  databases: {orders: {engine: postgres, storage: {size: 10GB}}}
";
    assert_eq!(
        found(spec),
        [
            row("MS0005", 6, "ports", "spec.services.web.ports", true),
            row("MS0005", 6, "/healthz", "spec.services.web.health", true),
            row("MS0201", 6, "oders", "spec.services.web.uses[0]", true),
            row("MS0412", 7, "10GB", "spec.databases.orders.storage.size", true),
        ]
    );
}

/// Rule 7: "puts all changed services back to the last good revision": it is the same image only where it names a release.
#[test]
fn an_image_that_names_no_release_is_told_wherever_it_stands_and_one_with_a_digest_is_not() {
    let spec = "  services:
    web: {image: acme/web, migrate: {command: [up], image: acme/up:latest}}
    api: {image: localhost:5000/api@sha256:00}
    old: {image: acme/old, profiles: [more]}
  databases:
    search: {engine: custom, image: acme/search, port: 9200, ephemeral: true}
    orders: {engine: postgres, version: '17', ephemeral: true}
  tests: {flow: {image: acme/e2e:latest}}
  jobs: {seed: {image: acme/seed:latest@sha256:00}, load: {image: acme/load}}
";
    assert_eq!(
        found(spec),
        [
            row("MS0416", 6, "acme/web", "spec.services.web.image", false),
            row("MS0416", 6, "acme/up:latest", "spec.services.web.migrate.image", false),
            row("MS0416", 10, "acme/search", "spec.databases.search.image", false),
            row("MS0416", 12, "acme/e2e:latest", "spec.tests.flow.image", false),
            row("MS0416", 13, "acme/load", "spec.jobs.load.image", false),
        ]
    );
}

#[test]
fn what_is_wrong_comes_before_advice_about_it() {
    let spec = "  services: {web: {image: 'acme web'}, api: {replicas: 1}}\n  tests: {flow: 3}\n";
    assert_eq!(
        found(spec),
        [
            row("MS0401", 5, "'acme web'", "spec.services.web.image", false),
            row("MS0004", 5, "api", "spec.services.api.image", true),
            row("MS0005", 6, "3", "spec.tests.flow", true),
        ]
    );
}

/// Rule 4: "`uses` gives discovery", of which a service without a port has none.
#[test]
fn a_service_that_is_used_and_has_no_port_is_told_to_each_service_that_would_call_it() {
    let spec = "  services:
    web: {image: 'web:1', port: 80, uses: [api, worker], usesOptional: [extra, absent]}
    api: {image: 'api:1', ports: {http: 80}, uses: [worker]} # mstack: allow MS0211
    worker: {image: 'worker:1'}
    extra: {image: 'extra:1'}
  tests: {flow: {image: 'e2e:1', uses: [worker]}}
";
    assert_eq!(
        found(spec),
        [
            row("MS0211", 6, "worker", "spec.services.web.uses[1]", false),
            row("MS0211", 6, "extra", "spec.services.web.usesOptional[0]", false),
        ]
    );
}
