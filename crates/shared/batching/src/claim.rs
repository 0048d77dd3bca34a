//! Ownership of a waiting item: either a batch takes it, or its submitter gives it up.

use std::sync::atomic::{AtomicU8, Ordering};

const WAITING: u8 = 0;
const PARKED: u8 = 1;
const TAKEN: u8 = 2;
const GIVEN_UP: u8 = 3;

/// The state of an item, shared by its submitter and the queue.
#[derive(Default)]
pub(crate) struct Claim(AtomicU8);

/// What a given-up item was waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GivenUp {
    /// Its turn.
    Waiting,
    /// A held resource.
    Parked,
}

impl Claim {
    /// Takes the item for a batch. Returns `false` if its submitter has given up.
    pub(crate) fn take(&self) -> bool {
        self.replace(WAITING, TAKEN) || self.replace(PARKED, TAKEN)
    }

    /// Makes a taken item wait again.
    pub(crate) fn park(&self) {
        self.replace(TAKEN, PARKED);
    }

    /// Gives up the wait of the submitter. Returns `None` if a batch has taken the item.
    pub(crate) fn give_up(&self) -> Option<GivenUp> {
        if self.replace(WAITING, GIVEN_UP) {
            return Some(GivenUp::Waiting);
        }
        self.replace(PARKED, GIVEN_UP).then_some(GivenUp::Parked)
    }

    /// Whether the submitter has given up.
    pub(crate) fn is_given_up(&self) -> bool {
        self.0.load(Ordering::Acquire) == GIVEN_UP
    }

    fn replace(&self, from: u8, to: u8) -> bool {
        let order = Ordering::AcqRel;
        self.0
            .compare_exchange(from, to, order, Ordering::Acquire)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_either_taken_or_given_up() {
        let claim = Claim::default();
        assert!(claim.take());
        assert_eq!(claim.give_up(), None);
        claim.park();
        assert_eq!(claim.give_up(), Some(GivenUp::Parked));
        assert!(!claim.take() && claim.is_given_up());
        assert_eq!(Claim::default().give_up(), Some(GivenUp::Waiting));
    }
}
