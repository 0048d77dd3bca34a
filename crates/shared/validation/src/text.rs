//! Normalises text that people write: equal-looking texts get the same characters, and hidden characters are removed.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// The text in Unicode's normalization form C, without [hidden](is_hidden) characters.
///
/// Text that is already in this form is returned unchanged: fingerprints of requests are computed from the result and
/// must not change.
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let visible = without_hidden(text);
    match is_nfc_quick(visible.chars()) {
        IsNormalized::Yes => visible,
        IsNormalized::No | IsNormalized::Maybe => Cow::Owned(visible.nfc().collect()),
    }
}

/// Like [`visible`], and without surrounding white space.
pub fn tidy(text: &str) -> Cow<'_, str> {
    match visible(text) {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// Joins the lines of a text with commas. Each line is tidied, and a tab counts as a blank.
pub fn one_line(text: &str) -> String {
    let text = text.trim();
    if !text.contains(is_line_break) {
        return tidy(&text.replace('\t', " ")).into_owned();
    }
    let lines = text.split(is_line_break).map(|line| {
        let line = line.replace('\t', " ");
        tidy(&line).trim_matches([',', ' ']).to_owned()
    });
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    lines.join(", ")
}

/// Whether the text has no visible character. Forms send such text for fields that nobody filled in.
pub fn is_blank(text: &str) -> bool {
    tidy(text).is_empty()
}

/// Whether the text contains a character that [`is_hidden`].
pub fn has_hidden(text: &str) -> bool {
    !text.is_ascii() && text.contains(is_hidden)
}

/// Whether a character is invisible, or changes the order in which others are displayed. Such characters make different
/// texts look the same, or one text look like another. Control characters are not included.
pub fn is_hidden(character: char) -> bool {
    matches!(character,
        // Soft hyphen, grapheme joiner, Arabic letter mark, Hangul fillers, Mongolian vowel separator.
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180E}' | '\u{3164}' | '\u{FFA0}'
        // Zero-width space and joiners, direction marks; embeddings and overrides; word joiner and invisible operators,
        // isolates, deprecated format characters.
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        // Zero-width no-break space, interlinear annotations, tags.
        | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

fn is_line_break(character: char) -> bool {
    matches!(
        character,
        '\n' | '\r' | '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

fn without_hidden(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let before = kept.chars().next_back();
        if !is_hidden(character) || is_spelling(before, character, characters.peek().copied()) {
            kept.push(character);
        }
    }
    Cow::Owned(kept)
}

/// Whether a joiner between two characters is part of the spelling of a word or an emoji, as in Persian and in Indic
/// scripts.
fn is_spelling(before: Option<char>, joiner: char, after: Option<char>) -> bool {
    let joins = |character: Option<char>| {
        character.is_some_and(|character| {
            matches!(character,
                '\u{620}'..='\u{8FF}' | '\u{900}'..='\u{DFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{18AF}')
        })
    };
    let is_emoji = |character: Option<char>| {
        character.is_some_and(|character| {
            matches!(character, '\u{2600}'..='\u{27BF}' | '\u{FE0F}' | '\u{1F000}'..='\u{1FAFF}')
        })
    };
    match joiner {
        '\u{200C}' => joins(before) && joins(after),
        '\u{200D}' => (joins(before) && joins(after)) || (is_emoji(before) && is_emoji(after)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_text_is_not_changed() {
        for text in [
            "Lamp",
            "Zoë's Tür, 2nd",
            "شارع",
            "東京都",
            "Đường 3",
            "a\nb",
        ] {
            assert_eq!(tidy(text), text);
            assert!(matches!(tidy(text), Cow::Borrowed(_)), "{text}");
        }
        assert_eq!(tidy("  Lamp \u{a0}"), "Lamp");
    }

    #[test]
    fn equal_looking_texts_become_equal() {
        assert_eq!(tidy("Zoe\u{308}"), "Zoë");
        assert_eq!(tidy("\u{212B}"), "Å");
        for hidden in [
            '\u{AD}',
            '\u{200B}',
            '\u{200D}',
            '\u{200E}',
            '\u{202E}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{FEFF}',
            '\u{E0041}',
        ] {
            assert_eq!(tidy(&format!("{hidden}La{hidden}mp{hidden}")), "Lamp");
            assert!(has_hidden(&format!("La{hidden}mp")), "{hidden:?}");
            assert!(is_blank(&format!(" {hidden} ")), "{hidden:?}");
        }
        // A hidden character between a letter and its accent.
        assert_eq!(tidy("e\u{200B}\u{301}"), "é");
    }

    #[test]
    fn joiners_that_belong_to_a_word_or_an_emoji_are_kept() {
        for text in [
            "می\u{200C}خواهم",
            "क्\u{200D}ष",
            "👩\u{200D}👧",
            "❤\u{FE0F}\u{200D}🔥",
        ] {
            assert_eq!(tidy(text), text);
            assert!(has_hidden(text));
        }
        assert_eq!(tidy("می\u{200C} x"), "می x");
    }

    #[test]
    fn lines_are_joined_with_commas() {
        for (text, line) in [
            ("1 Main St\nAtlanta, GA", "1 Main St, Atlanta, GA"),
            (
                "1 Main St,\r\n\r\n Atlanta, GA\r\n",
                "1 Main St, Atlanta, GA",
            ),
            ("1 Main St\rAtlanta", "1 Main St, Atlanta"),
            ("1 Main St\u{2028}Atlanta\u{85}GA", "1 Main St, Atlanta, GA"),
            ("1 Main St,\tAtlanta,", "1 Main St, Atlanta,"),
            ("\n \n", ""),
        ] {
            assert_eq!(one_line(text), line, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn tidying_is_idempotent(text in "\\PC*|[a-z\u{300}-\u{310}\u{200B}-\u{200F}\u{AC00}ا-ي]*") {
            let once = tidy(&text).into_owned();
            prop_assert_eq!(tidy(&once), once.as_str());
            let line = one_line(&text);
            prop_assert_eq!(one_line(&line), line);
        }
    }
}
