//! What a gateway's code looks like. What does not is never kept: it might be something that we sent.

/// Longest code, in characters; the columns have the same limit.
const MAX_LENGTH: usize = 100;

/// The text, if it is 1 to 100 lower-case letters, digits and underscores and begins with a letter: so no card number is
/// taken for one.
pub(crate) fn usable(text: &str) -> Option<&str> {
    let of_a_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let begins = text.starts_with(|first: char| first.is_ascii_lowercase());
    (begins && text.len() <= MAX_LENGTH && text.bytes().all(of_a_code)).then_some(text)
}
