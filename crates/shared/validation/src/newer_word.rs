//! Words stored by a newer version of the program.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Maximum number of words that are kept. Newer versions add only a few states, kinds and codes.
const MOST_WORDS: usize = 1000;

/// Maximum length of a word that is shown unchanged.
const LONGEST: usize = 64;

/// Replaces a word that can't be kept.
const UNKNOWN: &str = "unknown";

static WORDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// Keeps a stored word that this version of the program does not know, so that it can be shown unchanged. Logs each
/// word once.
///
/// During a rolling deployment, an older instance reads words that a newer one has written. One such word must not make
/// a whole list unreadable.
pub fn newer_word(word: &str) -> &'static str {
    if word.is_empty() || word.chars().count() > LONGEST {
        return UNKNOWN;
    }
    let mut words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(word) = words.get(word) {
        return word;
    }
    if words.len() >= MOST_WORDS {
        return UNKNOWN;
    }
    tracing::warn!(
        word,
        "a newer version of the program has stored a word that this one does not know"
    );
    // At most `MOST_WORDS` are leaked.
    let kept: &'static str = Box::leak(word.to_owned().into_boxed_str());
    words.insert(kept);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_kept_once_and_shown_unchanged() {
        let first = newer_word("PARTLY_SHIPPED");
        let second = newer_word(&["PARTLY", "SHIPPED"].join("_"));
        assert_eq!(first, "PARTLY_SHIPPED");
        assert!(std::ptr::eq(first, second));
    }

    #[test]
    fn text_that_is_not_a_word_is_unknown() {
        assert_eq!(newer_word(""), "unknown");
        assert_eq!(newer_word(&"x".repeat(65)), "unknown");
    }
}
