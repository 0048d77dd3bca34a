//! Names of warehouses and products, SKUs, and addresses.

use std::fmt;

use oms_validation::openapi::{READABLE, READABLE_LINES, VISIBLE, text};
use oms_validation::text::{has_hidden, one_line, tidy};
use serde::{Deserialize, Serialize};

macro_rules! define_text {
    ($(#[$doc:meta])* $visible:vis $name:ident, $max:literal, $invalid:ident, $message:literal, $pattern:ident, $read:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        $visible struct $name(String);

        oms_validation::schema_of! { $name, $message, text(1..=$max, $pattern) }

        /// The error for a text that violates the rules.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        #[error($message)]
        $visible struct $invalid;

        impl $name {
            /// Parses a text: trims it, and normalises spellings that look the same.
            ///
            /// # Errors
            /// When it is blank or too long, or has a forbidden character.
            $visible fn parse(text: &str) -> Result<Self, $invalid> {
                let read: fn(&str) -> Option<String> = $read;
                Self::stored(&read(text).ok_or($invalid)?)
            }

            /// Reads a stored text. It allows hidden characters, so that texts stored before these were forbidden stay
            /// readable.
            ///
            /// # Errors
            /// When it is blank or too long, or has a control character.
            pub(crate) fn stored(text: &str) -> Result<Self, $invalid> {
                let text = text.trim();
                let fits = (1..=$max).contains(&text.chars().count());
                if !fits || text.contains(char::is_control) {
                    return Err($invalid);
                }
                Ok(Self(text.to_owned()))
            }

            /// The text.
            $visible fn as_str(&self) -> &str {
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
    /// The name of a warehouse or a product: 1 to 200 characters.
    pub Name, 200, InvalidName, "must be 1 to 200 characters without control characters",
    READABLE, |text| Some(tidy(text).into_owned())
}

define_text! {
    /// A stock keeping unit, unique within the tenant: 1 to 100 characters, case-sensitive. Hidden characters are
    /// refused, because such a SKU would look the same as another.
    pub Sku, 100, InvalidSku, "must be 1 to 100 characters without control or hidden characters",
    VISIBLE, |text| (!has_hidden(text)).then(|| tidy(text).into_owned())
}

define_text! {
    /// A readable address: 1 to 500 characters.
    pub AddressLine, 500, InvalidAddressLine, "must be 1 to 500 characters without control characters",
    READABLE_LINES, |text| Some(one_line(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_must_be_readable_and_within_their_limit() {
        assert_eq!(Sku::parse(" A-1 ").unwrap().as_str(), "A-1");
        assert!(Sku::parse(&"ä".repeat(100)).is_ok());
        for text in ["", "  ", "a\nb", "a\0", &"ä".repeat(101)] {
            assert_eq!(Sku::parse(text), Err(InvalidSku), "{text:?}");
        }
        for hidden in [
            "A\u{200B}1",
            "A\u{202E}1",
            "\u{FEFF}A1",
            "A1\u{AD}",
            "A\u{200D}1",
        ] {
            assert_eq!(Sku::parse(hidden), Err(InvalidSku), "{hidden:?}");
            assert_eq!(Name::parse(hidden).unwrap().as_str(), "A1");
            assert_eq!(Sku::stored(hidden).unwrap().as_str(), hidden);
        }
        assert_eq!(Sku::parse("Zoe\u{308}"), Sku::parse("Zoë"));
        assert_eq!(Name::parse("\u{200B} "), Err(InvalidName));
        let lines = AddressLine::parse("1 Main St\r\nAtlanta").unwrap();
        assert_eq!(lines.as_str(), "1 Main St, Atlanta");
        assert!(Name::parse(&"x".repeat(200)).is_ok());
        assert_eq!(Name::parse(&"x".repeat(201)), Err(InvalidName));
        assert!(AddressLine::parse(&"x".repeat(500)).is_ok());
        assert_eq!(
            AddressLine::parse(&"x".repeat(501)),
            Err(InvalidAddressLine)
        );
    }
}
