//! When migrations, tests and jobs ran: their Jobs know.
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::api::ListParams;

use super::super::common::access::Access;
use super::super::common::output::age;
use super::super::common::refusal::{Refusal, Right};
use super::tasks::Ran;
use crate::desired::meta;

/// What the Jobs of a stack tell, the latest last.
pub async fn gather(access: &Access, stack: &str) -> Result<Vec<Ran>, Refusal> {
    let params = ListParams::default().labels(&format!("{}={stack},{}", meta::STACK, meta::TASK));
    let mut jobs = access.ask(&Right::new("list", "jobs.batch"), access.api::<Job>().list(&params)).await?.items;
    jobs.sort_by_key(|job| job.metadata.creation_timestamp.clone().map(|time| time.0));
    let now = Timestamp::now();
    Ok(jobs.iter().map(|job| ran(job, now)).collect())
}

fn ran(job: &Job, now: Timestamp) -> Ran {
    let (phase, when) = told(job, now);
    let label = job.metadata.labels.as_ref().and_then(|labels| labels.get(meta::TASK));
    Ran {
        task: label.cloned().unwrap_or_default(),
        job: job.metadata.name.clone().unwrap_or_default(),
        phase: phase.to_owned(),
        when,
    }
}

fn told(job: &Job, now: Timestamp) -> (&'static str, String) {
    let status = job.status.clone().unwrap_or_default();
    let condition = |name: &str| {
        let mut conditions = status.conditions.iter().flatten();
        conditions.find(|condition| condition.type_ == name && condition.status == "True")
    };
    let since = |from: &Time, to: Timestamp| age((to.as_second() - from.0.as_second()).max(0));
    let ended = |time: Option<&Time>| match (time, &status.start_time) {
        (Some(end), Some(start)) => format!("{} ago, took {}", since(end, now), since(start, end.0)),
        _ => String::new(),
    };
    if let Some(failed) = condition("Failed") {
        return ("Failed", ended(failed.last_transition_time.as_ref()));
    }
    if let Some(complete) = condition("Complete") {
        return ("Succeeded", ended(status.completion_time.as_ref().or(complete.last_transition_time.as_ref())));
    }
    match &status.start_time {
        Some(start) => ("Running", format!("for {}", since(start, now))),
        None => ("Waiting", String::new()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_job_tells_how_it_ended_when_and_how_long_it_took() {
        let now: Timestamp = "2026-03-01T10:10:00Z".parse().unwrap();
        let job = |status| serde_json::from_value(json!({"metadata": {"name": "j"}, "status": status})).unwrap();
        let (start, end) = ("2026-03-01T10:00:00Z", "2026-03-01T10:05:00Z");
        let ended = |name: &str| {
            job(json!({"startTime": start, "conditions": [{"type": name, "status": "True", "lastTransitionTime": end}]}))
        };
        let when = "5m ago, took 5m".to_owned();
        assert_eq!(told(&ended("Failed"), now), ("Failed", when.clone()));
        assert_eq!(told(&ended("Complete"), now), ("Succeeded", when));
        assert_eq!(told(&job(json!({"startTime": end})), now), ("Running", "for 5m".to_owned()));
        assert_eq!(told(&job(json!({})), now), ("Waiting", String::new()));
    }
}
