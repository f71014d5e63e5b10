//! Whoever follows the documents on a machine of their own gets what they say: `make demo`, then every line of kubectl, helm
//! and mstack that they show, typed as it stands on real nodes. It needs podinfo, which `make test-typed` builds.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at what it does not expect")]

mod demo;
mod first_stack;
mod installations;
mod on_call;
mod reader;
#[path = "../shell/running.rs"]
mod running;
#[path = "../shell/mod.rs"]
mod shell;

use reader::Reader;

/// Names of commands within a sentence, which are no lines to type.
const NAMED: [&str; 16] = [
    "helm rollback",
    "helm template",
    "helm test",
    "helm uninstall",
    "kubectl apply",
    "kubectl apply --server-side",
    "kubectl diff -f -",
    "kubectl explain",
    "kubectl port-forward",
    "kubectl rollout restart",
    "kubectl top",
    "kubectl wait",
    "kubectl wait --for=condition=Ready",
    "kubectl mstack",
    "kubectl explain microservicestack.spec",
    "kubectl explain microservicestack.spec.services",
];

/// Lines that are not typed here, and why.
const OTHERWISE: [(&str, &str); 8] = [
    ("make test", "this is a step of it"),
    ("make lint", "a step of `make test`"),
    ("make generate", "it writes into the repository; tests compare what it would write"),
    ("docker build -t registry.example.com/mstack:0.1.0 .", "it needs a registry; `make image` builds by the same Dockerfile"),
    ("docker push registry.example.com/mstack:0.1.0", "it needs a registry; the nodes have the image under this name"),
    ("cargo install --locked --path .", "the same build as that of `make demo`, once more"),
    ("sudo -E cluster up --profile full --nodes 2", "`make demo` starts it, and this runs as root"),
    (
        "kubectl exec orders-0 -- rabbitmq-queues grow rabbit@orders-2.orders-headless all",
        "tests/recipes/members.rs types it to three real members",
    ),
];

#[test]
#[ignore = "starts the demo with real nodes; `make test-typed` runs it"]
fn every_line_that_the_documents_show_can_be_typed_and_does_what_they_say() {
    let reader = Reader::new();
    let _demo = demo::Ends::with_this_test();
    demo::a_control_plane_of_ones_own(&reader);
    demo::a_newcomer_makes_the_demo(&reader);
    demo::a_new_version_of_the_shop_is_put_back(&reader);
    first_stack::lives_its_life(&reader);
    on_call::the_operator_is_asked(&reader);
    on_call::a_stack_is_looked_into(&reader);
    on_call::data_is_brought_back(&reader);
    installations::come_and_go(&reader);
    demo::it_goes_without_a_trace(&reader);

    assert_eq!(reader.left(&excused()), Vec::<String>::new(), "a line that nobody has typed");
}

#[test]
fn what_is_not_typed_is_in_the_documents_still() {
    assert_eq!(Reader::new().gone(&excused()), Vec::<&str>::new());
}

fn excused() -> Vec<&'static str> {
    OTHERWISE.iter().map(|(line, _)| *line).chain(NAMED).collect()
}
