//! Enums whose values are words.

/// Implements the text form of an enum whose values are stored and shown as words. A stored word that only a newer
/// version of the program knows is kept as `Other`.
#[macro_export]
macro_rules! words {
    ($name:ident, $description:literal, { $($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        #[doc = $description]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
            /// A value that a newer version of the program stored.
            Other(&'static str),
        }

        $crate::schema_of! {
            $name,
            $description,
            $crate::openapi::words($name::ALL.iter().map(|value| value.as_str()))
        }

        impl $name {
            /// All values.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in the database and in JSON.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }

            /// Parses the text of [`Self::as_str`].
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }

            /// Reads a stored word, including one that only a newer version of the program knows.
            #[allow(dead_code, reason = "some values are derived and never stored")]
            pub(crate) fn stored(text: &str) -> Self {
                Self::parse(text).unwrap_or_else(|| Self::Other($crate::newer_word(text)))
            }
        }

        impl $crate::reexport::serde::Serialize for $name {
            fn serialize<S: $crate::reexport::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::reexport::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::reexport::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| {
                    let words: Vec<&str> = Self::ALL.iter().map(|value| value.as_str()).collect();
                    $crate::reexport::serde::de::Error::custom(format!("must be one of {}", words.join(", ")))
                })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
