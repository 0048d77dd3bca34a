//! Events behind an endpoint's position that it has not received.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use oms_validation::{Cursor, words};
use uuid::Uuid;

use crate::domain::key::EventKey;
use crate::domain::webhooks::attempt::AttemptOutcome;
use crate::domain::webhooks::endpoint::Ordering;

words! {
    DeliveryState, "Why an endpoint has not received an event.", {
        /// The endpoint rejected it, and it is sent again.
        Retrying = "retrying",
        /// It waits for an earlier event of its subject.
        Behind = "behind",
        /// It was rejected too often and is not sent again.
        Exhausted = "exhausted",
    }
}

/// An event that an endpoint has not received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its position in the feed.
    pub position: i64,
    /// The event.
    pub key: EventKey,
    /// What the event is about.
    pub subject_id: Uuid,
    /// Why it was not received.
    pub state: DeliveryState,
    /// How often it was rejected.
    pub tries: i32,
    /// When it is sent next. Only in the state `retrying`.
    pub due_at: DateTime<Utc>,
    /// What came of the last try.
    pub last_outcome: Option<AttemptOutcome>,
    /// The status that the endpoint answered.
    pub last_status: Option<u16>,
}

/// The end of a page of deliveries.
pub type DeliveryCursor = Cursor<u64>;

/// What is to be stored of the deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeliveryChanges {
    /// Rows to insert or to replace.
    pub(crate) written: Vec<Delivery>,
    /// Positions of rows to delete.
    pub(crate) deleted: Vec<i64>,
}

/// The deliveries of one endpoint that are not given up, while an instance sends to it.
///
/// With an order, of each subject only the first one is retried; the others wait behind it.
#[derive(Debug)]
pub(crate) struct Pending {
    ordering: Ordering,
    rows: BTreeMap<i64, Delivery>,
    in_flight: HashSet<i64>,
    changed: HashSet<i64>,
    exhausted: Vec<Delivery>,
    deleted: Vec<i64>,
}

