//! An operator that is killed at any of its writes, and started again, does no harm and gets to the same end; so do two
//! operators that are active at once, and one that hears of everything late.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test ends at what it does not expect")]

mod life;
mod operator;
mod proxy;
mod state;
#[path = "../behaviour/world.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the tests of behaviour")]
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cluster::Options;
use futures::StreamExt;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use life::{Life, Lived, make_namespace};
use operator::Operator;
use proxy::{Crash, Moment, Proxy, Sent, Write};
use tokio::sync::OnceCell;
use world::{OPERATOR, World};

/// How many lives are lived at a time: they mostly wait. `MSTACK_LIVES`.
fn lives_at_a_time() -> usize {
    number("MSTACK_LIVES").unwrap_or(10)
}

/// Of how many crashes one is tried; 1 tries all of them. An odd number: both sides of a write have their turn.
fn one_of() -> usize {
    number("MSTACK_CRASH_EVERY").unwrap_or(27)
}

fn number(variable: &str) -> Option<usize> {
    std::env::var(variable).ok()?.parse().ok()
}

const AT_ONCE: Duration = Duration::ZERO;

static WORLD: OnceCell<World> = OnceCell::const_new();
static UNDISTURBED: OnceCell<Lived> = OnceCell::const_new();

/// One control plane for all lives; the clients are a test's own.
struct Town {
    world: &'static World,
    admin: Client,
    operator: Client,
}

impl Town {
    async fn new() -> Self {
        let options = Options { kwok_nodes: 1, audit: false, ..Options::default() };
        let world = WORLD.get_or_init(|| World::unattended(options, &[])).await;
        let kubeconfig = Kubeconfig::read_from(world.cluster.kubeconfig_for(OPERATOR, &[]).unwrap()).unwrap();
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        config.default_retry = false;
        Self { world, admin: world.client().await, operator: Client::try_from(config).unwrap() }
    }

    /// A stack's namespace with this many operators, of which each crashes in the same way and hears of events this late.
    async fn life(&self, namespace: &str, crash: &Crash, operators: usize, late: Duration) -> Life {
        make_namespace(&self.admin, namespace).await;
        let folder = self.world.cluster.kubeconfig().parent().unwrap();
        let mut proxies = Vec::new();
        for number in 0..operators {
            let operator = |server| Operator::new(folder, namespace, number, server);
            proxies.push(Proxy::start(self.operator.clone(), crash.clone(), late, operator).await);
        }
        Life { namespace: namespace.to_owned(), client: self.admin.clone(), proxies }
    }

    /// The life without a crash that all others are compared with.
    async fn undisturbed(&self) -> &'static Lived {
        let live = || async {
            let lived = self.life("undisturbed", &Crash::Never, 1, AT_ONCE).await.live(&Crash::Never, None).await.unwrap();
            println!("{:>5.1} s  {} writes, no crash", lived.took.as_secs_f32(), lived.sent.len());
            lived
        };
        UNDISTURBED.get_or_init(live).await
    }
}

/// How often the API server has taken each write, those of the status left out.
fn committed(sent: &[Sent]) -> BTreeMap<&Write, usize> {
    let mut counts = BTreeMap::new();
    for sent in sent.iter().filter(|sent| sent.is_committed() && !sent.write.object.ends_with("/status")) {
        *counts.entry(&sent.write).or_default() += 1;
    }
    counts
}

/// Objects that were made twice without having been deleted between.
fn made_twice(sent: &[Sent]) -> BTreeSet<String> {
    let mut alive = BTreeSet::new();
    let mut twice = BTreeSet::new();
    for sent in sent.iter().filter(|sent| sent.is_committed()) {
        let object = &sent.write.object;
        if sent.write.method == "DELETE" {
            alive.remove(object);
        } else if sent.has_created() && !alive.insert(object) {
            twice.insert(object.clone());
        }
    }
    twice
}

