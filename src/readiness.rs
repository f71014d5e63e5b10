//! Whether a component serves: pure predicates over what is observed.
pub mod pull;

use crate::api::status::{CountSource, Instances};
use crate::kinds::Kind;
use crate::model::{Count, Database, SecretRef, Service, Stack, names};
use crate::observed::{Child, Observed, PodState, Progress, State, Trouble, Workload};

/// How one component is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readiness {
    /// Counts, as reported.
    pub instances: Instances,
    /// The least that has to serve.
    pub floor: i32,
    /// Whether its workload exists.
    pub exists: bool,
    /// Whether its controller has seen the present template, and every instance runs it.
    pub rolled: bool,
    /// Whether it has ever been ready; re-derived from the objects (rule 5).
    pub was_ready: bool,
    /// Its namespace, for what is to be typed next.
    pub namespace: String,
    /// What is wrong with its worst pod, or what its controller says; with the name of the object.
    pub trouble: Option<(String, Trouble)>,
    /// Instances that are only about to be made, for its controller has not seen the present count yet.
    pub starting: i32,
    /// Instances that run, with which nothing is wrong but that they have not passed their check.
    pub unpassed: usize,
    /// That check in words, where it is the user's own.
    pub check: String,
}

impl Readiness {
    /// Whether it serves at least what is asked.
    pub fn serves(&self) -> bool {
        self.exists && self.instances.serving >= self.floor
    }

    /// Whether it serves what is asked and its template is fully rolled (rule 1).
    pub fn ready(&self) -> bool {
        self.serves() && self.rolled
    }

    /// The one cause why it is not ready: what is wrong, why, and what next.
    pub fn cause(&self) -> String {
        self.trouble_words().unwrap_or_else(|| self.counted())
    }

    /// What is wrong, why, and what next, where something is.
    pub fn trouble_words(&self) -> Option<String> {
        self.trouble.as_ref().map(|(object, trouble)| words(object, trouble, &self.namespace) + &self.unpassed_words())
    }

    /// How many instances there are, in words.
    pub fn counted(&self) -> String {
        let Self { instances, floor, .. } = self;
        let counts = if self.starting > 0 {
            format!("starting, {} of {floor} instances serving", instances.serving)
        } else if self.rolled {
            format!("{} of {floor} instances serving", instances.serving)
        } else {
            // Those of the former template are still there, or it were rolled.
            let is_made = instances.updated >= instances.desired && instances.serving > 0;
            let former = if is_made { ", with those of the former one" } else { "" };
            format!(
                "{} of {} instances run the present template, {} serving{former}",
                instances.updated, instances.desired, instances.serving
            )
        };
        counts + &self.unpassed_words()
    }

    fn unpassed_words(&self) -> String {
        let words = match self.unpassed {
            0 => return String::new(),
            1 => "; 1 runs and has not passed its check".to_owned(),
            several => format!("; {several} run and have not passed their check"),
        };
        if self.check.is_empty() { words } else { format!("{words} {}", self.check) }
    }
}

/// Whether the scheduler says that a pod cannot follow its volume, in the words of this or of an older Kubernetes.
fn is_away(message: &str) -> bool {
    ["PersistentVolume's node affinity", "volume node affinity conflict"].iter().any(|words| message.contains(words))
}

/// What is wrong with an object, such as `pod orders-0`, why, and what next.
pub fn words(object: &str, trouble: &Trouble, namespace: &str) -> String {
    let is_of_image = severity(&trouble.reason) == OF_IMAGE;
    let typed = object.replace(' ', "/");
    let next = match trouble.reason.as_str() {
        _ if is_of_image => "; check the image's name and tag, and that the nodes may pull it",
        "CrashLoopBackOff" => &format!("; read the log of its last run: kubectl logs {typed} --previous -n {namespace}"),
        "Unschedulable" if is_away(&trouble.message) => {
            "; its volume is on a node that takes no pods: bring that node back, such as with kubectl uncordon"
        }
        "Unschedulable" => "; lower the resources, or add nodes",
        "CreateContainerConfigError" => "; check the Secrets and ConfigMaps that it refers to",
        "PodsMissing" => &format!("; see kubectl describe {typed} -n {namespace}"),
        _ => "",
    };
    let message = trouble.message.trim();
    let message = if is_of_image { pull::cause(message) } else { message.to_owned() };
    if message.is_empty() {
        format!("{}{next} ({object})", trouble.reason)
    } else {
        format!("{}: {message}{next} ({object})", trouble.reason)
    }
}

