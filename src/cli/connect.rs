//! `mstack connect`: a database of a stack on this machine, for as long as the command runs, and the address to give to a
//! client. The way is kubectl's own port-forward.
use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;

use super::common::access::{self, Access, Connection, name_of};
use super::common::forward::{self, Way, forward};
use super::common::output::{self, Outcome};
use super::common::refusal::Right;
use super::common::{next, stacks};
use crate::desired::credentials_key as key;
use crate::lint;
use crate::model::{Credentials, Database, did_you_mean};

/// Options of `mstack connect`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Standard output has one line, the address with user and password: for a port that is forwarded already, `psql \"$(mstack connect shop orders --port 5432 --print)\"`. \
    It needs the right to get the database's Secret, and, but for --print, `create pods/portforward` and kubectl."
)]
pub struct Args {
    /// Stack.
    stack: String,
    /// Database.
    #[arg(id = "components", value_name = "DATABASE")]
    database: String,
    /// Port on this machine; by default a free one.
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Only print the address, for a port that is forwarded already.
    #[arg(long, requires = "port")]
    print: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Forwards the port and prints the address.
///
/// # Errors
/// When there is no such database, its Secret cannot be read, or kubectl does not run.
pub fn run(args: &Args) -> output::Result {
    let (address, namespace, target, ports) = access::block_on(async {
        let access = args.connection.open().await?;
        let stack = access.stack(Some(&args.stack)).await?;
        let database = find(&stack, &args.database)?;
        if !args.print {
            awake(&stack, &args.database)?;
        }
        let local = args.port.map_or_else(forward::free_port, Ok)?;
        let address = address(&database, secret(&access, &stack, &database).await?.as_ref(), local);
        Ok((address, access.namespace, format!("service/{}", database.objects.base), (local, database.recipe.port)))
    })?;
    let tell = || output::data(&format!("{address}\n"));
    if args.print {
        return tell().map(|()| Outcome::Good);
    }
    forward(&Way { connection: &args.connection, namespace: &namespace, target: &target, ports }, tell)
}

fn find(stack: &Value, name: &str) -> Result<Database, String> {
    let object = stacks::live(stack.clone())?;
    let checked =
        lint::checked(&object).map_err(|violations| format!("the spec of {} is not valid: {violations}", name_of(stack)))?;
    let Some(database) = checked.databases.get(name) else {
        let otherwise = format!("`{}` shows its components", next::command("status STACK", stack));
        let fix = did_you_mean(name, checked.databases.keys().map(String::as_str), &otherwise);
        return Err(format!("`{name}` is no database of the stack {}; {fix}", name_of(stack)));
    };
    match database.external() {
        Some(secret) => Err(format!("`{name}` is outside the stack; its Secret {} tells where it is", secret.name)),
        None => Ok(database.clone()),
    }
}

/// A database that hibernates has no pod to forward to, and kubectl would wait for one.
fn awake(stack: &Value, name: &str) -> Result<(), String> {
    if stack["status"]["databases"][name]["phase"] != "Hibernated" {
        return Ok(());
    }
    Err(format!("`{name}` hibernates, so nothing answers; `{}` wakes it", next::command("wake STACK", stack)))
}

async fn secret(access: &Access, stack: &Value, database: &Database) -> Result<Option<Secret>, String> {
    let name = match &database.credentials {
        Credentials::Generated { secret } => secret,
        Credentials::Given { secret } => &secret.name,
        Credentials::None => return Ok(None),
    };
    let found = access.ask(&Right::new("get", "secrets"), access.api::<Secret>().get_opt(name)).await;
    match found.map_err(|refusal| refusal.to_string())? {
        None => {
            let status = next::command("status STACK", stack);
            Err(format!("the Secret {name} of the database is not there; `{status}` says more"))
        }
        found => Ok(found),
    }
}

/// The engine's form of URI, with the port on this machine.
fn address(database: &Database, secret: Option<&Secret>, local: u16) -> String {
    let value = |key: &str| {
        let data = secret?.data.as_ref()?.get(key)?;
        String::from_utf8(data.0.clone()).ok()
    };
    let form = if secret.is_some() { &database.recipe.uri } else { &database.recipe.open_uri };
    if form.is_empty() {
        return format!("127.0.0.1:{local}");
    }
    let values = [
        ("$(HOST)", Some("127.0.0.1".to_owned())),
        ("$(PORT)", Some(local.to_string())),
        ("$(USERNAME)", value(key::USERNAME)),
        ("$(PASSWORD)", value(key::PASSWORD)),
        ("$(DATABASE)", value(key::DATABASE).or_else(|| Some(database.database.clone()))),
    ];
    values.into_iter().fold(form.clone(), |text, (name, value)| text.replace(name, &value.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stack() -> Value {
        json!({"apiVersion": "microservicestack.dev/v1alpha1", "kind": "MicroserviceStack", "metadata": {"name": "shop", "namespace": "shop"},
            "spec": {"databases": {"orders": {"engine": "postgres", "ephemeral": true}, "cache": {"engine": "valkey", "ephemeral": true, "auth": "None"}}}})
    }

    #[test]
    fn the_address_has_the_port_of_this_machine_and_the_login_of_the_secret() {
        let secret: Secret =
            serde_json::from_value(json!({"data": {"username": "YXBw", "password": "cGFzcw==", "database": "b3JkZXJz"}}))
                .unwrap();
        let orders = find(&stack(), "orders").unwrap();
        let told = address(&orders, Some(&secret), 15432);
        assert!(told.starts_with("postgres") && told.contains("://app:pass@127.0.0.1:15432/orders"), "{told}");
        assert!(address(&find(&stack(), "cache").unwrap(), None, 6379).ends_with("://127.0.0.1:6379"));
        assert!(find(&stack(), "order").unwrap_err().contains("did you mean `orders`?"));
    }

    #[test]
    fn a_database_that_hibernates_is_not_waited_for() {
        let of = |phase: &str| {
            let mut stack = stack();
            stack["status"] = json!({"databases": {"orders": {"phase": phase}}});
            awake(&stack, "orders")
        };
        assert_eq!(of("Ready"), Ok(()));
        assert_eq!(
            of("Hibernated"),
            Err("`orders` hibernates, so nothing answers; `mstack wake shop -n shop` wakes it".to_owned())
        );
    }
}
