//! How long the pages of a list are.

/// How many entries a page may have: 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize(u32);

impl PageSize {
    /// What a page has unless asked for otherwise.
    pub const DEFAULT: Self = Self(20);
    const MAX: u32 = 100;

    /// A size within the limits.
    pub fn new(entries: u32) -> Option<Self> {
        (1..=Self::MAX).contains(&entries).then_some(Self(entries))
    }

    /// The number of entries.
    pub fn get(self) -> usize {
        self.0 as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_1_to_100_entries() {
        let sizes = [0, 1, 100, 101].map(|entries| PageSize::new(entries).is_some());
        assert_eq!(sizes, [false, true, true, false]);
    }
}
