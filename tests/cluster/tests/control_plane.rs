//! A control plane comes up fast, serves, survives a stop of its API server, and leaves nothing behind.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use cluster::{Cluster, Error, Options};

const CONFIG_MAP: &str = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}}"#;

/// Living processes that mention the folder: pid and command line.
fn pids_of(folder: &Path) -> Vec<(String, String)> {
    let folder = folder.to_string_lossy().into_owned();
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| {
        let line = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
        Some((entry.file_name().to_string_lossy().into_owned(), line))
    })
    .filter(|(_, line)| line.contains(&folder))
    .collect()
}

fn processes_of(folder: &Path) -> Vec<String> {
    pids_of(folder).into_iter().map(|(_, line)| line).collect()
}

fn state_folder(cluster: &Cluster) -> PathBuf {
    cluster.kubeconfig().parent().unwrap().to_owned()
}

fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed() < Duration::from_mins(2), "{what} did not become true within two minutes");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How many times longer this machine may need than one that has a core for everything that wants to run.
fn slowness() -> f64 {
    let load: f64 = std::fs::read_to_string("/proc/loadavg").unwrap().split(' ').next().unwrap().parse().unwrap();
    let cores = u32::try_from(std::thread::available_parallelism().unwrap().get()).unwrap();
    (load / f64::from(cores)).max(1.0)
}

#[tokio::test]
async fn control_plane_is_ready_within_10_s_and_serves() -> Result<(), Error> {
    Cluster::prepare(&Options::default()).await?;
    let mut starts = Vec::new();
    let cluster = loop {
        let start = Instant::now();
        let cluster = Cluster::control_plane().await?;
        starts.push(start.elapsed());
        if starts.last() < Some(&Duration::from_secs(10).mul_f64(slowness())) {
            break cluster;
        }
        assert!(starts.len() < 3, "ready after {starts:?}: other work on the machine slows a start, but not three in a row");
    };
    cluster.kubectl_stdin(&["apply", "-f", "-"], CONFIG_MAP)?;
    // A request is noted once it has been answered.
    wait_until("the request is noted", || std::fs::read_to_string(cluster.audit_log()).unwrap().contains(r#""name":"kept""#));
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

/// Nodes do so when they start: a certificate of one with the key of the other would let neither in.
#[tokio::test]
async fn many_may_ask_for_the_same_user_at_once() -> Result<(), Error> {
    let cluster = Cluster::control_plane().await?;
    std::thread::scope(|scope| {
        let ask = || {
            let kubeconfig = cluster.kubeconfig_for("twin", &[]).unwrap().to_string_lossy().into_owned();
            cluster.kubectl(&["--kubeconfig", &kubeconfig, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"])
        };
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        for asked in asking {
            assert_eq!(asked.join().unwrap().unwrap(), "twin");
        }
    });
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
async fn a_restored_backup_is_all_that_is_known_and_who_knew_more_begins_anew() -> Result<(), Error> {
    let cluster = Cluster::control_plane().await?;
    cluster.kubectl_stdin(&["apply", "-f", "-"], CONFIG_MAP)?;
    let backup = cluster.save().await?;
    cluster.kubectl(&["create", "namespace", "later"])?;
    cluster.kubectl(&["delete", "configmap", "kept"])?;
    cluster.restore(&backup).await?;
    assert!(cluster.kubectl(&["get", "configmap", "kept"])?.contains("kept"));
    assert!(cluster.kubectl(&["get", "namespace", "later"]).is_err());
    cluster.kubectl(&["create", "namespace", "anew"])?;
    let account = ["--namespace", "anew", "get", "serviceaccount", "default"];
    wait_until("the controllers work on", || cluster.kubectl(&account).is_ok());
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

#[tokio::test]
async fn on_simulated_nodes_pods_become_ready_slices_fill_and_volumes_bind() -> Result<(), Error> {
    let cluster = Cluster::start(Options { kwok_nodes: 2, ..Options::default() }).await?;
    cluster.kubectl_stdin(&["apply", "-f", "-"], include_str!("simulated.yaml"))?;
    cluster.kubectl(&["rollout", "status", "statefulset/keeper", "--timeout=180s"])?;
    assert_eq!(cluster.kubectl(&["get", "pvc", "data-keeper-0", "--output=jsonpath={.status.phase}"])?, "Bound");
    let addresses = ["get", "endpointslices", "--selector=app=keeper", "--output=jsonpath={.items[*].endpoints[*].addresses[0]}"];
    wait_until("the Service has both pods", || {
        cluster.kubectl(&addresses).is_ok_and(|text| text.split_whitespace().count() == 2)
    });
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

/// A process of its own that holds a cluster of this name.
fn hold(name: &str) -> Child {
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "hold_a_cluster"])
        .env("HELD_CLUSTER", name)
        .spawn()
        .unwrap();
    let is_ready = || {
        assert!(holder.try_wait().unwrap().is_none(), "the holder ended early");
        Cluster::folder(name).join("ready").exists()
    };
    wait_until("the held cluster runs", is_ready);
    holder
}

fn end(mut process: Child) {
    process.kill().unwrap();
    process.wait().unwrap();
}

#[test]
fn a_cluster_ends_when_its_test_is_killed() {
    let name = format!("held-{}", std::process::id());
    end(hold(&name));
    let folder = Cluster::folder(&name);
    wait_until("everything of the held cluster is gone", || !folder.exists());
    assert_eq!(processes_of(&folder), Vec::<String>::new());
}

#[tokio::test]
async fn a_cluster_that_lost_its_guard_too_is_ended_by_the_next_start() -> Result<(), Error> {
    let name = format!("abandoned-{}", std::process::id());
    let folder = Cluster::folder(&name);
    let holder = hold(&name);
    let guard = pids_of(&folder).into_iter().find(|(_, line)| line.contains("cat > /dev/null")).unwrap().0;
    assert!(Command::new("kill").args(["-KILL", &guard]).status().unwrap().success());
    end(holder);
    assert!(!processes_of(&folder).is_empty(), "nobody is left to end it");
    let _next = Cluster::control_plane().await?;
    assert!(!folder.exists());
    assert_eq!(processes_of(&folder), Vec::<String>::new());
    Ok(())
}

#[test]
fn up_after_a_crash_cleans_what_was_left() {
    let name = format!("crashed-{}", std::process::id());
    let cluster = |command: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_cluster")).args([command, "--name", &name]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(cluster("up").contains("is ready"));
    assert!(cluster("up").contains("is already running"));
    let folder = Cluster::folder(&name);
    let etcd = pids_of(&Path::new("/dev/shm").join(format!("mstack-cluster-{name}"))).remove(0).0;
    assert!(Command::new("kill").args(["-KILL", &etcd]).status().unwrap().success());
    wait_until("etcd has ended", || !Path::new("/proc").join(&etcd).exists());
    let before = pids_of(&folder);
    assert!(cluster("up").contains("is ready"));
    let after = pids_of(&folder);
    assert!(after.iter().all(|process| !before.contains(process)), "{before:?} {after:?}");
    assert!(cluster("down").contains("is gone"));
    assert_eq!(processes_of(&folder), Vec::<String>::new());
    assert!(!folder.exists());
}