/// How a component of the stack is, by name.
pub fn of(stack: &Stack, name: &str, observed: &Observed) -> Readiness {
    let readiness = match (stack.services.get(name), stack.databases.get(name)) {
        (Some(service), _) => of_service(stack, service, observed),
        (_, Some(database)) => of_database(stack, database, observed),
        _ => Readiness::default(),
    };
    Readiness { namespace: stack.namespace.clone(), ..readiness }
}

fn of_service(stack: &Stack, service: &Service, observed: &Observed) -> Readiness {
    let base = &service.objects.base;
    let source = match service.count {
        _ if stack.hibernates => CountSource::Hibernate,
        Count::Fixed(_) => CountSource::Spec,
        Count::Scaled { .. } => CountSource::HPA,
    };
    let floor = if stack.hibernates { 0 } else { service.count.floor() };
    let mut readiness = of_workload(observed, Kind::Deployment, base, &service.name, source, floor);
    if !service.ports.is_empty() {
        readiness.instances.serving = observed.serving(base);
    }
    match &service.probes.ready {
        Some(probe) => readiness.check = probe.check.to_string(),
        None => readiness.unpassed = 0,
    }
    readiness
}

fn of_database(stack: &Stack, database: &Database, observed: &Observed) -> Readiness {
    if let Some(secret) = database.external() {
        return outside(secret);
    }
    let base = &database.objects.base;
    let (source, floor) = if stack.hibernates { (CountSource::Hibernate, 0) } else { (CountSource::Spec, database.instances) };
    let mut readiness = of_workload(observed, Kind::StatefulSet, base, &database.name, source, floor);
    readiness.instances.serving = observed.serving(database.counted_on());
    readiness.was_ready |= observed.get(Kind::ConfigMap, &database.objects.identity).is_some();
    readiness
}

/// The counts of a component whose spec is not valid: wanted is what was wanted before, and the rest is seen.
pub fn counts(observed: &Observed, kind: Kind, component: &str, before: &Instances) -> Instances {
    let Some(child) = observed.of(kind, component).next() else {
        return Instances { desired: before.desired, source: before.source, ..Instances::default() };
    };
    let readiness = of_workload(observed, kind, &child.name, component, CountSource::Spec, before.desired);
    let desired = match (&child.state, before.source) {
        (State::Workload(workload), Some(CountSource::HPA)) => workload.replicas,
        _ => before.desired,
    };
    let has_address = |name: &str| observed.get(Kind::Service, name).is_some_and(|address| address.component == component);
    let read_only = names::read_only(&child.name);
    let address = [read_only.as_str(), child.name.as_str()].into_iter().find(|name| has_address(name));
    let serving = address.map_or(readiness.instances.serving, |name| observed.serving(name));
    Instances { desired, source: before.source, serving, ..readiness.instances }
}

/// Of a database outside the stack nothing is known but its Secret.
fn outside(secret: &SecretRef) -> Readiness {
    let is_told = ["host", "uri"].iter().any(|key| secret.keys.contains(*key));
    let exists = secret.digest.is_some() && is_told;
    Readiness { exists, rolled: true, was_ready: exists, ..Readiness::default() }
}

fn of_workload(observed: &Observed, kind: Kind, name: &str, component: &str, source: CountSource, floor: i32) -> Readiness {
    let Some((child, workload)) = workload(observed, kind, name) else {
        return Readiness {
            instances: Instances { desired: floor, source: Some(source), ..Instances::default() },
            floor,
            ..Readiness::default()
        };
    };
    let desired = match source {
        CountSource::Spec | CountSource::Hibernate => floor,
        CountSource::HPA => workload.replicas.max(floor),
    };
    let pods = || observed.of(Kind::Pod, component);
    let terminating = pods().filter(|pod| pod.deleting).count();
    let seen = workload.observed_generation >= child.sent_generation;
    // A count raises the generation as well, and no rollout waits for it.
    let acted = workload.observed_generation >= child.generation;
    let worst = worst_pod(pods());
    Readiness {
        starting: if acted { 0 } else { (workload.replicas - workload.current).max(0) },
        unpassed: if worst.is_none() { pods().filter(|pod| is_unpassed(pod)).count() } else { 0 },
        check: String::new(),
        namespace: String::new(),
        instances: Instances {
            desired,
            source: Some(source),
            // Before its controller has seen the present template, nobody runs it.
            updated: if seen { workload.updated } else { 0 },
            ready: workload.ready,
            serving: workload.ready,
            terminating: i32::try_from(terminating).unwrap_or(i32::MAX),
        },
        floor,
        exists: true,
        rolled: seen && workload.updated >= floor.min(workload.replicas) && workload.updated == workload.current,
        was_ready: workload.progress == Progress::Complete || workload.ready > 0,
        trouble: worst.or_else(|| {
            let refused = || (acted && kind == Kind::StatefulSet).then(|| missing_pods(workload)).flatten();
            let trouble = workload.trouble.clone().or_else(refused)?;
            Some((format!("{} {name}", kind.row().name.to_lowercase()), trouble))
        }),
    }
}

