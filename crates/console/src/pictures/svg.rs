//! Numbers and text in SVG.

use std::fmt;

/// Text as the content of an element or a quoted attribute. Characters that XML does not allow become U+FFFD.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\t' | '\n' | '\r' => f.write_char(' ')?,
                '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => f.write_char('\u{fffd}')?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// A length with one decimal at most, and without a negative zero. What is not finite is 0.
pub(super) struct Length(pub(super) f64);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = match self.0.is_finite() {
            true => (self.0 * 10.0).round() + 0.0,
            false => 0.0,
        };
        write!(f, "{}", tenths / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let text = Escaped("<b a='1' c=\"2\">&\u{0}\n").to_string();
        assert_eq!(
            text,
            "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;\u{fffd} "
        );
    }

    #[test]
    fn lengths_are_short() {
        let lengths = [1.0, 1.26, -0.04, 1e-9, f64::NAN].map(|length| Length(length).to_string());
        assert_eq!(lengths, ["1", "1.3", "0", "0", "0"]);
    }
}
