//! The way to a cluster, with kubectl's own options: who asks, where, and how long an answer may take.
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, ListParams};
use kube::client::ClientBuilder;
use kube::client::retry::RetryPolicy;
use kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::core::ApiResource;
use kube::{Client, Resource};
use serde_json::Value;
use tower::buffer::BufferLayer;
use tower::retry::RetryLayer;

use super::refusal::{Refusal, Right};
use crate::cluster::{lease, slim};
use crate::model::did_you_mean;

/// Stacks, as missing rights name them.
pub const STACKS: &str = "microservicestacks.microservicestack.dev";

/// kubectl's options.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Cluster options")]
pub struct Connection {
    /// Namespace; by default that of the context.
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Context of the kubeconfig.
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
    /// File with clusters and logins; by default what `KUBECONFIG` names, else ~/.kube/config.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Ask as this user.
    #[arg(long = "as", value_name = "USER")]
    user: Option<String>,
    /// Ask as a member of this group; may be given several times.
    #[arg(long = "as-group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Longest wait for an answer, such as `5s` or `1m`; 0 for no end.
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = duration)]
    request_timeout: Duration,
    /// Where the operator is, as NAMESPACE/NAME of its Lease.
    #[arg(long, env = "MSTACK_OPERATOR", value_name = "WHERE", default_value = "mstack-system/mstack", hide_env_values = true)]
    operator: String,
}

/// An open way to a cluster.
#[derive(Clone)]
pub struct Access {
    /// The client.
    pub client: Client,
    /// Namespace that is asked for.
    pub namespace: String,
    /// Namespace and name of the operator's Lease.
    pub operator: (String, String),
    host: String,
    longest: Duration,
}

impl Connection {
    /// The same options for kubectl, but for the namespace.
    pub fn for_kubectl(&self) -> Vec<String> {
        let kubeconfig = self.kubeconfig.as_ref().map(|file| format!("--kubeconfig={}", file.display()));
        let context = self.context.as_ref().map(|context| format!("--context={context}"));
        let user = self.user.as_ref().map(|user| format!("--as={user}"));
        let groups = self.groups.iter().map(|group| format!("--as-group={group}"));
        kubeconfig.into_iter().chain(context).chain(user).chain(groups).collect()
    }

    /// The namespace of the operator: the one that is asked for, else the one of its Lease.
    ///
    /// # Errors
    /// When --operator is written in another form.
    pub fn place_of_operator(&self) -> Result<String, String> {
        Ok(self.namespace.clone().unwrap_or(self.operator()?.0.to_owned()))
    }

    fn operator(&self) -> Result<(&str, &str), String> {
        self.operator.split_once('/').ok_or_else(|| "--operator is written as NAMESPACE/NAME".to_owned())
    }

    /// Opens the way; nothing is asked yet.
    ///
    /// # Errors
    /// When there is no kubeconfig, or it cannot be used.
    pub async fn open(&self) -> Result<Access, String> {
        let mut config = self.config().await?;
        config.default_retry = false;
        config.auth_info.impersonate.clone_from(&self.user);
        config.auth_info.impersonate_groups = (!self.groups.is_empty()).then(|| self.groups.clone());
        let host = config.cluster_url.to_string();
        let namespace = self.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let (place, name) = self.operator()?;
        Ok(Access {
            client: client(config).map_err(|error| format!("the kubeconfig cannot be used: {error}"))?,
            namespace,
            operator: (place.to_owned(), name.to_owned()),
            host: host.trim_end_matches('/').to_owned(),
            longest: self.request_timeout,
        })
    }

    async fn config(&self) -> Result<Config, String> {
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        if let Some(file) = &self.kubeconfig {
            let file = Kubeconfig::read_from(file).map_err(|error| unusable(&error))?;
            return Config::from_custom_kubeconfig(file, &options).await.map_err(|error| unusable(&error));
        }
        if self.context.is_some() {
            return Config::from_kubeconfig(&options).await.map_err(|error| unusable(&error));
        }
        Config::infer().await.map_err(|error| unusable(&error))
    }
}

