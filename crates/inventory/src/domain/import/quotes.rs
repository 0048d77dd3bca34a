//! Detection of the end of a CSV record: a line break inside quotes is part of a cell (RFC 4180).

/// Tracks the quotes of a CSV file, byte by byte.
///
/// A quote opens a quoted cell only as its first character; elsewhere it is an ordinary character.
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
    /// After a quote inside quotes. A second quote is an escaped one; anything else ends the quoted part.
    QuoteInQuoted,
}

impl Quotes {
    /// Creates the state for the start of a record.
    pub(crate) fn new(delimiter: u8) -> Self {
        Self {
            delimiter,
            state: State::CellStart,
        }
    }

    /// Advances by one byte.
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

    /// Whether the next byte is inside quotes, where a line break does not end the record.
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
    fn quotes_open_only_at_the_start_of_a_cell_and_doubled_quotes_do_not_close() {
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
