//! Adds up the results that test programs print.

/// The tests of all test programs so far.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Totals {
    pub(super) passed: u32,
    pub(super) failed: u32,
}

impl Totals {
    /// Reads a line of output. Only the closing line of a test program counts.
    pub(super) fn read(&mut self, line: &str) {
        let Some((_, counts)) = line.split_once("test result: ") else {
            return;
        };
        self.passed += count(counts, " passed");
        self.failed += count(counts, " failed");
    }
}

/// The number before a word, for example 12 for ` passed` in `ok. 12 passed; 0 failed; …`.
fn count(text: &str, word: &str) -> u32 {
    let before = text.find(word).map_or("", |position| &text[..position]);
    before
        .rsplit(|c: char| !c.is_ascii_digit())
        .next()
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_lines_of_test_programs_are_added_up() {
        let mut totals = Totals::default();
        totals.read("running 3 tests");
        totals.read("test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
        totals.read("test result: \u{1b}[31mFAILED\u{1b}[m. 3 passed; 2 failed; 0 ignored");
        assert_eq!(
            totals,
            Totals {
                passed: 15,
                failed: 2
            }
        );
    }
}