impl Pending {
    /// Takes stored deliveries. Those that were stored under another order get the states of this one.
    pub(crate) fn new(ordering: Ordering, rows: Vec<Delivery>) -> Self {
        let mut pending = Self {
            ordering,
            rows: rows.into_iter().map(|row| (row.position, row)).collect(),
            in_flight: HashSet::new(),
            changed: HashSet::new(),
            exhausted: Vec::new(),
            deleted: Vec::new(),
        };
        let mut subjects = HashSet::new();
        for row in pending.rows.values_mut() {
            let is_first = subjects.insert(row.subject_id) || ordering == Ordering::Unordered;
            let state = match row.state {
                DeliveryState::Behind if is_first => DeliveryState::Retrying,
                DeliveryState::Retrying if !is_first => DeliveryState::Behind,
                _ => continue,
            };
            row.state = state;
            pending.changed.insert(row.position);
        }
        pending
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is a delivery at a position.
    pub(crate) fn has_at(&self, position: i64) -> bool {
        self.rows.contains_key(&position)
    }

    /// The subjects with deliveries.
    pub(crate) fn subjects(&self) -> HashSet<Uuid> {
        self.rows.values().map(|row| row.subject_id).collect()
    }

    /// Adds a delivery that the window left behind. The first of its subject is due now, unless it was rejected.
    pub(crate) fn add(&mut self, mut row: Delivery, now: DateTime<Utc>) {
        if row.state == DeliveryState::Behind && !self.has(row.subject_id) {
            row.state = DeliveryState::Retrying;
            row.due_at = now;
        }
        self.changed.insert(row.position);
        self.rows.insert(row.position, row);
    }

    /// Takes the delivery after `skipped` others that are due, and begins again with the first one after the last. Its
    /// outcome must be reported.
    pub(crate) fn take_after(&mut self, skipped: usize, now: DateTime<Utc>) -> Option<Delivery> {
        let due = match skipped {
            0 => self.due(now).next()?,
            _ => {
                let number = self.due(now).count();
                self.due(now).nth(skipped.checked_rem(number)?)?
            }
        };
        let due = due.clone();
        self.in_flight.insert(due.position);
        Some(due)
    }

    fn due(&self, now: DateTime<Utc>) -> impl Iterator<Item = &Delivery> {
        self.rows.values().filter(move |row| {
            row.state == DeliveryState::Retrying
                && row.due_at <= now
                && !self.in_flight.contains(&row.position)
        })
    }

    /// When the next delivery is due that is not in flight.
    pub(crate) fn next_due(&self) -> Option<DateTime<Utc>> {
        let rows = self.rows.values();
        let retrying = rows.filter(|row| row.state == DeliveryState::Retrying);
        retrying.map(|row| row.due_at).min()
    }

    /// The delivery was received. Returns its subject if it has no others.
    pub(crate) fn delivered(&mut self, position: i64, now: DateTime<Utc>) -> Option<Uuid> {
        let row = self.landed(position)?;
        self.changed.remove(&position);
        self.deleted.push(position);
        self.freed(row.subject_id, now)
    }

    /// The delivery was rejected. It is due again after `next`, or given up. Returns its subject if it has no others.
    pub(crate) fn rejected(
        &mut self,
        position: i64,
        outcome: AttemptOutcome,
        status: Option<u16>,
        next: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Option<Uuid> {
        let mut row = self.landed(position)?;
        row.tries = row.tries.saturating_add(1);
        (row.last_outcome, row.last_status) = (Some(outcome), status);
        if let Some(next) = next {
            row.due_at = next;
            self.changed.insert(position);
            self.rows.insert(position, row);
            return None;
        }
        row.state = DeliveryState::Exhausted;
        self.changed.remove(&position);
        let subject = row.subject_id;
        self.exhausted.push(row);
        self.freed(subject, now)
    }

    /// The endpoint could not be reached. The delivery is due as before.
    pub(crate) fn not_sent(&mut self, position: i64) {
        self.in_flight.remove(&position);
    }

    /// A request wants the delivery to be sent now. One that waits for another keeps its place. One that was given up gets
    /// all its tries again.
    pub(crate) fn retry(&mut self, mut row: Delivery, now: DateTime<Utc>) {
        match row.state {
            DeliveryState::Behind | DeliveryState::Other(_) => return,
            DeliveryState::Retrying => {}
            DeliveryState::Exhausted => (row.state, row.tries) = (DeliveryState::Retrying, 0),
        }
        row.due_at = now;
        self.changed.insert(row.position);
        self.rows.insert(row.position, row);
    }

    /// A request gives the delivery up.
    pub(crate) fn skip(&mut self, position: i64, now: DateTime<Utc>) {
        let Some(mut row) = self.rows.remove(&position) else {
            return;
        };
        let was_first = row.state == DeliveryState::Retrying;
        let subject = row.subject_id;
        row.state = DeliveryState::Exhausted;
        self.changed.remove(&position);
        self.exhausted.push(row);
        if was_first {
            self.freed(subject, now);
        }
    }

    /// What changed since it was last asked.
    pub(crate) fn changes(&mut self) -> DeliveryChanges {
        let changed = std::mem::take(&mut self.changed);
        let rows = changed
            .iter()
            .filter_map(|position| self.rows.get(position));
        let mut written: Vec<Delivery> = rows.cloned().collect();
        written.append(&mut self.exhausted);
        written.sort_by_key(|row| row.position);
        DeliveryChanges {
            written,
            deleted: std::mem::take(&mut self.deleted),
        }
    }

    fn has(&self, subject: Uuid) -> bool {
        let is_of_it = |row: &Delivery| row.subject_id == subject;
        self.ordering != Ordering::Unordered && self.rows.values().any(is_of_it)
    }

    fn landed(&mut self, position: i64) -> Option<Delivery> {
        match self.in_flight.remove(&position) {
            true => self.rows.remove(&position),
            false => None,
        }
    }

    /// The first delivery of a subject is gone: the next one no longer waits.
    fn freed(&mut self, subject: Uuid, now: DateTime<Utc>) -> Option<Uuid> {
        if self.ordering == Ordering::Unordered {
            return None;
        }
        let next = self.rows.values_mut().find(|row| row.subject_id == subject);
        let Some(next) = next else {
            return Some(subject);
        };
        if next.state == DeliveryState::Behind {
            next.state = DeliveryState::Retrying;
            next.due_at = now;
            self.changed.insert(next.position);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(position: i64, of: u128, state: DeliveryState) -> Delivery {
        Delivery {
            position,
            key: EventKey {
                subject_id: Uuid::from_u128(of),
                number: 1,
            },
            subject_id: Uuid::from_u128(of),
            state,
            tries: 1,
            due_at: DateTime::UNIX_EPOCH,
            last_outcome: None,
            last_status: None,
        }
    }

    fn states(pending: &Pending) -> Vec<DeliveryState> {
        pending.rows.values().map(|row| row.state).collect()
    }

    use DeliveryState::{Behind, Retrying};

    #[test]
    fn what_waited_under_an_order_is_sent_without_one() {
        let rows = vec![row(1, 1, Retrying), row(2, 1, Behind), row(3, 1, Behind)];
        let mut pending = Pending::new(Ordering::Unordered, rows);
        assert_eq!(states(&pending), [Retrying; 3]);
        let written = pending.changes().written;
        let positions: Vec<i64> = written.iter().map(|row| row.position).collect();
        assert_eq!(positions, [2, 3]);
    }

    #[test]
    fn of_each_subject_only_the_first_is_sent_under_an_order() {
        let rows = vec![
            row(1, 1, Retrying),
            row(2, 2, Retrying),
            row(3, 1, Retrying),
        ];
        let pending = Pending::new(Ordering::Subject, rows);
        assert_eq!(states(&pending), [Retrying, Retrying, Behind]);
    }

    #[test]
    fn each_probe_can_take_another_delivery() {
        let rows = vec![row(1, 1, Retrying), row(2, 2, Retrying), row(3, 2, Behind)];
        let mut pending = Pending::new(Ordering::Subject, rows);
        let now = DateTime::UNIX_EPOCH;
        let taken: Vec<i64> = (0..3)
            .map(|skipped| {
                let taken = pending.take_after(skipped, now).expect("a delivery");
                pending.not_sent(taken.position);
                taken.position
            })
            .collect();
        assert_eq!(taken, [1, 2, 1]);
    }
}
