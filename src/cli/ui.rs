//! `mstack ui`: the operator's page on this machine, through the operator that leads.
use std::process::{Command, Stdio};

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;

use super::common::access::{self, Access, Connection};
use super::common::forward::{self, Way, forward};
use super::common::output;
use super::common::refusal::Right;

/// Options of `mstack ui`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It needs the rights to get the operator's Lease and pods and to `create pods/portforward` in its namespace, and kubectl."
)]
pub struct Args {
    /// Stack whose page is meant; by default the page of all stacks.
    stack: Option<String>,
    /// Port on this machine; by default 8081, or a free one.
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Open the page in a browser.
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    connection: Connection,
}

const USUAL: u16 = 8081;
const OPTION: &str = "--ui-address=";

/// Forwards the page's port and prints its address.
///
/// # Errors
/// When no operator leads, it serves no page, or kubectl does not run.
pub fn run(args: &Args) -> output::Result {
    let (pod, port, namespace, path) = access::block_on(async {
        let access = args.connection.open().await?;
        let (pod, port) = page(&access).await?;
        let path = match &args.stack {
            Some(stack) => {
                access.stack(Some(stack)).await?;
                format!("stacks/{}/{stack}", access.namespace)
            }
            None => String::new(),
        };
        Ok((pod, port, access.operator.0, path))
    })?;
    let local = match args.port {
        Some(port) => port,
        None if forward::is_free(USUAL) => USUAL,
        None => forward::free_port()?,
    };
    let address = format!("http://localhost:{local}/{path}");
    let target = format!("pod/{pod}");
    let way = Way { connection: &args.connection, namespace: &namespace, target: &target, ports: (local, port) };
    forward(&way, || {
        output::data(&format!("{address}\n"))?;
        if args.open {
            std::thread::spawn(move || open(&address));
        }
        Ok(())
    })
}

/// The pod that leads, and the port of its page.
async fn page(access: &Access) -> Result<(String, u16), String> {
    let (namespace, name) = &access.operator;
    let there = access.within(namespace);
    let lease = there.ask(&Right::new("get", "leases.coordination.k8s.io"), there.api::<Lease>().get_opt(name)).await;
    let lease = lease.map_err(|refusal| refusal.to_string())?;
    let holder = lease.and_then(|lease| lease.spec?.holder_identity).unwrap_or_default();
    let Some((pod, _)) = holder.rsplit_once('_') else {
        return Err(format!("no operator leads by the Lease {namespace}/{name}; `mstack doctor` says more"));
    };
    let found = there.ask(&Right::new("get", "pods"), there.api::<Pod>().get_opt(pod)).await;
    let found = found.map_err(|refusal| refusal.to_string())?;
    let found = found.ok_or_else(|| format!("the operator {pod} is gone, and another one takes over; try again in a minute"))?;
    port(&found).map(|port| (pod.to_owned(), port)).ok_or_else(|| off(namespace, name))
}

fn port(pod: &Pod) -> Option<u16> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut args = containers.flat_map(|container| container.args.iter().flatten());
    args.find_map(|arg| arg.strip_prefix(OPTION)?.rsplit_once(':')?.1.parse().ok())
}

fn off(namespace: &str, release: &str) -> String {
    format!(
        "the operator serves no page; turn it on: `helm upgrade {release} charts/mstack -n {namespace} --reuse-values --set ui.enabled=true`, \
         or where `mstack install` has installed it, `mstack install --ui -n {namespace}` with its other options"
    )
}

/// Opens the page in a browser; one that does not open is told of.
fn open(address: &str) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let shown = Command::new(opener).arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !shown.is_ok_and(|status| status.success()) {
        eprintln!("note: {opener} opens no browser here; the address is above");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_port_is_the_operators_own_and_none_where_the_page_is_off() {
        let pod = |args: &[&str]| {
            let spec = json!({"containers": [{"name": "operator", "args": args}]});
            serde_json::from_value::<Pod>(json!({"spec": spec})).unwrap()
        };
        assert_eq!(port(&pod(&["operator", "--ui-address=127.0.0.1:8081"])), Some(8081));
        assert_eq!(port(&pod(&["operator", "--http-address=0.0.0.0:8080"])), None);
    }
}
