//! The queues and the batches in progress, by key. A pure data structure without tasks or time.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;

use crate::Limits;

/// An item that can wait.
pub(crate) trait Queued {
    /// The order of items that return to the queue.
    type Arrival: Ord;
    /// A resource that an item may wait for.
    type Blocker: Eq + Hash + Clone;

    fn arrival(&self) -> Self::Arrival;
    fn blocker(&self) -> Option<&Self::Blocker>;
    fn is_given_up(&self) -> bool;
}

pub(crate) struct Queues<K, T> {
    limits: Limits,
    by_key: HashMap<K, Queue<T>>,
    /// The distinct keys that have waiting items and may start a batch, in turn.
    ready: VecDeque<K>,
    in_flight: usize,
    overdue: usize,
    waiting: usize,
    parked: usize,
}

struct Queue<T> {
    waiting: VecDeque<T>,
    /// The items that wait for a held resource, in arrival order.
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

    /// The number of items that wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// The number of items that wait for a held resource.
    pub(crate) fn parked(&self) -> usize {
        self.parked
    }

    /// Appends an item to its key's queue, or returns it if the queue is full.
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

    /// Parks an item until its blocker is free. Returns whether the caller must start a probe for the key.
    pub(crate) fn park(&mut self, key: &K, item: T) -> bool {
        let queue = self.by_key.entry(key.clone()).or_default();
        insert(&mut queue.parked, item);
        self.parked += 1;
        !std::mem::replace(&mut queue.is_probed, true)
    }

    /// Returns the distinct blockers of a key's parked items, the longest wait first.
    pub(crate) fn blockers(&self, key: &K) -> Vec<T::Blocker> {
        let parked = self.by_key.get(key).map(|queue| &queue.parked);
        let blockers = parked.into_iter().flatten().filter_map(Queued::blocker);
        let mut seen = HashSet::new();
        blockers.filter(|it| seen.insert(*it)).cloned().collect()
    }

    /// Returns the blockers that the probe of a key must check. `None` ends the probe.
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

    /// Returns the items whose blockers are free to the queue, in arrival order.
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

    /// Removes the items of a key whose submitters have given up. Submitters give up in arrival order, so checking the
    /// front of the queue is enough.
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

    /// Returns the next batch, if one may start: the items of the next key in turn that have waited longest.
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

    /// Takes the slot from an overdue batch of the key, so that another may start. Returns `false` if too many batches
    /// are already without a slot.
    pub(crate) fn let_go(&mut self, key: &K) -> bool {
        if self.overdue >= self.limits.most_overdue {
            return false;
        }
        self.overdue += 1;
        self.free_place(key);
        true
    }

    /// Ends a batch of the key.
    pub(crate) fn end(&mut self, key: &K) {
        self.free_place(key);
    }

    /// Ends a batch without a slot.
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

/// Inserts an item after those that arrived before it.
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

    /// A number waits for its tens digit, and was given up if it is over 1,000.
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
    fn a_batch_takes_waiting_items_up_to_its_limit_in_arrival_order() {
        let mut queues = filled(LIMITS, &[('a', 1), ('a', 2), ('a', 3), ('a', 4)]);
        assert_eq!(queues.begin(), Some(('a', vec![1, 2, 3])));
        assert_eq!(queues.begin(), None, "a second batch of the key started");
        queues.end(&'a');
        assert_eq!(queues.begin(), Some(('a', vec![4])));
        queues.end(&'a');
        assert_eq!((queues.begin(), queues.waiting()), (None, 0));
        assert!(queues.by_key.is_empty(), "an idle key was kept");
    }

    #[test]
    fn an_item_over_the_limit_of_waiting_items_is_returned() {
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
    fn batches_in_flight_are_bounded_per_key_and_in_total() {
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
    fn a_bounded_number_of_overdue_batches_gives_up_their_slots() {
        let mut queues = filled(LIMITS, &[('a', 1), ('a', 2), ('a', 3), ('a', 4)]);
        queues.begin();
        assert!(queues.let_go(&'a'));
        assert_eq!(queues.begin(), Some(('a', vec![4])));
        assert!(
            !queues.let_go(&'a'),
            "a second overdue batch gave up its slot"
        );
        queues.end_overdue();
        assert!(queues.let_go(&'a'));
        queues.end_overdue();
        assert!(queues.by_key.is_empty());
    }

    #[test]
    fn parked_items_return_before_items_that_arrived_later() {
        let mut queues = filled(LIMITS, &[('a', 15), ('a', 25), ('a', 29)]);
        assert!(
            queues.park(&'a', 11),
            "the first parked item did not start a probe"
        );
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
    fn given_up_items_are_removed() {
        let mut queues = filled(LIMITS, &[('a', 2000), ('a', 3000), ('a', 1)]);
        queues.park(&'a', 4000);
        queues.purge(&'a');
        assert_eq!((queues.waiting(), queues.parked()), (1, 0));
        assert_eq!(queues.begin(), Some(('a', vec![1])));
    }
}
