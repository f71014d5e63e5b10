//! Advice: what can be done and is seldom meant. It holds nothing back and is given at the desk alone, for the operator would
//! repeat it in every status.
use crate::api::StackSpec;
use crate::codes::Code;
use crate::model::image::Reference;
use crate::model::{self, Violations};

/// What is worth a second look, in the components that exist.
pub fn of(spec: &StackSpec) -> Violations {
    let spec = model::active(spec);
    let mut advice = Violations::default();
    for (path, image) in images(&spec) {
        judge_image(path, image, &mut advice);
    }
    judge_edges(&spec, &mut advice);
    advice
}

/// Every image that is written down, with its path.
fn images(spec: &StackSpec) -> Vec<(String, &str)> {
    let services = spec.services.iter().map(|(name, service)| (format!("spec.services.{name}.image"), Some(&service.image)));
    let migrations = spec.services.iter().map(|(name, service)| {
        let own = service.migrate.as_ref().and_then(|migrate| migrate.image.as_ref());
        (format!("spec.services.{name}.migrate.image"), own)
    });
    let databases =
        spec.databases.iter().map(|(name, database)| (format!("spec.databases.{name}.image"), database.image.as_ref()));
    let tests = spec.tests.iter().map(|(name, test)| (format!("spec.tests.{name}.image"), Some(&test.task.image)));
    let jobs = spec.jobs.iter().map(|(name, job)| (format!("spec.jobs.{name}.image"), Some(&job.image)));
    let all = services.chain(migrations).chain(databases).chain(tests).chain(jobs);
    all.filter_map(|(path, image)| Some((path, image?.as_str()))).collect()
}

fn judge_image(path: String, image: &str, advice: &mut Violations) {
    let reference = Reference::parse(image);
    if reference.is_fixed() {
        return;
    }
    let words = if reference.tag.is_some() { "is" } else { "has no tag, so it is" };
    advice.add(
        Code::LooseImage,
        path,
        format!(
            "`{image}` {words} whatever the registry has when a pod starts: a new one is no change to the operator, and no \
             rollback brings the old one back"
        ),
        format!("name a release, such as `{}:1.4.2`, or a digest", reference.name),
    );
}

/// Services alone: a test or a job that uses one without a port waits until it is ready, which may well be meant.
fn judge_edges(spec: &StackSpec, advice: &mut Violations) {
    let has_port = |name: &String| spec.services.get(name).is_none_or(|used| used.port.is_some() || used.ports.is_some());
    for (name, service) in &spec.services {
        let edges = [("uses", &service.uses), ("usesOptional", &service.uses_optional)];
        let edges = edges.into_iter().flat_map(|(field, list)| list.iter().flatten().enumerate().map(move |edge| (field, edge)));
        for (field, (n, used)) in edges.filter(|(_, (_, used))| !has_port(used) && *used != name) {
            let (comes_of_it, otherwise) = match field {
                "uses" => ("starts after it and cannot call it", "allow it where order alone is meant: `# mstack: allow MS0211`"),
                _ => ("cannot call it, and has no order either", "remove the entry"),
            };
            advice.add(
                Code::PortlessUse,
                format!("spec.services.{name}.{field}[{n}]"),
                format!("`{used}` has no port, so `{name}` gets no address of it: it {comes_of_it}"),
                format!("give `{used}` the `port` that it listens on, or {otherwise}"),
            );
        }
    }
}
