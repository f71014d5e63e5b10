//! What it takes to keep the same applications in line: mstack, kro and Helm, each on a control plane of its own, one after the
//! other. `make compare` runs it with the release binary; docs/comparison.md has its table.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test ends at what it does not expect")]

mod application;
mod meter;
mod peer;
#[path = "../behaviour/world.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the tests of behaviour")]
mod world;

use std::time::{Duration, Instant};

use cluster::Options;
use meter::{Meter, megabytes};
use peer::Peer;
use world::World;

/// How many applications there are, each in a namespace of its own.
const APPLICATIONS: usize = 20;
/// How long nobody touches anything, when the rest is measured.
const REST: Duration = Duration::from_mins(1);
/// How long what was changed by hand is given to come back.
const REPAIR: Duration = Duration::from_secs(15);

/// What was measured, and the figure.
type Row = (&'static str, String);

/// One peer on a control plane that it has alone.
struct Trial {
    world: World,
    peer: Peer,
    meter: Meter,
}

impl Trial {
    async fn new(begin: fn(&mut World) -> Peer) -> Self {
        let mut world = World::unattended(Options { kwok_nodes: 2, ..Options::default() }, &[]).await;
        for index in 0..APPLICATIONS {
            world.cluster.kubectl(&["create", "namespace", &place(index)]).unwrap();
        }
        let peer = begin(&mut world);
        let mut meter = Meter::new(world.cluster.audit_log(), peer.user());
        meter.quiet().await;
        Self { world, peer, meter }
    }

    /// What one change costs.
    async fn cost(&mut self, change: impl FnOnce(&World, &Peer)) -> String {
        self.meter.reset();
        change(&self.world, &self.peer);
        self.meter.quiet().await.to_string()
    }

    /// How long a change by hand in the first application stands.
    async fn repair(&mut self, change: &[&str], looked_at: &[&str]) -> String {
        let look = |world: &World| world.cluster.kubectl(&[looked_at, &["-n", &place(0)]].concat()).unwrap_or_default();
        let before = look(&self.world);
        self.world.cluster.kubectl(&[change, &["-n", &place(0)]].concat()).unwrap();
        let begun = Instant::now();
        while look(&self.world) != before {
            if begun.elapsed() > REPAIR {
                return "stays".to_owned();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let took = begun.elapsed();
        self.meter.quiet().await;
        format!("put back within {:.1} s", (took.as_secs_f32() * 10.0).ceil() / 10.0)
    }

    async fn measure(mut self) -> Vec<Row> {
        let (apps, spent, begun) = (u32::try_from(APPLICATIONS).unwrap(), self.peer.spent(), Instant::now());
        self.meter.reset();
        for index in 0..APPLICATIONS {
            self.peer.apply(&self.world, &place(index), "web:1", 2);
        }
        for index in 0..APPLICATIONS {
            application::until_it_serves(&self.world, &place(index)).await;
        }
        let took = begun.elapsed();
        let created = self.meter.quiet().await.each(apps);
        let mut rows = vec![
            ("requests to create one", created),
            (
                "processor time to create one",
                format!("{:.0} ms", self.peer.spent().saturating_sub(spent).as_secs_f64() * 1000.0 / f64::from(apps)),
            ),
            ("until all of them serve", format!("{:.0} s", took.as_secs_f64())),
        ];
        self.meter.reset();
        tokio::time::sleep(REST).await;
        rows.push(("requests of all in a minute of rest", self.meter.requests().to_string()));
        rows.push((
            "requests for a new image of one service",
            self.cost(|world, peer| peer.apply(world, &place(1), "web:2", 2)).await,
        ));
        rows.push((
            "requests for another count of one service",
            self.cost(|world, peer| peer.apply(world, &place(2), "web:1", 3)).await,
        ));
        let counts = ["get", "deployment", "web", "-o", "jsonpath={.spec.replicas}"];
        rows.push(("a count that somebody changes", self.repair(&["scale", "deployment", "web", "--replicas=5"], &counts).await));
        let variables = ["get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[0].env[*].name}"];
        rows.push((
            "a variable that somebody adds to the pods",
            self.repair(&["set", "env", "deployment/web", "INTRUDER=1"], &variables).await,
        ));
        let service = ["get", "service", "web", "--ignore-not-found", "-o", "name"];
        rows.push(("a Service that somebody deletes", self.repair(&["delete", "service", "web"], &service).await));
        rows.push(("memory with all of them", self.peer.process().map_or_else(|| "no process".to_owned(), megabytes)));
        let restarted = if self.peer.process().is_some() {
            self.meter.reset();
            self.peer.restart(&mut self.world);
            self.meter.quiet().await.to_string()
        } else {
            "no process".to_owned()
        };
        rows.push(("requests of a restart", restarted));
        rows
    }
}

fn place(index: usize) -> String {
    format!("app-{index}")
}

#[tokio::test]
#[ignore = "builds kro and measures for minutes: make compare"]
async fn the_same_applications_are_kept_by_mstack_by_kro_and_by_helm() {
    println!("{APPLICATIONS} applications of {} objects each", application::objects().len());
    let mut columns = Vec::new();
    for begin in [Peer::mstack, Peer::kro, Peer::helm] {
        columns.push(Trial::new(begin).await.measure().await);
    }
    println!("| | {} |\n|---|---|---|---|", peer::names().join(" | "));
    for (index, (what, _)) in columns[0].iter().enumerate() {
        let figures: Vec<&str> = columns.iter().map(|column| column[index].1.as_str()).collect();
        println!("| {what} | {} |", figures.join(" | "));
    }
}
