//! What waits and what is in progress, by key: a structure without tasks or time.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;

use crate::Limits;

/// An item that can wait.
pub(crate) trait Queued {
    /// What items are sorted by when they come back to the queue.
    type Arrival: Ord;
    /// What it may wait for, beside its turn.
    type Blocker: Eq + Hash + Clone;

    fn arrival(&self) -> Self::Arrival;
    fn blocker(&self) -> Option<&Self::Blocker>;
    fn is_given_up(&self) -> bool;
}

pub(crate) struct Queues<K, T> {
    limits: Limits,
    by_key: HashMap<K, Queue<T>>,
    /// The keys that have something waiting and may begin a batch, each once, in turn.
    ready: VecDeque<K>,
    in_flight: usize,
    overdue: usize,
    waiting: usize,
    parked: usize,
}

struct Queue<T> {
    waiting: VecDeque<T>,
    /// Those that wait for something that is held, in the order of their arrival.
    parked: VecDeque<T>,
    in_flight: usize,
    is_ready: bool,
    is_probed: bool,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            parked: VecDeque::new(),
            in_flight: 0,
            is_ready: false,
            is_probed: false,
        }
    }
}

impl<K: Clone + Eq + Hash, T: Queued> Queues<K, T> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            by_key: HashMap::new(),
            ready: VecDeque::new(),
            in_flight: 0,
            overdue: 0,
            waiting: 0,
            parked: 0,
        }
    }

    /// How many wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many wait for something that is held.
    pub(crate) fn parked(&self) -> usize {
        self.parked
    }

    /// Puts an item at the end of its key's queue, or gives it back when that is full.
    pub(crate) fn push(&mut self, key: &K, item: T) -> Result<(), T> {
        let queue = self.by_key.entry(key.clone()).or_default();
        if queue.waiting.len() + queue.parked.len() >= self.limits.waiting {
            return Err(item);
        }
        queue.waiting.push_back(item);
        self.waiting += 1;
        self.make_ready(key);
        Ok(())
    }

    /// Sets an item aside until its blocker is free. True when a probe of the key must be started.
    pub(crate) fn park(&mut self, key: &K, item: T) -> bool {
        let queue = self.by_key.entry(key.clone()).or_default();
        insert(&mut queue.parked, item);
        self.parked += 1;
        !std::mem::replace(&mut queue.is_probed, true)
    }

    /// What the parked items of a key wait for, each once, the longest wait first.
    pub(crate) fn blockers(&self, key: &K) -> Vec<T::Blocker> {
        let parked = self.by_key.get(key).map(|queue| &queue.parked);
        let blockers = parked.into_iter().flatten().filter_map(Queued::blocker);
        let mut seen = HashSet::new();
        blockers.filter(|it| seen.insert(*it)).cloned().collect()
    }

    /// What the probe of a key must look at. `None` ends the probe.
    pub(crate) fn probe(&mut self, key: &K) -> Option<Vec<T::Blocker>> {
        self.purge(key);
        let blockers = self.blockers(key);
        if !blockers.is_empty() {
            return Some(blockers);
        }
        if let Some(queue) = self.by_key.get_mut(key) {
            queue.is_probed = false;
        }
        self.forget_if_idle(key);
        None
    }

    /// Takes the items whose blockers are free back into the queue, by their arrival.
    pub(crate) fn resume(&mut self, key: &K, freed: &[T::Blocker]) {
        let Some(queue) = self.by_key.get_mut(key) else {
            return;
        };
        let freed: HashSet<&T::Blocker> = freed.iter().collect();
        let is_freed = |item: &T| item.blocker().is_some_and(|it| freed.contains(it));
        let (resumed, parked): (Vec<T>, Vec<T>) = queue.parked.drain(..).partition(is_freed);
        queue.parked = parked.into();
        self.parked -= resumed.len();
        self.waiting += resumed.len();
        for item in resumed {
            insert(&mut queue.waiting, item);
        }
        self.make_ready(key);
    }

    /// Removes the items of a key whose submitters have given up. They do so in the order of their arrival, so that only the
    /// front of the queue is looked at.
    pub(crate) fn purge(&mut self, key: &K) {
        let Some(queue) = self.by_key.get_mut(key) else {
            return;
        };
        while queue.waiting.front().is_some_and(Queued::is_given_up) {
            queue.waiting.pop_front();
            self.waiting -= 1;
        }
        while queue.parked.front().is_some_and(Queued::is_given_up) {
            queue.parked.pop_front();
            self.parked -= 1;
        }
        self.forget_if_idle(key);
    }

    /// The next batch, if one may begin: of the key whose turn it is, those that have waited longest.
    pub(crate) fn begin(&mut self) -> Option<(K, Vec<T>)> {
        if self.in_flight >= self.limits.in_flight {
            return None;
        }
        loop {
            let key = self.ready.pop_front()?;
            let Some(queue) = self.by_key.get_mut(&key) else {
                continue;
            };
            queue.is_ready = false;
            let size = queue.waiting.len().min(self.limits.batch);
            if size == 0 {
                continue;
            }
            let batch: Vec<T> = queue.waiting.drain(..size).collect();
            queue.in_flight += 1;
            self.in_flight += 1;
            self.waiting -= size;
            self.make_ready(&key);
            return Some((key, batch));
        }
    }

    /// A batch of this key goes on without its place, so that another may begin. False when too many do so already.
    pub(crate) fn let_go(&mut self, key: &K) -> bool {
        if self.overdue >= self.limits.most_overdue {
            return false;
        }
        self.overdue += 1;
        self.free_place(key);
        true
    }

    /// A batch of this key has ended.
    pub(crate) fn end(&mut self, key: &K) {
        self.free_place(key);
    }

    /// A batch that was let go has ended.
    pub(crate) fn end_overdue(&mut self) {
        self.overdue -= 1;
    }

    fn free_place(&mut self, key: &K) {
        self.in_flight -= 1;
        if let Some(queue) = self.by_key.get_mut(key) {
            queue.in_flight -= 1;
        }
        self.make_ready(key);
        self.forget_if_idle(key);
    }

    fn forget_if_idle(&mut self, key: &K) {
        let is_idle = |queue: &Queue<T>| {
            queue.in_flight == 0
                && queue.waiting.is_empty()
                && queue.parked.is_empty()
                && !queue.is_probed
        };
        if self.by_key.get(key).is_some_and(is_idle) {
            self.by_key.remove(key);
        }
    }

    fn make_ready(&mut self, key: &K) {
        let Some(queue) = self.by_key.get_mut(key) else {
            return;
        };
        let may_begin = queue.in_flight < self.limits.in_flight_per_key;
        if may_begin && !queue.is_ready && !queue.waiting.is_empty() {
            queue.is_ready = true;
            self.ready.push_back(key.clone());
        }
    }
}

