//! Where a CSV record ends: a line break inside quotes is part of a cell (RFC 4180).

/// Follows the quotes of a CSV file, byte by byte.
///
/// A quote opens a quoted cell only as its first character; elsewhere it is a character like others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quotes {
    delimiter: u8,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    CellStart,
    Unquoted,
    Quoted,
    /// After a quote inside quotes: a second one is a character, anything else ends the quoted part.
    QuoteInQuoted,
}

impl Quotes {
    /// At the start of a record of a file whose cells `delimiter` separates.
    pub(crate) fn new(delimiter: u8) -> Self {
        Self {
            delimiter,
            state: State::CellStart,
        }
    }

    /// Moves on by one byte.
    pub(crate) fn step(&mut self, byte: u8) {
        self.state = match (self.state, byte) {
            (State::CellStart | State::QuoteInQuoted, b'"') => State::Quoted,
            (State::Quoted, b'"') => State::QuoteInQuoted,
            (State::Quoted, _) => State::Quoted,
            (_, b'\n' | b'\r') => State::CellStart,
            (_, byte) if byte == self.delimiter => State::CellStart,
            _ => State::Unquoted,
        };
    }

    /// Whether the next byte is inside quotes, where a line break ends no record.
    pub(crate) fn are_open(self) -> bool {
        self.state == State::Quoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_after(text: &str) -> bool {
        let mut quotes = Quotes::new(b',');
        text.bytes().for_each(|byte| quotes.step(byte));
        quotes.are_open()
    }

    #[test]
    fn quotes_open_at_the_start_of_a_cell_only_and_doubled_ones_close_nothing() {
        for open in [
            "\"",
            "a,\"b",
            "\"a\"\"",
            "\"a\n",
            "\"a\n\"\"b,",
            "\n\"a",
            "\r\"a",
        ] {
            assert!(open_after(open), "{open:?}");
        }
        for closed in [
            "",
            "a\"b",
            "\"a\"",
            "\"a\"b",
            "\"a\"\"\"",
            " \"a",
            "\"a\nb\"\n",
        ] {
            assert!(!open_after(closed), "{closed:?}");
        }
    }
}
