//! A control plane comes up fast, serves, survives a stop of its API server, and leaves nothing behind.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use cluster::{Cluster, Error, Options};

const CONFIG_MAP: &str = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}}"#;

/// Command lines of living processes that mention the folder.
fn processes_of(folder: &Path) -> Vec<String> {
    let folder = folder.to_string_lossy().into_owned();
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok())
        .filter(|line| line.contains(&folder))
        .collect()
}

fn state_folder(cluster: &Cluster) -> PathBuf {
    cluster.kubeconfig().parent().unwrap().to_owned()
}

fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what} did not become true within 20 s");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test]
async fn control_plane_is_ready_within_10_s_and_serves() -> Result<(), Error> {
    Cluster::prepare(&Options::default()).await?;
    let start = Instant::now();
    let cluster = Cluster::control_plane().await?;
    let took = start.elapsed();
    assert!(took < Duration::from_secs(10), "ready after {took:?}");
    cluster.kubectl_stdin(&["apply", "-f", "-"], CONFIG_MAP)?;
    assert!(std::fs::read_to_string(cluster.audit_log()).unwrap().contains(r#""name":"kept""#));
    Ok(())
}

#[tokio::test]
async fn an_ordinary_user_has_the_rights_that_rbac_gives() -> Result<(), Error> {
    let cluster = Cluster::control_plane().await?;
    let kubeconfig = cluster.kubeconfig_for("operator", &["first", "second"])?.to_string_lossy().into_owned();
    let asked = ["--kubeconfig", &kubeconfig, "auth", "whoami", "-o", "jsonpath={.status.userInfo}"];
    let user = cluster.kubectl(&asked)?;
    assert!(user.contains("operator") && user.contains("first") && user.contains("second"), "{user}");
    let refused = cluster.kubectl(&["--kubeconfig", &kubeconfig, "get", "secrets"]).unwrap_err().to_string();
    assert!(refused.contains("Forbidden"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn a_stopped_api_server_comes_back_with_its_data() -> Result<(), Error> {
    let mut cluster = Cluster::control_plane().await?;
    cluster.kubectl_stdin(&["apply", "-f", "-"], CONFIG_MAP)?;
    cluster.stop_api_server().await?;
    assert!(cluster.kubectl(&["get", "configmap", "kept"]).is_err());
    cluster.start_api_server().await?;
    assert!(cluster.kubectl(&["get", "configmap", "kept"])?.contains("kept"));
    Ok(())
}

#[tokio::test]
async fn a_dropped_cluster_leaves_no_process_and_no_file() -> Result<(), Error> {
    let cluster = Cluster::control_plane().await?;
    let folder = state_folder(&cluster);
    let data = Path::new("/dev/shm").join(format!("mstack-cluster-{}", folder.file_name().unwrap().to_string_lossy()));
    assert!(data.exists() && !processes_of(&folder).is_empty());
    drop(cluster);
    assert_eq!(processes_of(&folder), Vec::<String>::new());
    assert!(!folder.exists() && !data.exists());
    Ok(())
}

/// Runs only as the child of the next test: holds a cluster until it is killed.
#[tokio::test]
#[ignore = "the helper of `a_cluster_ends_when_its_test_is_killed`"]
async fn hold_a_cluster() -> Result<(), Error> {
    let Ok(name) = std::env::var("HELD_CLUSTER") else { return Ok(()) };
    let _held = Cluster::start(Options { name: Some(name), ..Options::default() }).await?;
    std::future::pending().await
}

#[test]
fn a_cluster_ends_when_its_test_is_killed() {
    let name = format!("held-{}", std::process::id());
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "hold_a_cluster"])
        .env("HELD_CLUSTER", &name)
        .spawn()
        .unwrap();
    let folder = Cluster::folder(&name);
    wait_until("the held cluster runs", || folder.join("ready").exists());
    holder.kill().unwrap();
    holder.wait().unwrap();
    wait_until("everything of the held cluster is gone", || !folder.exists());
    assert_eq!(processes_of(&folder), Vec::<String>::new());
}
