//! The claim on an entry of a work list.

/// The claim on an entry of a work list. Every statement that ends the claim compares its number with the row, so an
/// instance whose lease has expired changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The number of the claim.
    pub claim: i64,
    /// The number of tries, including this one.
    pub tries: u32,
}

impl Lease {
    /// Creates a lease from the columns `claim` and `tries`.
    pub const fn new(claim: i64, tries: i32) -> Self {
        Self {
            claim,
            tries: tries.unsigned_abs(),
        }
    }
}