/// Puts an item behind those that arrived before it.
fn insert<T: Queued>(queue: &mut VecDeque<T>, item: T) {
    let arrival = item.arrival();
    let place = queue.partition_point(|other| other.arrival() <= arrival);
    queue.insert(place, item);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: Limits = Limits {
        batch: 3,
        waiting: 5,
        wait: Duration::from_secs(1),
        in_flight_per_key: 1,
        in_flight: 2,
        overdue: Duration::from_secs(1),
        most_overdue: 1,
        patience: Duration::from_secs(1),
        patient: 1,
    };

    /// The tens of a number are what it waits for; a number over 1,000 was given up.
    impl Queued for u32 {
        type Arrival = u32;
        type Blocker = u32;

        fn arrival(&self) -> u32 {
            *self
        }

        fn blocker(&self) -> Option<&u32> {
            const TENS: [u32; 3] = [0, 1, 2];
            TENS.get(*self as usize / 10)
        }

        fn is_given_up(&self) -> bool {
            *self > 1000
        }
    }

    fn filled(limits: Limits, items: &[(char, u32)]) -> Queues<char, u32> {
        let mut queues = Queues::new(limits);
        for (key, item) in items {
            queues.push(key, *item).unwrap();
        }
        queues
    }

    #[test]
    fn a_batch_takes_what_waits_up_to_its_bound_in_the_order_of_coming() {
        let mut queues = filled(LIMITS, &[('a', 1), ('a', 2), ('a', 3), ('a', 4)]);
        assert_eq!(queues.begin(), Some(('a', vec![1, 2, 3])));
        assert_eq!(queues.begin(), None, "one batch of a key at a time");
        queues.end(&'a');
        assert_eq!(queues.begin(), Some(('a', vec![4])));
        queues.end(&'a');
        assert_eq!((queues.begin(), queues.waiting()), (None, 0));
        assert!(queues.by_key.is_empty(), "an idle key is forgotten");
    }

    #[test]
    fn what_is_over_the_bound_of_waiting_items_is_given_back() {
        let mut queues = filled(LIMITS, &[('a', 1), ('a', 2), ('a', 3), ('a', 4), ('a', 5)]);
        assert_eq!(queues.push(&'a', 6), Err(6));
        assert_eq!(queues.push(&'b', 6), Ok(()));
        queues.begin();
        assert_eq!(queues.push(&'a', 6), Ok(()));
    }

    #[test]
    fn keys_take_turns() {
        let items = [('a', 1), ('a', 2), ('a', 3), ('a', 4), ('b', 5), ('c', 6)];
        let limits = Limits {
            in_flight: 1,
            ..LIMITS
        };
        let mut queues = filled(limits, &items);
        let mut turns = Vec::new();
        while let Some((key, _)) = queues.begin() {
            turns.push(key);
            queues.end(&key);
        }
        assert_eq!(turns, ['a', 'b', 'c', 'a']);
    }

    #[test]
    fn batches_in_flight_are_bounded_for_each_key_and_in_all() {
        let limits = Limits {
            batch: 1,
            in_flight_per_key: 2,
            in_flight: 3,
            ..LIMITS
        };
        let items = [('a', 1), ('a', 2), ('a', 3), ('b', 4), ('b', 5)];
        let mut queues = filled(limits, &items);
        let begun: Vec<_> = std::iter::from_fn(|| queues.begin()).collect();
        let keys: Vec<char> = begun.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, ['a', 'b', 'a']);
        queues.end(&'b');
        assert_eq!(queues.begin(), Some(('b', vec![5])));
    }

    #[test]
    fn a_batch_that_is_overdue_lets_the_next_one_begin_within_a_bound() {
        let mut queues = filled(LIMITS, &[('a', 1), ('a', 2), ('a', 3), ('a', 4)]);
        queues.begin();
        assert!(queues.let_go(&'a'));
        assert_eq!(queues.begin(), Some(('a', vec![4])));
        assert!(!queues.let_go(&'a'), "one is overdue already");
        queues.end_overdue();
        assert!(queues.let_go(&'a'));
        queues.end_overdue();
        assert!(queues.by_key.is_empty());
    }

    #[test]
    fn parked_items_come_back_before_those_that_arrived_later() {
        let mut queues = filled(LIMITS, &[('a', 15), ('a', 25), ('a', 29)]);
        assert!(queues.park(&'a', 11), "the first one starts the probe");
        assert!(!queues.park(&'a', 21));
        assert!(!queues.park(&'a', 10));
        assert_eq!(queues.probe(&'a'), Some(vec![1, 2]));
        queues.resume(&'a', &[1]);
        assert_eq!((queues.waiting(), queues.parked()), (5, 1));
        assert_eq!(queues.begin(), Some(('a', vec![10, 11, 15])));
        assert_eq!(queues.blockers(&'a'), [2]);
        queues.resume(&'a', &[2]);
        queues.end(&'a');
        assert_eq!(queues.begin(), Some(('a', vec![21, 25, 29])));
        assert_eq!(queues.probe(&'a'), None);
        queues.end(&'a');
        assert!(queues.by_key.is_empty());
    }

    #[test]
    fn what_was_given_up_is_removed() {
        let mut queues = filled(LIMITS, &[('a', 2000), ('a', 3000), ('a', 1)]);
        queues.park(&'a', 4000);
        queues.purge(&'a');
        assert_eq!((queues.waiting(), queues.parked()), (1, 0));
        assert_eq!(queues.begin(), Some(('a', vec![1])));
    }
}
