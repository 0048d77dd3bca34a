//! The format of a gateway's codes. Other text is never stored, because it might repeat what we sent.

/// Longest code, in characters; the columns have the same limit.
const MAX_LENGTH: usize = 100;

/// Returns the text if it is 1 to 100 lower-case letters, digits and underscores and begins with a letter, so that a
/// card number never counts as a code.
pub(crate) fn usable(text: &str) -> Option<&str> {
    let of_a_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let begins = text.starts_with(|first: char| first.is_ascii_lowercase());
    (begins && text.len() <= MAX_LENGTH && text.bytes().all(of_a_code)).then_some(text)
}
