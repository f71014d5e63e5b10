//! `mstack render`: the objects that the operator would make of a stack, from the same builder, in the order of applying.
use std::fmt::Write;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::common::files::Files;
use super::common::output::{self, Outcome, Screen, wrap};
use super::common::stacks;
use crate::api::MicroserviceStack;
use crate::desired::{self, Object, object};
use crate::lint;
use crate::model::{self, Count, Credentials, Facts, Stack, Storage};

/// Options of `mstack render`.
#[derive(Debug, clap::Args)]
#[command(after_help = "The output suits `kubectl diff -f -`. What only the cluster knows is left out, and a comment says so.")]
pub struct Args {
    #[command(flatten)]
    files: Files,
    /// Namespace of stacks that name none.
    #[arg(short, long, default_value = "default")]
    namespace: String,
    /// Form of the objects.
    #[arg(short, long, value_enum, default_value = "yaml")]
    output: Form,
    /// UID of the stack in the cluster: the objects get their ownerReference to it.
    #[arg(long, value_name = "UID")]
    owner: Option<String>,
    /// Build for a cluster without Gateway API: an Ingress in place of each `HTTPRoute`.
    #[arg(long)]
    no_gateway_api: bool,
    /// Image of the operator, which checks volumes in database pods; without it the check is left out.
    #[arg(long, value_name = "IMAGE")]
    guard_image: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Documents with comments.
    Yaml,
    /// A `List`.
    Json,
    /// Kind and name, a line each.
    Name,
}

/// Prints the objects of all stacks.
///
/// # Errors
/// When a file cannot be read.
pub fn run(args: &Args, screen: Screen) -> output::Result {
    let Some(objects) = stacks::read(&args.files, screen)? else { return Ok(Outcome::Found) };
    let stacks: Vec<Stack> = objects.into_iter().map(|object| checked(args, object)).collect::<Result<_, _>>()?;
    output::data(&match args.output {
        Form::Yaml => stacks.iter().map(|stack| yaml(args, stack)).collect::<Result<String, String>>()?,
        Form::Json => {
            let items: Vec<Value> = stacks.iter().flat_map(|stack| built(args, stack)).map(|(_, body)| body).collect();
            format!("{:#}\n", json!({ "apiVersion": "v1", "kind": "List", "items": items }))
        }
        Form::Name => stacks.iter().flat_map(|stack| built(args, stack)).fold(String::new(), |mut out, (object, _)| {
            let _ = writeln!(out, "{}/{}", object.kind.row().name.to_lowercase(), object.name);
            out
        }),
    })?;
    Ok(Outcome::Good)
}

fn checked(args: &Args, mut object: MicroserviceStack) -> Result<Stack, String> {
    object.metadata.namespace.get_or_insert_with(|| args.namespace.clone());
    object.metadata.uid.clone_from(&args.owner);
    let facts = Facts {
        gateway_api: !args.no_gateway_api,
        grpc_routes: !args.no_gateway_api,
        guard_image: args.guard_image.clone(),
        ..lint::facts()
    };
    model::check(&object, &facts).map_err(|violations| violations.to_string())
}

/// Each object with its body as it can be applied by anybody, one after another: the largest stack has some hundreds.
fn built(args: &Args, stack: &Stack) -> impl Iterator<Item = (Object, Value)> {
    let scaled = |object: &Object| {
        stack.services.get(&object.component).is_some_and(|service| matches!(service.count, Count::Scaled { .. }))
    };
    let body = move |mut object: Object| {
        let mut body = std::mem::take(&mut object.body);
        if let Some(count) = object.count.filter(|_| !scaled(&object)) {
            body["spec"]["replicas"] = count.into();
        }
        if args.owner.is_none()
            && let Some(metadata) = body["metadata"].as_object_mut()
        {
            metadata.remove("ownerReferences");
            // The hash is of what the operator sends, with the owner.
            if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                annotations.remove(object::DESIRED);
            }
            if metadata.get("annotations").is_some_and(|left| left == &json!({})) {
                metadata.remove("annotations");
            }
        }
        (object, body)
    };
    desired::objects(stack).chain(desired::tasks(stack)).map(body)
}

fn yaml(args: &Args, stack: &Stack) -> Result<String, String> {
    let mut documents = String::new();
    let mut count = 0;
    for (object, body) in built(args, stack) {
        let text = serde_saphyr::to_string(&body).map_err(|error| error.to_string())?;
        let when = if stack.has(&object.component) {
            format!("wave {}", wave(stack, &object.component))
        } else {
            "once it is due".to_owned()
        };
        let _ = writeln!(documents, "---\n# {}, {when}\n{}", object.component, text.trim_end());
        count += 1;
    }
    let revision = &stack.revision.name;
    let head = format!(
        "Stack {} in namespace {}, revision {revision}: {count} objects, in the order of applying.",
        stack.name, stack.namespace
    );
    let words = std::iter::once(head).chain(left_out(args, stack)).flat_map(|text| wrap(&text, 78));
    let head = words.fold(String::new(), |out, line| format!("{out}# {line}\n"));
    Ok(head + &documents)
}

fn wave(stack: &Stack, component: &str) -> usize {
    stack.waves.iter().position(|wave| wave.iter().any(|name| name == component)).unwrap_or_default()
}

/// What only the cluster knows, a sentence each.
fn left_out(args: &Args, stack: &Stack) -> Vec<String> {
    let databases = || stack.databases.values();
    let generated: Vec<&str> = databases()
        .filter_map(|database| match &database.credentials {
            Credentials::Generated { secret } => Some(secret.as_str()),
            Credentials::Given { .. } | Credentials::None => None,
        })
        .collect();
    let volumes = databases().any(|database| matches!(database.storage, Storage::Volume { .. }));
    let secrets = stack.services.values().any(|service| !service.secrets.is_empty());
    let told = [
        (args.owner.is_none(), "Left out: the ownerReference of each object (--owner UID).".to_owned()),
        (
            !generated.is_empty(),
            format!("Left out: the Secrets {}, made once with a password that nobody chooses.", generated.join(", ")),
        ),
        (volumes, "Left out: the identities of the data, which are given at the first start.".to_owned()),
        (volumes && args.guard_image.is_none(), "Left out: the check of the volumes (--guard-image IMAGE).".to_owned()),
        (secrets, "Left out: the digests of Secrets, which roll a service when one changes.".to_owned()),
    ];
    told.into_iter().filter(|(so, _)| *so).map(|(_, words)| words).collect()
}
