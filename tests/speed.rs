//! How long the commands without a cluster take for the largest stack: 64 services that use each other and 8 databases.
//! `make speed` prints it for the program as it is released.
#![allow(clippy::unwrap_used, reason = "a test ends at what it does not expect")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What a person does not notice.
const SHORT: Duration = Duration::from_millis(50);
/// Without optimisation, and beside other tests, only the order of magnitude is held.
const ROUNDS: usize = if cfg!(debug_assertions) { 1 } else { 11 };
const SLACK: u32 = if cfg!(debug_assertions) { 400 } else { 1 };

/// A stack of the most services that one may have.
fn largest() -> String {
    let mut text = "apiVersion: microservicestack.dev/v1alpha1\nkind: MicroserviceStack\nmetadata: { name: large }\nspec:\n  \
        config: { REGION: eu }\n  routing: { gateway: { name: public, namespace: infra } }\n  databases:\n"
        .to_owned();
    for n in 0..8 {
        let _ = writeln!(text, "    db-{n}: {{ engine: postgres, version: \"17\", shared: true, storage: {{ size: 10Gi }} }}");
    }
    text.push_str("  services:\n");
    for n in 0..64 {
        let uses: Vec<String> = (n / 2..n).rev().step_by(7).map(|other| format!("service-{other}")).collect();
        let uses = [vec![format!("db-{}", n % 8)], uses].concat().join(", ");
        let _ = writeln!(
            text,
            "    service-{n}:\n      image: ghcr.io/acme/service-{n}:1.0.{n}\n      port: 8080\n      uses: [{uses}]\n      \
             scale: {{ min: 2, max: 9, cpu: 70 }}\n      resources: {{ cpu: 100m, memory: 128Mi }}\n      \
             health: {{ http: /healthz, startup: 60s }}\n      expose: [{{ host: s{n}.example.com }}]\n      \
             config: {{ LOG_LEVEL: info, WORKERS: 4, ADDRESS: \"$(DB_{}_ADDR)\" }}\n      \
             files: {{ /etc/app/app.toml: \"n = {n}\" }}",
            n % 8
        );
    }
    text
}

/// The shortest of several runs of a command, each a process of its own: what is above it is the machine's other work.
fn measured(args: &[&str], file: &Path) -> Duration {
    let once = || {
        let begun = Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_mstack")).args(args).arg("-f").arg(file).output().unwrap();
        let taken = begun.elapsed();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        taken
    };
    (0..ROUNDS).map(|_| once()).min().unwrap()
}

#[test]
fn the_largest_stack_is_judged_and_rendered_before_one_notices() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("largest.yaml");
    std::fs::write(&file, largest()).unwrap();
    for args in [&["lint"][..], &["render"], &["graph"]] {
        let taken = measured(args, &file);
        println!("mstack {}: {:.1} ms for 64 services and 8 databases", args[0], taken.as_secs_f64() * 1000.0);
        let most = SHORT * SLACK;
        assert!(taken < most, "mstack {} takes {taken:?}, and {most:?} are allowed", args[0]);
    }
}
