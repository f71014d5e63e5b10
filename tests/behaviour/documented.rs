//! The command line that the documents show is typed, as it stands.
use std::fs;
use std::process::{Command, Output};

use crate::commands::{err, out};
use crate::shell::{Line, OF_REAL_PODS, blocks, lines};
use crate::world::{World, component};

const CLI: &str = include_str!("../../docs/cli.md");
/// Those that end otherwise than with 0 here: a plan that would change something, a doctor in a cluster without networks and
/// metrics, and another try where nothing has failed.
const CODES: [(&str, i32); 3] = [("plan", 2), ("doctor", 1), ("retry", 2)];

/// The stack of the shown lines: `scale` tells its counts, `plan` its image.
fn stack(image: &str) -> String {
    format!(
        "apiVersion: microservicestack.dev/v1alpha1
kind: MicroserviceStack
metadata: {{name: shop}}
spec:
  databases:
    orders: {{engine: postgres, version: 17, storage: {{size: 1Gi}}}}
  services:
    web: {{image: 'ghcr.io/acme/web:1.8.2', port: 8080, replicas: 2, uses: [api]}}
    api: {{image: '{image}', port: 8080, scale: {{min: 2, max: 20, cpu: 70}}, uses: [orders], resources: {{cpu: 250m}}}}
    worker: {{image: 'ghcr.io/acme/worker:1.0.0', uses: [orders]}}
"
    )
}

/// Each line of a session with what is shown to come of it.
fn sessions() -> Vec<(Line, Vec<&'static str>)> {
    let mut sessions: Vec<(Line, Vec<&str>)> = Vec::new();
    for block in blocks(CLI, "console") {
        for shown in block.lines() {
            match (shown.strip_prefix("$ "), sessions.last_mut()) {
                (Some(typed), _) => sessions.extend(lines(typed).into_iter().map(|line| (line, Vec::new()))),
                (None, Some((_, told))) => told.push(shown),
                (None, None) => panic!("{shown} comes of no command"),
            }
        }
    }
    sessions
}

#[tokio::test]
async fn every_line_that_the_documents_show_can_be_typed() {
    let world = World::shared().await;
    let shop = world.namespace("documented").await;
    for image in ["ghcr.io/acme/api:2.3.0", "ghcr.io/acme/api:2.4.0"] {
        shop.apply(&stack(image));
        shop.stack_ready("shop").await;
    }
    let folder = world.cluster.kubeconfig().with_file_name("documented");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("stack.yaml"), stack("ghcr.io/acme/api:2.5.0")).unwrap();
    let typed = |line: &Line| -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mstack"));
        command.args(line.arguments()).args(["-n", "documented"]).current_dir(&folder);
        command.env("KUBECONFIG", world.cluster.kubeconfig()).env("COLUMNS", "80").env("LC_ALL", "C.UTF-8").output().unwrap()
    };
    let mut count = 0;
    for (line, shown) in sessions().into_iter().filter(|(line, _)| !OF_REAL_PODS.contains(&line.arguments()[0].as_str())) {
        let name = line.arguments().remove(0);
        let output = typed(&line);
        let code = CODES.iter().find(|(command, _)| *command == name).map_or(0, |(_, code)| *code);
        let is_as_told = output.status.code() == Some(code) || (name == "doctor" && output.status.code() == Some(0));
        assert!(is_as_told, "{line}: {:?}\n{}{}", output.status, out(&output), err(&output));
        if ["scale", "restart"].contains(&name.as_str()) {
            assert_eq!(out(&output).lines().collect::<Vec<_>>(), shown, "{line}");
        }
        if name == "wake" {
            shop.stack_until("shop", "awake", |stack| component(stack, "web")["phase"] == "Ready").await;
        }
        count += 1;
    }
    assert!(count >= 14, "only {count} lines");
}
