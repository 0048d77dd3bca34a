//! Texts of clients: names of carriers, tracking numbers, notes.

use std::fmt;

use oms_validation::openapi::{READABLE, text};
use oms_validation::text::tidy;
use serde::{Deserialize, Serialize};

macro_rules! define_text {
    ($(#[$doc:meta])* $name:ident, $max:literal, $invalid:ident, $message:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        oms_validation::schema_of! { $name, $message, text(1..=$max, READABLE) }

        /// The error for a text that violates the rules.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        #[error($message)]
        pub struct $invalid;

        impl $name {
            /// Parses a text: trims it, and normalises spellings that look the same.
            ///
            /// # Errors
            /// When it is blank or too long, or has a control character.
            pub fn parse(text: &str) -> Result<Self, $invalid> {
                let text = tidy(text);
                let fits = (1..=$max).contains(&text.chars().count());
                if !fits || text.contains(char::is_control) {
                    return Err($invalid);
                }
                Ok(Self(text.into_owned()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $invalid;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

define_text! {
    /// The name of a carrier or of one of its services.
    CarrierName, 64, InvalidCarrierName, "must be 1 to 64 characters without control characters"
}

define_text! {
    /// The number under which a carrier tracks a parcel.
    TrackingNumber, 100, InvalidTrackingNumber, "must be 1 to 100 characters without control characters"
}

define_text! {
    /// A note of a person or a carrier.
    Note, 500, InvalidNote, "must be 1 to 500 characters without control characters"
}

impl Note {
    /// Reads a stored note.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }
}

/// The page on which a carrier shows where a parcel is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct TrackingUrl(String);

oms_validation::schema_of! {
    TrackingUrl,
    "A URL that begins with `http://` or `https://`: up to 2000 characters.",
    text(8..=TrackingUrl::MAX_LENGTH, r"^https?://[\x21-\x7e]+$").examples(["https://carrier.example/track/00340434161094"])
}

/// The error for a text that is not such a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a URL that begins with http:// or https://, of up to 2000 characters")]
pub struct InvalidTrackingUrl;

impl TrackingUrl {
    const MAX_LENGTH: usize = 2000;

    /// Parses a URL. Only its scheme, its length and its characters are checked.
    ///
    /// # Errors
    /// When it has another scheme, is too long, or has a blank or a character outside ASCII.
    pub fn parse(text: &str) -> Result<Self, InvalidTrackingUrl> {
        let rest = ["http://", "https://"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme));
        let has_host = rest.is_some_and(|rest| !rest.is_empty());
        if !has_host || text.len() > Self::MAX_LENGTH || !text.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(InvalidTrackingUrl);
        }
        Ok(Self(text.to_owned()))
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrackingUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for TrackingUrl {
    type Error = InvalidTrackingUrl;

    fn try_from(text: String) -> Result<Self, InvalidTrackingUrl> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_trimmed_and_bounded() {
        assert_eq!(CarrierName::parse(" DHL ").unwrap().as_str(), "DHL");
        assert!(CarrierName::parse(&"x".repeat(64)).is_ok());
        for text in ["", "  ", "a\nb", &"x".repeat(65)] {
            assert_eq!(
                CarrierName::parse(text),
                Err(InvalidCarrierName),
                "{text:?}"
            );
        }
        assert!(TrackingNumber::parse(&"1".repeat(100)).is_ok());
        assert!(TrackingNumber::parse(&"1".repeat(101)).is_err());
        assert!(Note::parse(&"n".repeat(500)).is_ok() && Note::parse(&"n".repeat(501)).is_err());
    }

    #[test]
    fn a_tracking_url_is_a_web_address() {
        for url in ["http://a", "https://carrier.example/track?id=1&x=%20"] {
            assert_eq!(TrackingUrl::parse(url).unwrap().as_str(), url);
        }
        let long = format!("https://a/{}", "x".repeat(1991));
        for url in [
            "",
            "https://",
            "ftp://a",
            "javascript:alert(1)",
            "https://a b",
            "https://ä",
            &long,
        ] {
            assert_eq!(TrackingUrl::parse(url), Err(InvalidTrackingUrl), "{url:?}");
        }
    }
}
