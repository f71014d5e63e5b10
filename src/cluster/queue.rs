//! Which stack is reconciled next: a live change of a spec before an event of a child before the initial list, and
//! every eighth turn the oldest of all, so that nothing starves.
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use super::store::Key;

/// Why a stack is to be reconciled; earlier classes go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Its spec has changed.
    Spec,
    /// Something happened to a child, or a retry is due.
    Child,
    /// The operator has started.
    Initial,
}

const CLASSES: usize = 3;
const OLDEST_EVERY: u64 = 8;

/// Stacks that wait, each at most once, and those that run.
#[derive(Debug, Default)]
pub struct Queue {
    ready: [BTreeMap<u64, Key>; CLASSES],
    delayed: BTreeMap<(Instant, u64), Key>,
    waiting: HashMap<Key, Place>,
    running: HashMap<Key, Option<Class>>,
    sequence: u64,
    turns: u64,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Ready { class: Class, sequence: u64, since: Instant },
    Delayed(Instant, u64),
}

impl Queue {
    /// Adds a stack, or moves it forward.
    pub fn push(&mut self, key: Key, class: Class) {
        if let Some(again) = self.running.get_mut(&key) {
            *again = Some(again.map_or(class, |before| before.min(class)));
            return;
        }
        let (sequence, since) = match self.waiting.get(&key).copied() {
            Some(Place::Ready { class: before, .. }) if before <= class => return,
            Some(place @ Place::Ready { since, .. }) => (self.withdraw(place), since),
            Some(place) => (self.withdraw(place), Instant::now()),
            None => (self.next_sequence(), Instant::now()),
        };
        self.ready[class as usize].insert(sequence, key.clone());
        self.waiting.insert(key, Place::Ready { class, sequence, since });
    }

    /// Adds a stack for later, unless it waits already for an earlier time.
    pub fn push_at(&mut self, key: Key, at: Instant) {
        match self.waiting.get(&key) {
            Some(Place::Ready { .. }) => return,
            Some(Place::Delayed(before, _)) if *before <= at => return,
            Some(place) => {
                self.withdraw(*place);
            }
            None => {}
        }
        let sequence = self.next_sequence();
        self.delayed.insert((at, sequence), key.clone());
        self.waiting.insert(key, Place::Delayed(at, sequence));
    }

    /// The next stack whose time has come, and how long it has waited since; it counts as running until [`Queue::done`]. A
    /// stack runs once at a time.
    pub fn pop(&mut self, now: Instant) -> Option<(Key, Duration)> {
        self.wake(now);
        self.turns += 1;
        let class = if self.turns.is_multiple_of(OLDEST_EVERY) {
            self.oldest()
        } else {
            self.ready.iter().position(|class| !class.is_empty())
        }?;
        let (_, key) = self.ready[class].pop_first()?;
        let waited = match self.waiting.remove(&key) {
            Some(Place::Ready { since, .. }) => now.saturating_duration_since(since),
            _ => Duration::ZERO,
        };
        self.running.insert(key.clone(), None);
        Some((key, waited))
    }

    /// Ends a run; whatever came up meanwhile is queued.
    pub fn done(&mut self, key: &Key) {
        if let Some(Some(class)) = self.running.remove(key) {
            self.push(key.clone(), class);
        }
    }

    /// When the first delayed stack is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.delayed.first_key_value().map(|((at, _), _)| *at)
    }

    /// How many wait.
    pub fn depth(&self) -> usize {
        self.waiting.len()
    }

    fn wake(&mut self, now: Instant) {
        let running: Vec<_> = self.delayed.range(..=(now, u64::MAX)).map(|(place, key)| (*place, key.clone())).collect();
        for (place, key) in running {
            self.delayed.remove(&place);
            self.waiting.remove(&key);
            self.push(key, Class::Child);
        }
    }

    fn oldest(&self) -> Option<usize> {
        let first = |class: &usize| self.ready[*class].first_key_value().map(|(sequence, _)| *sequence);
        (0..CLASSES).filter(|class| first(class).is_some()).min_by_key(first)
    }

    fn withdraw(&mut self, place: Place) -> u64 {
        match place {
            Place::Ready { class, sequence, .. } => {
                self.ready[class as usize].remove(&sequence);
                sequence
            }
            Place::Delayed(at, sequence) => {
                self.delayed.remove(&(at, sequence));
                sequence
            }
        }
    }

    fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(queue: &mut Queue, now: Instant) -> Option<Key> {
        queue.pop(now).map(|(key, _)| key)
    }

    fn key(name: &str) -> Key {
        Key::new("shop", name)
    }

    #[test]
    fn a_live_change_goes_before_an_event_and_an_event_before_the_initial_list() {
        let mut queue = Queue::default();
        queue.push(key("listed"), Class::Initial);
        queue.push(key("child"), Class::Child);
        queue.push(key("edited"), Class::Spec);
        let now = Instant::now();
        let order: Vec<_> = std::iter::from_fn(|| next(&mut queue, now)).collect();
        assert_eq!(order, [key("edited"), key("child"), key("listed")]);
    }

    #[test]
    fn the_oldest_has_its_turn_however_many_live_changes_come() {
        let mut queue = Queue::default();
        queue.push(key("listed"), Class::Initial);
        let served = (0..OLDEST_EVERY).any(|n| {
            queue.push(key(&format!("edited-{n}")), Class::Spec);
            next(&mut queue, Instant::now()) == Some(key("listed"))
        });
        assert!(served);
    }

    #[test]
    fn a_stack_never_runs_twice_at_a_time_and_what_came_meanwhile_is_not_lost() {
        let mut queue = Queue::default();
        let now = Instant::now();
        queue.push(key("shop"), Class::Spec);
        assert_eq!(next(&mut queue, now), Some(key("shop")));
        queue.push(key("shop"), Class::Child);
        assert_eq!(next(&mut queue, now), None);
        queue.done(&key("shop"));
        assert_eq!(next(&mut queue, now), Some(key("shop")));
    }

    #[test]
    fn a_delayed_stack_comes_when_it_is_due_or_at_once_when_something_happens() {
        let mut queue = Queue::default();
        let now = Instant::now();
        let later = now + Duration::from_secs(5);
        queue.push_at(key("a"), later);
        queue.push_at(key("b"), later);
        queue.push(key("b"), Class::Child);
        assert_eq!((next(&mut queue, now), next(&mut queue, now), queue.next_due()), (Some(key("b")), None, Some(later)));
        assert_eq!(next(&mut queue, later), Some(key("a")));
    }

    #[test]
    fn a_wait_counts_from_the_first_time_that_a_stack_was_due() {
        let mut queue = Queue::default();
        queue.push(key("shop"), Class::Initial);
        let later = Instant::now() + Duration::from_secs(3);
        queue.push(key("shop"), Class::Spec);
        let (_, waited) = queue.pop(later).unwrap();
        assert!(waited >= Duration::from_secs(3), "{waited:?}");
    }
}
