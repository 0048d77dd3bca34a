//! The events that an endpoint is being sent: which may go out now, and how far it has come.

use std::collections::{HashSet, VecDeque};

use uuid::Uuid;

use crate::domain::webhooks::endpoint::Ordering;

/// Maximum number of events in a window.
pub(crate) const WINDOW: usize = 256;

/// An event that an endpoint has not received, and that the window leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) position: i64,
    pub(crate) subject: Uuid,
    pub(crate) why: LeftAs,
}

/// Why the window leaves an event behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftAs {
    /// The endpoint rejected it, or it was not sent in its turn: it is sent again.
    Rejected,
    /// It waits for an earlier event of its subject.
    Behind,
}

/// How far the window has come since it was last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The position up to which every event was delivered, was not wanted, or is in `left`.
    pub(crate) position: Option<i64>,
    /// What must be stored together with the position.
    pub(crate) left: Vec<Left>,
}

/// A bounded number of events after an endpoint's position, oldest first.
///
/// The position moves only past events that are delivered, not wanted, or handed over as [`Left`]. So a crash repeats
/// deliveries, and loses none.
#[derive(Debug)]
pub(crate) struct Window {
    ordering: Ordering,
    max_in_flight: usize,
    slots: VecDeque<Slot>,
    /// Subjects with a stored event that is not delivered yet.
    blocked: HashSet<Uuid>,
    in_flight: usize,
}

#[derive(Debug)]
struct Slot {
    position: i64,
    subject: Uuid,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    InFlight,
    Done,
    Left(LeftAs),
}

impl Window {
    /// An empty window. `blocked` are the subjects whose stored events are not delivered yet.
    pub(crate) fn new(ordering: Ordering, max_in_flight: usize, blocked: HashSet<Uuid>) -> Self {
        Self {
            ordering,
            max_in_flight,
            slots: VecDeque::new(),
            blocked,
            in_flight: 0,
        }
    }

    /// How many more events fit.
    pub(crate) fn room(&self) -> usize {
        WINDOW.saturating_sub(self.slots.len())
    }

    /// Appends the next event. One that the endpoint does not want counts as delivered.
    pub(crate) fn push(&mut self, position: i64, subject: Uuid, is_wanted: bool) {
        assert!(
            self.slots
                .back()
                .is_none_or(|last| last.position < position)
        );
        let state = match is_wanted {
            false => State::Done,
            true if self.is_blocked(subject) => State::Left(LeftAs::Behind),
            true => State::Waiting,
        };
        self.slots.push_back(Slot {
            position,
            subject,
            state,
        });
    }

    /// Takes the event after `skipped` others that may be sent now, and begins again with the first one after the last.
    /// Its outcome must be reported.
    pub(crate) fn take_after(&mut self, skipped: usize) -> Option<i64> {
        if self.in_flight >= self.max_in_flight {
            return None;
        }
        let next = match skipped {
            0 => self.sendable().next()?,
            _ => {
                let number = self.sendable().count();
                self.sendable().nth(skipped.checked_rem(number)?)?
            }
        };
        let slot = self.slots.get_mut(next)?;
        slot.state = State::InFlight;
        self.in_flight += 1;
        Some(slot.position)
    }

    /// The event was delivered.
    pub(crate) fn delivered(&mut self, position: i64) {
        self.landed(position, State::Done);
    }

    /// The endpoint rejected the event. Those of its subject that follow wait for it.
    pub(crate) fn rejected(&mut self, position: i64) {
        if let Some(subject) = self.landed(position, State::Left(LeftAs::Rejected)) {
            self.block(subject);
        }
    }

    /// Leaves behind what was not sent before something that was delivered, so that nothing is delivered again when the
    /// window is given up. Nothing may be in flight.
    pub(crate) fn leave_unsent(&mut self) {
        let is_done = |slot: &Slot| slot.state == State::Done;
        let end = self.slots.iter().rposition(is_done).unwrap_or_default();
        for index in 0..end {
            let Some(slot) = self.slots.get_mut(index) else {
                return;
            };
            if slot.state == State::Waiting {
                slot.state = State::Left(LeftAs::Rejected);
                let subject = slot.subject;
                self.block(subject);
            }
        }
    }

    /// Lets the events of a subject that were not sent wait for an earlier one.
    fn block(&mut self, subject: Uuid) {
        if self.ordering == Ordering::Unordered {
            return;
        }
        self.blocked.insert(subject);
        for slot in &mut self.slots {
            if slot.subject == subject && slot.state == State::Waiting {
                slot.state = State::Left(LeftAs::Behind);
            }
        }
    }

    /// The endpoint could not be reached: the event is sent again.
    pub(crate) fn not_sent(&mut self, position: i64) {
        self.landed(position, State::Waiting);
    }

    /// The stored events of a subject are delivered or given up.
    pub(crate) fn unblock(&mut self, subject: Uuid) {
        // What was left behind stays left: its order is that of the stored events.
        let is_left = |slot: &Slot| slot.subject == subject && matches!(slot.state, State::Left(_));
        if !self.slots.iter().any(is_left) {
            self.blocked.remove(&subject);
        }
    }

    /// Removes what is finished from the front.
    pub(crate) fn advance(&mut self) -> Progress {
        let mut progress = Progress::default();
        while let Some(slot) = self.slots.front() {
            match slot.state {
                State::Waiting | State::InFlight => break,
                State::Done => {}
                State::Left(why) => progress.left.push(Left {
                    position: slot.position,
                    subject: slot.subject,
                    why,
                }),
            }
            progress.position = Some(slot.position);
            self.slots.pop_front();
        }
        progress
    }

    fn is_blocked(&self, subject: Uuid) -> bool {
        self.ordering != Ordering::Unordered && self.blocked.contains(&subject)
    }

    /// The slots that may be sent now: of each subject the first one that is not delivered, unless it is in flight.
    fn sendable(&self) -> impl Iterator<Item = usize> {
        let mut ahead = HashSet::new();
        let mut may_be_sent = move |slot: &Slot| match slot.state {
            State::Waiting if self.ordering == Ordering::Unordered => true,
            State::Waiting => ahead.insert(slot.subject),
            State::InFlight => {
                ahead.insert(slot.subject);
                false
            }
            State::Done | State::Left(_) => false,
        };
        let slots = self.slots.iter().enumerate();
        slots.filter_map(move |(index, slot)| may_be_sent(slot).then_some(index))
    }

    fn landed(&mut self, position: i64, state: State) -> Option<Uuid> {
        let found = self
            .slots
            .binary_search_by_key(&position, |slot| slot.position);
        let slot = self.slots.get_mut(found.ok()?)?;
        if slot.state != State::InFlight {
            return None;
        }
        slot.state = state;
        self.in_flight -= 1;
        Some(slot.subject)
    }
}

#[cfg(test)]
mod tests;
