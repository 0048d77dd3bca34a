//! The claim on an entry of a work list.

/// The claim on an entry of a work list. Whatever ends the claim compares its number with the row, so that an instance
/// whose lease is over changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The number of the claim.
    pub claim: i64,
    /// How often the entry was tried, this time included.
    pub tries: u32,
}

impl Lease {
    /// From the columns `claim` and `tries`.
    pub const fn new(claim: i64, tries: i32) -> Self {
        Self {
            claim,
            tries: tries.unsigned_abs(),
        }
    }
}
