//! What the relay takes from the outbox at a time, and the order in which it gets positions.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::domain::key::EventKey;

/// Maximum number of events of a segment, so that a page reads few more than it shows.
const SEGMENT_EVENTS: usize = 1000;

/// The events that one transaction has appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) id: Uuid,
    pub(crate) keys: Vec<EventKey>,
}

/// Consecutive events of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The position of the last event.
    pub(crate) last_position: i64,
    pub(crate) keys: Vec<EventKey>,
}

/// The highest number of each order that was relayed in a turn.
#[derive(Clone, Debug, Default)]
pub(crate) struct Relayed(HashMap<Uuid, i32>);

impl Relayed {
    /// Adds events that were relayed.
    pub(crate) fn add(&mut self, keys: &[EventKey]) {
        for key in keys.iter().filter(|key| !key.is_record()) {
            let number = self.0.entry(key.subject_id).or_default();
            *number = key.number.max(*number);
        }
    }
}

/// Envelopes that are relayed in one transaction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batch {
    envelopes: Vec<Envelope>,
}

impl Batch {
    pub(crate) fn new(envelopes: Vec<Envelope>) -> Self {
        Self { envelopes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.envelopes.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.envelopes.len()
    }

    /// The IDs of the envelopes.
    pub(crate) fn ids(&self) -> Vec<Uuid> {
        self.envelopes.iter().map(|it| it.id).collect()
    }

    /// The highest number of each order that may have earlier events outside the batch, given what was relayed just
    /// before. An order has none if the batch has all its events from the first one on, or from the one after the last
    /// that was relayed: events of an order are relayed in their order.
    pub(crate) fn latest(&self, relayed: &Relayed) -> HashMap<Uuid, i32> {
        let mut orders: HashMap<Uuid, (i32, i32, i32)> = HashMap::new();
        let keys = self.envelopes.iter().flat_map(|it| &it.keys);
        for key in keys.filter(|key| !key.is_record()) {
            let number = key.number;
            let (count, first, last) = orders.entry(key.subject_id).or_insert((0, number, number));
            *count += 1;
            (*first, *last) = (number.min(*first), number.max(*last));
        }
        let may_have_earlier = |(id, (count, first, last)): (Uuid, (i32, i32, i32))| {
            let before = relayed.0.get(&id).copied().unwrap_or_default();
            let is_complete = first <= before + 1 && count == last - first + 1;
            (!is_complete).then_some((id, last))
        };
        orders.into_iter().filter_map(may_have_earlier).collect()
    }

    /// Adds envelopes with earlier events, except those that the batch has. Returns whether it has grown.
    pub(crate) fn add(&mut self, earlier: Vec<Envelope>) -> bool {
        let before = self.len();
        let mut known: HashSet<Uuid> = self.ids().into_iter().collect();
        let new = earlier.into_iter().filter(|it| known.insert(it.id));
        self.envelopes.extend(new);
        self.len() > before
    }

    /// The events in the order of the feed: envelopes by ID, and the events of each order by number. The clocks that
    /// made the IDs may disagree, so the events of an order are sorted among their places.
    pub(crate) fn in_order(mut self) -> Vec<EventKey> {
        self.envelopes.sort_by_key(|it| it.id);
        let mut keys: Vec<EventKey> = self.envelopes.into_iter().flat_map(|it| it.keys).collect();
        let mut places: HashMap<Uuid, Vec<usize>> = HashMap::new();
        for (place, key) in keys.iter().enumerate() {
            places.entry(key.subject_id).or_default().push(place);
        }
        for places in places.into_values().filter(|places| places.len() > 1) {
            let mut numbers: Vec<i32> = places.iter().map(|place| keys[*place].number).collect();
            numbers.sort_unstable();
            for (place, number) in places.into_iter().zip(numbers) {
                keys[place].number = number;
            }
        }
        keys
    }
}

/// Gives the events the positions after `position`.
pub(crate) fn segments(keys: &[EventKey], position: i64) -> Vec<Segment> {
    let mut last_position = position;
    let segment = |keys: &[EventKey]| {
        last_position += i64::try_from(keys.len()).unwrap_or(i64::MAX);
        Segment {
            last_position,
            keys: keys.to_vec(),
        }
    };
    keys.chunks(SEGMENT_EVENTS).map(segment).collect()
}

impl Segment {
    /// Its events with their positions.
    pub(crate) fn positioned(&self) -> impl Iterator<Item = (i64, EventKey)> + '_ {
        let first = self.last_position - i64::try_from(self.keys.len()).unwrap_or(i64::MAX) + 1;
        (first..).zip(self.keys.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(id: u128, keys: &[(u128, i32)]) -> Envelope {
        let key = |(subject, number): &(u128, i32)| EventKey {
            subject_id: Uuid::from_u128(*subject),
            number: *number,
        };
        Envelope {
            id: Uuid::from_u128(id),
            keys: keys.iter().map(key).collect(),
        }
    }

    fn shown(keys: &[EventKey]) -> Vec<(u128, i32)> {
        let shown = |key: &EventKey| (key.subject_id.as_u128(), key.number);
        keys.iter().map(shown).collect()
    }

    #[test]
    fn the_events_of_an_order_are_in_order_whatever_the_clocks_say() {
        let batch = Batch::new(vec![
            envelope(30, &[(1, 1), (2, 1)]),
            envelope(10, &[(1, 3)]),
            envelope(20, &[(1, 2), (3, 1)]),
        ]);
        assert_eq!(
            shown(&batch.in_order()),
            [(1, 1), (1, 2), (3, 1), (1, 3), (2, 1)]
        );
    }

    #[test]
    fn earlier_events_are_looked_for_only_of_orders_that_may_have_some() {
        let batch = Batch::new(vec![
            envelope(1, &[(1, 1), (2, 2), (4, 0)]),
            envelope(2, &[(2, 3), (3, 2), (3, 1), (5, 1), (5, 3), (6, 7)]),
        ]);
        let latest = |relayed: &[(u128, i32)]| {
            let mut before = Relayed::default();
            before.add(&envelope(0, relayed).keys);
            let latest = batch.latest(&before).into_iter();
            let mut latest: Vec<_> = latest.map(|(id, number)| (id.as_u128(), number)).collect();
            latest.sort_unstable();
            latest
        };
        assert_eq!(latest(&[]), [(2, 3), (5, 3), (6, 7)]);
        // What precedes the events of order 2 was relayed, and of order 6 not everything.
        assert_eq!(latest(&[(2, 1), (6, 5), (6, 4)]), [(5, 3), (6, 7)]);
    }

    #[test]
    fn an_envelope_is_added_once() {
        let mut batch = Batch::new(vec![envelope(1, &[(1, 2)])]);
        assert!(batch.add(vec![envelope(2, &[(1, 1)]), envelope(2, &[(1, 1)])]));
        assert!(!batch.add(vec![envelope(2, &[(1, 1)])]));
        assert_eq!(batch.ids().len(), 2);
    }

    #[test]
    fn positions_are_consecutive_over_segments() {
        let keys: Vec<EventKey> = (0..2500)
            .map(|number| EventKey::of_record(Uuid::from_u128(number)))
            .collect();
        let made = segments(&keys, 7);
        let lasts: Vec<i64> = made.iter().map(|it| it.last_position).collect();
        assert_eq!(lasts, [1007, 2007, 2507]);
        let positions: Vec<i64> = made
            .iter()
            .flat_map(Segment::positioned)
            .map(|it| it.0)
            .collect();
        assert_eq!(positions, (8..=2507).collect::<Vec<_>>());
    }
}