/// Why a kubeconfig cannot be used. That this is no pod of a cluster either is not what the user asked for.
fn unusable(error: &(dyn std::error::Error + 'static)) -> String {
    let cause = error.source().filter(|source| source.is::<KubeconfigError>()).unwrap_or(error);
    match cause.downcast_ref::<KubeconfigError>() {
        Some(KubeconfigError::ReadConfig(reason, file)) if reason.kind() == std::io::ErrorKind::NotFound => {
            format!("there is no kubeconfig {}; name one by --kubeconfig or KUBECONFIG", file.display())
        }
        _ => format!("the kubeconfig cannot be used: {cause}; see --kubeconfig and --context"),
    }
}

/// A client that asks a busy API server again for some seconds, as kubectl does. The library's default goes on for minutes.
fn client(config: Config) -> Result<Client, kube::Error> {
    let patience = RetryPolicy::new(Duration::from_millis(200), Duration::from_secs(1), 5, true).expect("bounds in order");
    Ok(ClientBuilder::try_from(config)?.with_layer(&BufferLayer::new(16)).with_layer(&RetryLayer::new(patience)).build())
}

impl Access {
    /// Objects of a type, in the namespace that is asked for.
    pub fn api<K: Resource<Scope = NamespaceResourceScope>>(&self) -> Api<K>
    where
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The same way into another namespace.
    pub fn within(&self, namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), ..self.clone() }
    }

    /// Asks once, for at most as long as the user waits.
    ///
    /// # Errors
    /// What the API server refuses, in words.
    pub async fn ask<T>(&self, right: &Right, call: impl Future<Output = kube::Result<T>>) -> Result<T, Refusal> {
        let answer = if self.longest.is_zero() {
            call.await
        } else {
            tokio::time::timeout(self.longest, call)
                .await
                .map_err(|_| Refusal::Late { host: self.host.clone(), longest: self.longest })?
        };
        answer.map_err(|error| Refusal::new(error, right, &self.namespace, &self.host))
    }

    /// One stack as JSON; without a name the only one of the namespace.
    ///
    /// # Errors
    /// When there is none, or without a name several.
    pub async fn stack(&self, name: Option<&str>) -> Result<Value, String> {
        let Some(name) = name else { return self.only_stack().await };
        let api = Api::<kube::api::DynamicObject>::namespaced_with(self.client.clone(), &self.namespace, &slim::stacks());
        match self.ask(&Right::new("get", STACKS), api.get(name)).await {
            Ok(object) => serde_json::to_value(object).map_err(|error| error.to_string()),
            Err(Refusal::Absent) => Err(self.no_stack(name).await),
            Err(refusal) => Err(refusal.to_string()),
        }
    }

    async fn only_stack(&self) -> Result<Value, String> {
        let mut stacks = self.stacks(false, None).await?;
        let names: Vec<String> = stacks.iter().map(|stack| name_of(stack).to_owned()).collect();
        match stacks.pop() {
            Some(stack) if stacks.is_empty() => Ok(stack),
            Some(_) => {
                Err(format!("there are several stacks in the namespace {}: name one of {}", self.namespace, names.join(", ")))
            }
            None => Err(format!(
                "there is no stack in the namespace {}; `-n` names another, `mstack status -A` shows all",
                self.namespace
            )),
        }
    }

    async fn no_stack(&self, name: &str) -> String {
        let there = self.stacks(false, None).await.unwrap_or_default();
        let fix = did_you_mean(name, there.iter().map(name_of), "`mstack status -A` shows all");
        format!("there is no stack `{name}` in the namespace {}; {fix}", self.namespace)
    }

    /// The stacks of the namespace, or of all, by namespace and name.
    ///
    /// # Errors
    /// When they may not be listed.
    pub async fn stacks(&self, everywhere: bool, selector: Option<&str>) -> Result<Vec<Value>, String> {
        let resource = slim::stacks();
        let mut stacks = self.list(&resource, everywhere, selector).await.map_err(|refusal| refusal.to_string())?;
        stacks.sort_by_cached_key(|stack| {
            (stack["metadata"]["namespace"].as_str().unwrap_or_default().to_owned(), name_of(stack).to_owned())
        });
        Ok(stacks)
    }

    /// Objects of any resource as JSON.
    ///
    /// # Errors
    /// When they may not be listed.
    pub async fn list(&self, resource: &ApiResource, everywhere: bool, selector: Option<&str>) -> Result<Vec<Value>, Refusal> {
        let api = if everywhere {
            Api::<kube::api::DynamicObject>::all_with(self.client.clone(), resource)
        } else {
            Api::namespaced_with(self.client.clone(), &self.namespace, resource)
        };
        let params = ListParams { label_selector: selector.map(str::to_owned), ..ListParams::default() };
        let name = qualified(&resource.group, &resource.plural);
        let right = if everywhere { Right::everywhere("list", &name) } else { Right::new("list", &name) };
        let list = self.ask(&right, api.list(&params)).await?;
        Ok(list.items.into_iter().filter_map(|object| serde_json::to_value(object).ok()).collect())
    }

    /// What to say when this program and the operator are of different versions; nothing where that cannot be known.
    pub async fn skew(&self) -> Option<String> {
        let (namespace, name) = &self.operator;
        let api = Api::<Lease>::namespaced(self.client.clone(), namespace);
        let lease = self.ask(&Right::new("get", "leases.coordination.k8s.io"), api.get(name)).await.ok()?;
        skew(env!("CARGO_PKG_VERSION"), lease.metadata.annotations?.get(lease::VERSION)?)
    }
}

