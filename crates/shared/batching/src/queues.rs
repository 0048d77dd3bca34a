//! What waits and what is under way, by key: a structure without tasks or time.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use crate::Limits;

pub(crate) struct Queues<K, T> {
    limits: Limits,
    by_key: HashMap<K, Queue<T>>,
    /// The keys that have something waiting and may begin a batch, each once, in turn.
    ready: VecDeque<K>,
    in_flight: usize,
    waiting: usize,
}

struct Queue<T> {
    waiting: VecDeque<T>,
    in_flight: usize,
    is_ready: bool,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            in_flight: 0,
            is_ready: false,
        }
    }
}

impl<K: Clone + Eq + Hash, T> Queues<K, T> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            by_key: HashMap::new(),
            ready: VecDeque::new(),
            in_flight: 0,
            waiting: 0,
        }
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Puts an item at the end of its key's queue, or gives it back when that is full.
    pub(crate) fn push(&mut self, key: &K, item: T) -> Result<(), T> {
        let queue = self.by_key.entry(key.clone()).or_default();
        if queue.waiting.len() >= self.limits.waiting {
            return Err(item);
        }
        queue.waiting.push_back(item);
        self.waiting += 1;
        self.make_ready(key);
        Ok(())
    }

    /// The next batch, if one may begin: of the key whose turn it is, those that have waited longest.
    pub(crate) fn begin(&mut self) -> Option<(K, Vec<T>)> {
        if self.in_flight >= self.limits.in_flight {
            return None;
        }
        let key = self.ready.pop_front()?;
        let queue = self.by_key.get_mut(&key)?;
        queue.is_ready = false;
        let size = queue.waiting.len().min(self.limits.batch);
        let batch: Vec<T> = queue.waiting.drain(..size).collect();
        queue.in_flight += 1;
        self.in_flight += 1;
        self.waiting -= size;
        self.make_ready(&key);
        Some((key, batch))
    }

    /// A batch of this key has ended.
    pub(crate) fn end(&mut self, key: &K) {
        self.in_flight -= 1;
        if let Some(queue) = self.by_key.get_mut(key) {
            queue.in_flight -= 1;
            if queue.in_flight == 0 && queue.waiting.is_empty() {
                self.by_key.remove(key);
            }
        }
        self.make_ready(key);
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
    };

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
}
