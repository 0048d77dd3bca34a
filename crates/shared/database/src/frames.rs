//! Minimal framing of PostgreSQL's protocol: where each message begins, and its type.

/// Finds the messages in one direction of a connection. A message has a type byte, then a length that includes itself.
#[derive(Debug)]
pub(crate) struct Frames {
    header: [u8; 5],
    filled: usize,
    body: usize,
}

impl Frames {
    /// Creates frames for messages from a server.
    pub(crate) const fn of_server() -> Self {
        Self {
            header: [0; 5],
            filled: 0,
            body: 0,
        }
    }

    /// Creates frames for messages from a client. Its first message has no type and is reported as 0.
    pub(crate) const fn of_client() -> Self {
        Self {
            filled: 1,
            ..Self::of_server()
        }
    }

    /// Counts the messages whose header ends in these bytes and whose type is selected.
    pub(crate) fn count(&mut self, mut bytes: &[u8], is_counted: impl Fn(u8) -> bool) -> usize {
        let mut counted = 0;
        while !bytes.is_empty() {
            if self.body > 0 {
                let skipped = self.body.min(bytes.len());
                self.body -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            let taken = (self.header.len() - self.filled).min(bytes.len());
            self.header[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            self.filled += taken;
            bytes = &bytes[taken..];
            if self.filled == self.header.len() {
                let [kind, length @ ..] = self.header;
                counted += usize::from(is_counted(kind));
                self.body = (u32::from_be_bytes(length) as usize).saturating_sub(4);
                self.filled = 0;
            }
        }
        counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: usize) -> Vec<u8> {
        let length = u32::try_from(body + 4).unwrap();
        let mut message = vec![kind];
        message.extend(length.to_be_bytes());
        message.extend(vec![b'Z'; body]);
        message
    }

    #[test]
    fn messages_are_found_in_chunks_of_any_size() {
        let bytes: Vec<u8> = [
            message(b'T', 40),
            message(b'Z', 1),
            message(b'Z', 0),
            message(b'D', 3),
        ]
        .concat();
        for size in 1..bytes.len() {
            let mut frames = Frames::of_server();
            let chunks = bytes.chunks(size);
            let counted: usize = chunks
                .map(|chunk| frames.count(chunk, |kind| kind == b'Z'))
                .sum();
            assert_eq!(counted, 2, "in chunks of {size}");
        }
    }

    #[test]
    fn the_first_message_of_a_client_has_no_type() {
        let mut bytes = message(0, 60).split_off(1);
        bytes.extend(message(b'Q', 1));
        let mut frames = Frames::of_client();
        assert_eq!(frames.count(&bytes, |kind| matches!(kind, 0 | b'Q')), 2);
    }
}
