//! Where the head of a request ends, found while its bytes arrive.
//!
//! actix-web's dispatcher remembers the method, the version and `Connection` of the request that it has read last, and writes
//! the answer to an earlier one by them. So it is given one request at a time: a stream has to know where each one ends.

/// Longest beginning of a line that is looked at.
const LONGEST: usize = 64;

/// What follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Following {
    /// A body of so many bytes, or none.
    Sized(u64),
    /// A body that tells its end itself.
    Chunked,
}

/// Looks for the end of a head. What it finds decides only how much is read at a time: the dispatcher reads the same bytes, and
/// is the one who judges them.
#[derive(Debug)]
pub(super) struct HeadScanner {
    /// The beginning of the current line.
    line: Vec<u8>,
    /// Blank lines before a request are not its head.
    has_begun: bool,
    following: Following,
}

impl HeadScanner {
    pub(super) const fn new() -> Self {
        Self {
            line: Vec::new(),
            has_begun: false,
            following: Following::Sized(0),
        }
    }

    /// Reads on. Where the head ends among these bytes, returns how many of them belong to it, and what follows; the scanner is
    /// then at the beginning of the next one.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Option<(usize, Following)> {
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' if self.is_blank() && self.has_begun => {
                    let following = self.following;
                    *self = Self::new();
                    return Some((at + 1, following));
                }
                b'\n' => self.end_line(),
                byte if self.line.len() < LONGEST => self.line.push(*byte),
                _ => {}
            }
        }
        None
    }

    fn is_blank(&self) -> bool {
        matches!(self.line.as_slice(), [] | [b'\r'])
    }

    fn end_line(&mut self) {
        self.has_begun |= !self.is_blank();
        let line = String::from_utf8_lossy(&self.line).to_ascii_lowercase();
        match line.split_once(':') {
            Some(("content-length", value)) => {
                let length = value.trim().parse().unwrap_or(0);
                if self.following != Following::Chunked {
                    self.following = Following::Sized(length);
                }
            }
            Some(("transfer-encoding", _)) => self.following = Following::Chunked,
            _ => {}
        }
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_at_its_blank_line_however_its_bytes_arrive() {
        let head = "\r\nGET / HTTP/1.1\r\nhost: a\r\nContent-Length: 12\r\n\r\n";
        let after = "HEAD / HTTP/1.1\r\n";
        let all = format!("{head}{after}");
        for split in 0..head.len() {
            let mut scanner = HeadScanner::new();
            let (first, second) = all.as_bytes().split_at(split);
            assert_eq!(scanner.scan(first), None, "{split}");
            let found = scanner.scan(second);
            assert_eq!(found, Some((head.len() - split, Following::Sized(12))));
        }
    }

    #[test]
    fn what_follows_a_head_is_read_from_it() {
        for (head, following) in [
            ("GET / HTTP/1.1\n\n", Following::Sized(0)),
            (
                "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n",
                Following::Chunked,
            ),
            (
                "POST / HTTP/1.1\r\ncontent-length: nonsense\r\n\r\n",
                Following::Sized(0),
            ),
        ] {
            let mut scanner = HeadScanner::new();
            let found = scanner.scan(head.as_bytes());
            assert_eq!(found, Some((head.len(), following)), "{head:?}");
        }
    }
}
