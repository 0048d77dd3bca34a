//! Who decides about a waiting item: the batch that takes it, or the submitter that gives up.

use std::sync::atomic::{AtomicU8, Ordering};

const WAITING: u8 = 0;
const PARKED: u8 = 1;
const TAKEN: u8 = 2;
const GIVEN_UP: u8 = 3;

/// Where an item is, shared by its submitter and the queue.
#[derive(Default)]
pub(crate) struct Claim(AtomicU8);

/// How an item waited in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GivenUp {
    /// For its turn.
    Waiting,
    /// For what somebody else held.
    Parked,
}

impl Claim {
    /// The item's batch begins. False when its submitter has given up.
    pub(crate) fn take(&self) -> bool {
        self.replace(WAITING, TAKEN) || self.replace(PARKED, TAKEN)
    }

    /// The item that was taken waits again.
    pub(crate) fn park(&self) {
        self.replace(TAKEN, PARKED);
    }

    /// The submitter waits no longer. `None` when a batch has the item.
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
    fn an_item_is_taken_or_given_up_and_never_both() {
        let claim = Claim::default();
        assert!(claim.take());
        assert_eq!(claim.give_up(), None);
        claim.park();
        assert_eq!(claim.give_up(), Some(GivenUp::Parked));
        assert!(!claim.take() && claim.is_given_up());
        assert_eq!(Claim::default().give_up(), Some(GivenUp::Waiting));
    }
}