/// Writes that were taken more often than this many times for each time of the undisturbed life, and this many beyond.
fn too_many(sent: &[Sent], undisturbed: &[Sent], times: usize, beyond: usize) -> Vec<String> {
    let usual = committed(undisturbed);
    let often = |(write, count): (&Write, usize)| {
        let usual = usual.get(write).copied().unwrap_or_default();
        (count > usual * times + beyond).then(|| format!("{count} times {write}, and {usual} without a crash"))
    };
    committed(sent).into_iter().filter_map(often).collect()
}

/// Every write of a life, and which of its occurrences it is.
fn points(sent: &[Sent]) -> Vec<(Write, usize)> {
    let mut seen: BTreeMap<Write, usize> = BTreeMap::new();
    let point = |sent: &Sent| {
        let occurrence = seen.entry(sent.write.clone()).or_default();
        *occurrence += 1;
        (sent.write.clone(), *occurrence)
    };
    sent.iter().map(point).collect()
}

/// All crashes at one write, of which some are tried.
fn crashes(undisturbed: &Lived) -> Vec<Crash> {
    let at = |(write, occurrence): &(Write, usize), moment| Crash::At(write.clone(), *occurrence, moment);
    let points = points(&undisturbed.sent);
    points.iter().flat_map(|point| [Moment::Before, Moment::After].map(|moment| at(point, moment))).collect()
}

async fn live(town: &Town, number: usize, crash: Crash, undisturbed: &Lived) -> Result<Lived, String> {
    let namespace = format!("life-{number:04}");
    let lived = town.life(&namespace, &crash, 1, AT_ONCE).await.live(&crash, Some(&undisturbed.states)).await?;
    let (twice, often) = (made_twice(&lived.sent), too_many(&lived.sent, &undisturbed.sent, 1, 1));
    if !twice.is_empty() || !often.is_empty() {
        return Err(format!("{crash}, in {namespace}: made twice: {twice:?}; written too often: {often:?}"));
    }
    println!("{:>5.1} s  {} writes, {} crashes: {crash}", lived.took.as_secs_f32(), lived.sent.len(), lived.crashes);
    Ok(lived)
}

#[tokio::test(flavor = "multi_thread")]
async fn section_4_an_operator_that_dies_at_any_of_its_writes_does_no_harm_and_gets_to_the_same_end() {
    let town = Town::new().await;
    let undisturbed = town.undisturbed().await;
    let all = crashes(undisturbed);
    let chosen: Vec<Crash> = [Crash::AfterEach].into_iter().chain(all.iter().step_by(one_of()).cloned()).collect();
    println!("{} of {} crashes are tried; MSTACK_CRASH_EVERY=1 tries all", chosen.len() - 1, all.len());
    let lives = chosen.into_iter().enumerate().map(|(number, crash)| live(&town, number, crash, undisturbed));
    let results: Vec<Result<Lived, String>> = futures::stream::iter(lives).buffer_unordered(lives_at_a_time()).collect().await;
    let failures: Vec<&String> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    assert!(failures.is_empty(), "{} lives failed:\n{failures:#?}", failures.len());
    // Where a write is for a state that passed too quickly to be told, nothing crashed.
    let crashed = results.iter().flatten().filter(|lived| lived.crashes > 0).count();
    assert!(crashed * 4 >= results.len() * 3, "only {crashed} of {} operators crashed", results.len());
}

/// A life without a crash, in which nothing is made twice or written more often than each operator needs to.
async fn live_as_one(namespace: &str, operators: usize, late: Duration) {
    let town = Town::new().await;
    let undisturbed = town.undisturbed().await;
    let life = town.life(namespace, &Crash::Never, operators, late).await;
    let lived = life.live(&Crash::Never, Some(&undisturbed.states)).await.unwrap();
    assert_eq!(made_twice(&lived.sent), BTreeSet::new());
    assert_eq!(too_many(&lived.sent, &undisturbed.sent, operators, operators - 1), Vec::<String>::new());
    println!("{} writes in {namespace}, {} in the undisturbed life", lived.sent.len(), undisturbed.sent.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn section_4_two_active_operators_are_safe_and_do_not_undo_each_others_work() {
    live_as_one("two-operators", 2, AT_ONCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn section_4_an_operator_that_hears_of_everything_late_writes_nothing_twice() {
    live_as_one("slow-watches", 1, Duration::from_secs(1)).await;
}