/// Instances that go away and still answer whoever is connected to them: a test would meet the former template through them.
pub fn leaving(component: &str, observed: &Observed) -> usize {
    let answers = |pod: &&Child| pod.deleting && matches!(pod.state, State::Pod(PodState { ready: true, .. }));
    observed.of(Kind::Pod, component).filter(answers).count()
}

/// A StatefulSet, unlike a Deployment, has no condition that tells why its pods are not made; its Events do.
fn missing_pods(workload: &Workload) -> Option<Trouble> {
    let message = || {
        let Workload { current, replicas, .. } = workload;
        format!(
            "{current} of {replicas} pods are there; if that stays so, a quota or the namespace's pod security may refuse them"
        )
    };
    (workload.current < workload.replicas).then(|| Trouble { reason: "PodsMissing".to_owned(), message: message() })
}

/// Whether no instance of a component is left, nor any on its way.
pub fn has_ended(observed: &Observed, kind: Kind, base: &str, component: &str) -> bool {
    let is_idle = |(child, workload): (&Child, &Workload)| {
        workload.replicas == 0 && workload.current == 0 && workload.observed_generation >= child.sent_generation
    };
    let is_over = |pod: &Child| matches!(pod.state, State::Pod(PodState { ended: true, .. }));
    workload(observed, kind, base).is_none_or(is_idle) && observed.of(Kind::Pod, component).all(is_over)
}

/// A workload and its record, when it is not on its way out.
pub fn workload<'a>(observed: &'a Observed, kind: Kind, name: &str) -> Option<(&'a Child, &'a Workload)> {
    let child = observed.get(kind, name).filter(|child| !child.deleting)?;
    match &child.state {
        State::Workload(workload) => Some((child, workload)),
        _ => None,
    }
}

fn is_unpassed(pod: &Child) -> bool {
    !pod.deleting && matches!(pod.state, State::Pod(PodState { begun: true, ready: false, ended: false, .. }))
}

fn worst_pod<'a>(pods: impl Iterator<Item = &'a Child>) -> Option<(String, Trouble)> {
    pods.filter(|pod| !pod.deleting)
        .filter_map(|pod| match &pod.state {
            State::Pod(PodState { trouble: Some(trouble), ended: false, .. }) => {
                Some((format!("pod {}", pod.name), trouble.clone()))
            }
            _ => None,
        })
        .max_by_key(|(_, trouble)| severity(&trouble.reason))
}

const OF_IMAGE: u8 = 5;

/// How much a reason tells: an image that cannot be had explains more than a pod that waits for a place.
fn severity(reason: &str) -> u8 {
    match reason {
        "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => OF_IMAGE,
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => 4,
        "CrashLoopBackOff" => 3,
        "Unschedulable" => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_serves_beside_a_new_template_is_told_to_be_of_the_former_one() {
        let counted = |updated| {
            let instances = Instances { desired: 2, updated, serving: 2, ..Instances::default() };
            Readiness { instances, ..Readiness::default() }.counted()
        };
        assert_eq!(counted(1), "1 of 2 instances run the present template, 2 serving");
        assert_eq!(counted(2), "2 of 2 instances run the present template, 2 serving, with those of the former one");
    }

    #[test]
    fn a_pod_that_waits_for_the_node_of_its_volume_is_told_as_that() {
        let next = |message: &str| {
            let trouble = Trouble { reason: "Unschedulable".to_owned(), message: message.to_owned() };
            words("pod orders-0", &trouble, "shop")
        };
        let away =
            "0/2 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, 1 node(s) were unschedulable.";
        assert!(next(away).contains("its volume is on a node that takes no pods"), "{}", next(away));
        let full = "0/2 nodes are available: 2 Insufficient cpu.";
        assert!(next(full).contains("lower the resources, or add nodes"), "{}", next(full));
    }
}
