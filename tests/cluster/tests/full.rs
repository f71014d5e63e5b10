//! The full profile runs what a usual cluster runs, and leaves nothing on the machine.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use cluster::{Cluster, Error, Options, Profile};

/// Reads until the answer satisfies, for at most two minutes, and returns it.
fn eventually(what: &str, mut ask: impl FnMut() -> Result<String, Error>, is_enough: impl Fn(&str) -> bool) -> String {
    let start = Instant::now();
    loop {
        let answer = ask();
        if let Ok(text) = &answer
            && is_enough(text)
        {
            return text.clone();
        }
        assert!(start.elapsed() < Duration::from_mins(2), "{what}: last answer {answer:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn http_get(address: &str, host: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn output_of(program: &str, arguments: &[&str]) -> String {
    String::from_utf8_lossy(&Command::new(program).args(arguments).output().unwrap().stdout).into_owned()
}

/// What this cluster could leave on the machine, one line each; other clusters may come and go meanwhile.
fn traces(name: &str, subnet: &str) -> BTreeSet<String> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let rules = output_of("iptables-save", &[]);
    let all = [output_of("ip", &["netns"]), output_of("ip", &["address"]), output_of("ip", &["route"]), mounts, rules];
    let mut traces: BTreeSet<String> = all.iter().flat_map(|text| text.lines()).map(|line| line.trim().to_owned()).collect();
    traces.extend(output_of("ps", &["-e", "-o", "args"]).lines().map(str::to_owned));
    traces.extend(output_of("find", &["/sys/fs/cgroup", "-maxdepth", "2", "-type", "d"]).lines().map(str::to_owned));
    traces.into_iter().filter(|line| line.contains(name) || line.contains(subnet)).collect()
}

fn pods_on_both_nodes_reach_each_other_by_name(cluster: &Cluster) -> Result<(), Error> {
    cluster.kubectl(&["rollout", "status", "daemonset/web", "--timeout=120s"])?;
    let pods = cluster.kubectl(&["get", "pods", "--selector=app=web", "--output=name"])?;
    assert_eq!(pods.lines().count(), 2);
    for pod in pods.lines() {
        let mut seen = BTreeSet::new();
        eventually(
            "both nodes answer",
            || {
                seen.insert(cluster.kubectl(&["exec", pod, "--", "wget", "-q", "-O", "-", "http://web.default.svc"])?);
                Ok(seen.iter().cloned().collect())
            },
            |all| all.contains("page from node-1") && all.contains("page from node-2"),
        );
        assert!(cluster.kubectl(&["logs", pod])?.contains("serving"));
    }
    Ok(())
}

fn a_volume_keeps_its_data_when_the_pod_is_replaced(cluster: &Cluster) -> Result<(), Error> {
    let in_pod = |script: &str| cluster.kubectl(&["exec", "keeper-0", "--", "sh", "-c", script]);
    cluster.kubectl(&["rollout", "status", "statefulset/keeper", "--timeout=120s"])?;
    in_pod("echo kept > /data/file")?;
    cluster.kubectl(&["delete", "pod", "keeper-0"])?;
    cluster.kubectl(&["rollout", "status", "statefulset/keeper", "--timeout=120s"])?;
    assert_eq!(eventually("the new pod reads", || in_pod("cat /data/file"), |text| !text.is_empty()), "kept\n");
    Ok(())
}

fn the_route_answers_from_outside(cluster: &Cluster) {
    let ask = || Ok(http_get(&cluster.gateway(), "web.localhost").unwrap_or_else(|error| error.to_string()));
    eventually("the route answers", ask, |answer| answer.starts_with("HTTP/1.1 200") && answer.contains("page from node-"));
}

fn pods_reach_the_api_server(cluster: &Cluster) -> Result<(), Error> {
    let slice = cluster.kubectl(&["get", "endpointslice", "kubernetes", "--output=jsonpath={.endpoints[0].addresses[0]}"])?;
    let connect = "test -s /var/run/secrets/kubernetes.io/serviceaccount/token && nc -w 3 $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT < /dev/null";
    cluster.kubectl(&["exec", "keeper-0", "--", "sh", "-c", connect])?;
    assert!(cluster.gateway().starts_with(slice.trim_end_matches('1')), "{slice}");
    Ok(())
}

/// Policies hold on both nodes, between pods of one node and of two, and leave the checks of the kubelets alone.
fn network_policies_are_enforced(cluster: &Cluster) -> Result<(), Error> {
    cluster.kubectl(&["wait", "pod/stranger", "--for=condition=Ready", "--timeout=60s"])?;
    let addresses = ["get", "pods", "--selector=app=web", "--output=jsonpath={.items[*].status.podIP}"];
    let addresses = cluster.kubectl(&addresses)?;
    let connects = |pod: &str, address: &str, port: &str| {
        let call = format!("timeout 3 nc {address} {port} < /dev/null");
        cluster.kubectl(&["exec", pod, "--", "sh", "-c", &call]).is_ok()
    };
    let becomes = |pod: &str, address: &str, port: &str, open: bool| {
        let ask = || Ok(connects(pod, address, port).to_string());
        eventually(&format!("{pod} to {address}:{port}"), ask, |answer| answer == open.to_string());
    };
    let api_server = cluster.kubectl(&["get", "service", "kubernetes", "--output=jsonpath={.spec.clusterIP}"])?;
    for address in addresses.split(' ') {
        becomes("stranger", address, "8080", true);
    }
    becomes("keeper-0", &api_server, "443", true);

    let pods = cluster.gateway().replace(".0.2:80", ".128.0/17");
    cluster.kubectl_stdin(&["apply", "-f", "-"], &include_str!("policies.yaml").replace("PODS", &pods))?;
    for address in addresses.split(' ') {
        becomes("stranger", address, "8080", false);
        becomes("keeper-0", address, "8080", true);
    }
    becomes("keeper-0", &api_server, "443", false);
    becomes("keeper-0", "web.default.svc", "80", true);
    the_route_answers_from_outside(cluster);
    cluster.kubectl(&["rollout", "status", "daemonset/web", "--timeout=60s"])?;

    cluster.kubectl(&["delete", "networkpolicy", "--all"])?;
    for address in addresses.split(' ') {
        becomes("stranger", address, "8080", true);
    }
    Ok(())
}

fn real_use_is_measured(cluster: &Cluster) {
    eventually("kubectl top", || cluster.kubectl(&["top", "pods"]), |text| text.contains("busy-"));
    let asked = ["get", "hpa", "busy", "--output=jsonpath={.status.currentMetrics[0].resource.current.averageUtilization}"];
    // A loop that fills its limit; the first measurement may be of its beginning.
    let is_busy = |text: &str| text.parse::<u32>().is_ok_and(|percent| percent > 60);
    eventually("the autoscaler sees use", || cluster.kubectl(&asked), is_busy);
    let replicas = ["get", "deployment", "busy", "--output=jsonpath={.spec.replicas}"];
    eventually("the autoscaler scales", || cluster.kubectl(&replicas), |text| text == "2");
}

#[tokio::test]
#[ignore = "needs root and two minutes; `make test` runs it"]
async fn a_full_cluster_runs_what_a_usual_one_runs_and_leaves_nothing() -> Result<(), Error> {
    let name = format!("full-{}", std::process::id());
    let cluster = Cluster::start(Options { profile: Profile::Full, name: Some(name.clone()), ..Options::default() }).await?;
    let subnet = cluster.gateway().trim_end_matches("2:80").to_owned();
    let while_running = traces(&name, &subnet);
    for trace in ["containerd", "kubelet", "envoy", "policies.py", "/sys/fs/cgroup", "scope link"] {
        assert!(while_running.iter().any(|line| line.contains(trace)), "no {trace} in {while_running:#?}");
    }

    cluster.kubectl_stdin(&["apply", "-f", "-"], include_str!("full.yaml"))?;
    pods_on_both_nodes_reach_each_other_by_name(&cluster)?;
    a_volume_keeps_its_data_when_the_pod_is_replaced(&cluster)?;
    the_route_answers_from_outside(&cluster);
    pods_reach_the_api_server(&cluster)?;
    network_policies_are_enforced(&cluster)?;
    real_use_is_measured(&cluster);

    drop(cluster);
    assert_eq!(traces(&name, &subnet), BTreeSet::new());
    assert!(!Cluster::folder(&name).exists());
    Ok(())
}
