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
        let hard = edges("uses", service.uses.as_ref(), HARD);
        let soft = edges("usesOptional", service.uses_optional.as_ref(), SOFT);
        for (entry, used, [comes_of_it, otherwise]) in hard.chain(soft).filter(|(_, used, _)| *used != name && !has_port(used)) {
            advice.add(
                Code::PortlessUse,
                format!("spec.services.{name}.{entry}"),
                format!("`{used}` has no port, so `{name}` gets no address of it: it {comes_of_it}"),
                format!("give `{used}` the `port` that it listens on, or {otherwise}"),
            );
        }
    }
}

/// What comes of an edge without an address, and what to do where no port is missing.
type Words = [&'static str; 2];
const HARD: Words = ["starts after it and cannot call it", "allow it where order alone is meant: `# mstack: allow MS0211`"];
const SOFT: Words = ["cannot call it, and has no order either", "remove the entry"];

/// Each entry of a field, such as `uses[0]`, with what it names.
fn edges<'a>(
    field: &'static str,
    names: Option<&'a Vec<String>>,
    words: Words,
) -> impl Iterator<Item = (String, &'a String, Words)> {
    names.into_iter().flatten().enumerate().map(move |(n, used)| (format!("{field}[{n}]"), used, words))
}