/// The name of an object in JSON.
pub fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// A field of a condition that a stack reports; empty where it does not.
pub fn told<'a>(stack: &'a Value, condition: &str, field: &str) -> &'a str {
    let mut conditions = stack["status"]["conditions"].as_array().into_iter().flatten();
    conditions.find(|one| one["type"] == condition).and_then(|one| one[field].as_str()).unwrap_or_default()
}

/// A resource as kubectl and missing rights name it, such as `pods` or `deployments.apps`.
pub fn qualified(group: &str, plural: &str) -> String {
    if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
}

fn skew(own: &str, operator: &str) -> Option<String> {
    let minor = |version: &str| version.rsplit_once('.').map(|(minor, _)| minor.to_owned());
    (own != operator && minor(own) != minor(operator))
        .then(|| format!("note: this is mstack {own}, and the operator is {operator}; take the same version of both"))
}

/// Reads a time as kubectl does: `90`, `15s`, `2m`, `1h`.
///
/// # Errors
/// When it is none.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let seconds: u64 = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => 0,
    };
    let number: Option<u64> = digits.parse().ok().filter(|_| seconds > 0);
    number
        .and_then(|number| number.checked_mul(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| format!("`{text}` is not a time; write it like `15s`, `2m` or `1h`"))
}

/// Runs a command that asks a cluster.
///
/// # Errors
/// Those of the command, or when there is no runtime.
pub fn block_on<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(work)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn times_are_read_as_kubectl_reads_them() {
        let seconds = |text: &str| duration(text).map(|time| time.as_secs());
        assert_eq!([seconds("90"), seconds("15s"), seconds("2m"), seconds("1h"), seconds("0")], [90, 15, 120, 3600, 0].map(Ok));
        for wrong in ["", "s", "1d", "-1s", "1.5s", "1s2"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    /// Answers one request after the other, each on a connection of its own, and returns what was asked.
    fn serve(listener: &TcpListener, answers: &[&str]) -> Vec<String> {
        let mut asked = Vec::new();
        for answer in answers {
            let mut connection = listener.accept().unwrap().0;
            let mut request = [0; 4096];
            let length = connection.read(&mut request).unwrap();
            asked.push(String::from_utf8_lossy(&request[..length]).lines().next().unwrap_or_default().to_owned());
            write!(connection, "HTTP/1.1 {answer}").unwrap();
        }
        asked
    }

    #[tokio::test]
    async fn a_server_that_is_busy_is_asked_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let busy = "429 Too Many Requests\r\nRetry-After: 0\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        let version = r#"{"major":"1","minor":"37","gitVersion":"v1.37.0","gitCommit":"","gitTreeState":"","buildDate":"","goVersion":"","compiler":"","platform":""}"#;
        let good = format!("200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{version}", version.len());
        let server = std::thread::spawn(move || serve(&listener, &[busy, busy, &good]));
        let mut config = Config::new(url);
        config.default_retry = false;
        let told = client(config).unwrap().apiserver_version().await.unwrap();
        assert_eq!(told.git_version, "v1.37.0");
        assert_eq!(server.join().unwrap(), ["GET /version HTTP/1.1"; 3]);
    }

    #[test]
    fn another_minor_version_is_told_and_another_patch_is_not() {
        assert_eq!(skew("0.1.0", "0.1.0"), None);
        assert_eq!(skew("0.1.0", "0.1.3"), None);
        assert!(skew("0.1.0", "0.2.0").is_some_and(|note| note.contains("mstack 0.1.0") && note.contains("operator is 0.2.0")));
    }
}
