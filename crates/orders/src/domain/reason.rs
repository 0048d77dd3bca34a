//! Reasons, in words.

pub use oms_validation::Reason;

/// Truncates a text to the length of a column for reasons.
pub(crate) fn cut(text: &str) -> String {
    text.chars().take(Reason::MAX_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_truncated_between_characters() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&"ä".repeat(600)), "ä".repeat(500));
    }
}
