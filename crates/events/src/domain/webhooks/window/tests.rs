//! What a window sends, and how far it comes, whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const SUBJECTS: u128 = 3;

fn subject(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn window(ordering: Ordering, max_in_flight: usize) -> Window {
    Window::new(ordering, max_in_flight, HashSet::new())
}

#[test]
fn events_of_one_subject_are_sent_one_after_the_other() {
    let mut window = window(Ordering::Subject, 8);
    for (position, of) in [(1, 1), (2, 1), (3, 2)] {
        window.push(position, subject(of), true);
    }
    assert_eq!(window.take_after(0), Some(1));
    assert_eq!(window.take_after(0), Some(3));
    assert_eq!(window.take_after(0), None);
    window.delivered(1);
    assert_eq!(window.take_after(0), Some(2));
}

#[test]
fn without_ordering_all_are_sent_at_the_same_time_up_to_the_limit() {
    let mut window = window(Ordering::Unordered, 2);
    for position in 1..=3 {
        window.push(position, subject(1), true);
    }
    assert_eq!(
        (window.take_after(0), window.take_after(0)),
        (Some(1), Some(2))
    );
    assert_eq!(window.take_after(0), None);
    window.delivered(2);
    assert_eq!(window.take_after(0), Some(3));
}

#[test]
fn the_position_stops_before_the_first_event_that_is_not_finished() {
    let mut window = window(Ordering::Subject, 8);
    for (position, of, is_wanted) in [(1, 1, true), (2, 2, true), (5, 3, false), (6, 3, true)] {
        window.push(position, subject(of), is_wanted);
    }
    assert_eq!(window.take_after(0), Some(1));
    assert_eq!(window.take_after(0), Some(2));
    window.delivered(2);
    assert_eq!(window.advance(), Progress::default());
    window.delivered(1);
    let progress = window.advance();
    assert_eq!((progress.position, progress.left), (Some(5), Vec::new()));
}

#[test]
fn a_rejected_event_is_left_behind_with_those_that_wait_for_it() {
    let mut window = window(Ordering::Subject, 8);
    for (position, of) in [(1, 1), (2, 1), (3, 2)] {
        window.push(position, subject(of), true);
    }
    assert_eq!(window.take_after(0), Some(1));
    window.rejected(1);
    window.push(4, subject(1), true);
    assert_eq!(window.take_after(0), Some(3));
    window.delivered(3);
    let left = |position, why| Left {
        position,
        subject: subject(1),
        why,
    };
    let progress = window.advance();
    assert_eq!(progress.position, Some(4));
    let expected = [
        left(1, LeftAs::Rejected),
        left(2, LeftAs::Behind),
        left(4, LeftAs::Behind),
    ];
    assert_eq!(progress.left, expected);
    window.unblock(subject(1));
    window.push(5, subject(1), true);
    assert_eq!(window.take_after(0), Some(5));
}

#[test]
fn an_event_that_did_not_reach_the_endpoint_is_sent_again() {
    let mut window = window(Ordering::Subject, 8);
    window.push(1, subject(1), true);
    assert_eq!(window.take_after(0), Some(1));
    window.not_sent(1);
    assert_eq!(window.advance(), Progress::default());
    assert_eq!(window.take_after(0), Some(1));
}

#[test]
fn each_probe_can_take_another_subject() {
    let mut window = window(Ordering::Subject, 8);
    for (position, of) in [(1, 1), (2, 1), (3, 2), (4, 3)] {
        window.push(position, subject(of), true);
    }
    let taken: Vec<_> = (0..5)
        .map(|skipped| {
            let taken = window.take_after(skipped);
            window.not_sent(taken.expect("an event"));
            taken
        })
        .collect();
    assert_eq!(taken, [1, 3, 4, 1, 3].map(Some));
    let mut empty = Window::new(Ordering::Subject, 8, HashSet::new());
    assert_eq!(empty.take_after(3), None);
}

/// The index of an event, whose positions begin with 1.
fn index(position: i64) -> usize {
    usize::try_from(position - 1).expect("a position")
}

/// An endpoint, its stored state, and the events.
struct Model {
    ordering: Ordering,
    events: Vec<(i64, Uuid, bool)>,
    window: Window,
    read: usize,
    in_flight: BTreeSet<i64>,
    position: i64,
    /// Stored events that are not delivered: whether each may be retried.
    stored: BTreeMap<i64, bool>,
    given_up: BTreeSet<i64>,
    delivered: Vec<i64>,
    /// What the window has delivered since the last crash.
    fresh: BTreeSet<i64>,
}

impl Model {
    fn new(ordering: Ordering, events: Vec<(u128, bool)>) -> Self {
        let numbered = events.into_iter().enumerate();
        let events = numbered
            .map(|(index, (of, is_wanted))| (index as i64 + 1, subject(of), is_wanted))
            .collect();
        Self {
            ordering,
            events,
            window: window(ordering, 3),
            read: 0,
            in_flight: BTreeSet::new(),
            position: 0,
            stored: BTreeMap::new(),
            given_up: BTreeSet::new(),
            delivered: Vec::new(),
            fresh: BTreeSet::new(),
        }
    }

    fn subject_of(&self, position: i64) -> Uuid {
        self.events[index(position)].1
    }

    fn stored_of(&self, of: Uuid) -> Vec<i64> {
        let of_it = |position: &i64| self.subject_of(*position) == of;
        self.stored.keys().copied().filter(of_it).collect()
    }

    /// The first stored event of each subject may be retried; without ordering all may.
    fn promote(&mut self) {
        let mut seen = HashSet::new();
        let positions: Vec<i64> = self.stored.keys().copied().collect();
        for position in positions {
            let is_first = seen.insert(self.subject_of(position));
            self.stored
                .insert(position, is_first || self.ordering == Ordering::Unordered);
        }
    }

    fn read(&mut self) {
        if let Some((position, of, is_wanted)) = self.events.get(self.read).copied()
            && self.window.room() > 0
        {
            self.window.push(position, of, is_wanted);
            self.read += 1;
        }
    }

    fn send(&mut self) {
        let Some(position) = self.window.take_after(0) else {
            return;
        };
        let of = self.subject_of(position);
        if self.ordering == Ordering::Subject {
            let ahead = self
                .in_flight
                .iter()
                .any(|other| self.subject_of(*other) == of);
            assert!(!ahead, "two events of a subject are in flight");
            assert!(
                self.stored_of(of).is_empty(),
                "an earlier event is not delivered"
            );
        }
        self.in_flight.insert(position);
    }

    fn answer(&mut self, pick: usize, answer: u8) {
        let Some(position) = self.in_flight.iter().copied().nth(pick % 3) else {
            return;
        };
        self.in_flight.remove(&position);
        match answer {
            0 => self.window.rejected(position),
            1 => self.window.not_sent(position),
            _ => {
                self.window.delivered(position);
                self.delivered.push(position);
                self.fresh.insert(position);
            }
        }
    }

    fn save(&mut self) {
        let progress = self.window.advance();
        if let Some(position) = progress.position {
            assert!(position > self.position);
            self.position = position;
        }
        for left in progress.left {
            assert_eq!(left.subject, self.subject_of(left.position));
            self.stored.insert(left.position, false);
        }
        self.promote();
    }

    fn retry(&mut self, pick: usize, answer: u8) {
        let due: Vec<i64> = self
            .stored
            .iter()
            .filter(|row| *row.1)
            .map(|row| *row.0)
            .collect();
        let Some(position) = due.get(pick % due.len().max(1)).copied() else {
            return;
        };
        let of = self.subject_of(position);
        match answer {
            0 => return,
            1 => {
                self.given_up.insert(position);
            }
            _ => self.delivered.push(position),
        }
        self.stored.remove(&position);
        if self.stored_of(of).is_empty() {
            self.window.unblock(of);
        }
        self.promote();
    }

    /// The turn ends: what is in flight is not received.
    fn finish(&mut self) {
        for position in std::mem::take(&mut self.in_flight) {
            self.window.not_sent(position);
        }
        self.window.leave_unsent();
        self.save();
        let done = self.fresh.last();
        assert!(
            done.is_none_or(|done| *done <= self.position),
            "a delivered event is sent again"
        );
        self.crash();
    }

    fn crash(&mut self) {
        let blocked = self
            .stored
            .keys()
            .map(|position| self.subject_of(*position))
            .collect();
        self.window = Window::new(self.ordering, 3, blocked);
        self.in_flight.clear();
        self.fresh.clear();
        self.read = index(self.position + 1);
    }

    fn drain(&mut self) {
        let mut rounds = 0;
        while self.position < self.events.len() as i64 || !self.stored.is_empty() {
            self.read();
            self.send();
            self.answer(0, 2);
            self.retry(0, 2);
            self.save();
            rounds += 1;
            assert!(rounds < 10_000, "the window stands still");
        }
    }

    fn check(&self) {
        for (position, _, is_wanted) in &self.events {
            let is_ended = self.delivered.contains(position) || self.given_up.contains(position);
            assert_eq!(is_ended, *is_wanted, "event {position}");
        }
        if self.ordering == Ordering::Unordered {
            return;
        }
        for number in 0..SUBJECTS {
            let mut first = Vec::new();
            for position in &self.delivered {
                if self.subject_of(*position) == subject(number) && !first.contains(position) {
                    first.push(*position);
                }
            }
            assert!(
                first.is_sorted(),
                "events of a subject overtook each other: {first:?}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_event_is_delivered_or_given_up_in_the_order_of_its_subject(
        is_ordered in any::<bool>(),
        events in prop::collection::vec((0..SUBJECTS, prop::bool::weighted(0.8)), 1..30),
        steps in prop::collection::vec((0..13_u8, 0..3_usize, 0..4_u8), 0..200),
    ) {
        let ordering = if is_ordered { Ordering::Subject } else { Ordering::Unordered };
        let mut model = Model::new(ordering, events);
        for (step, pick, answer) in steps {
            match step {
                0..=2 => model.read(),
                3..=5 => model.send(),
                6..=8 => model.answer(pick, answer),
                9 => model.save(),
                10 => model.retry(pick, answer),
                11 => model.finish(),
                _ => model.crash(),
            }
        }
        model.crash();
        model.drain();
        model.check();
    }
}
