//! Schemas of values whose rules are in code: their limits are the constants that the code reads.

use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::schema::Type;

/// Text that can be read out: no control characters, and not all of it blank.
pub const READABLE: &str = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";

/// As [`READABLE`], without characters that nobody sees (`text::is_hidden`).
pub const VISIBLE: &str = r"^[^\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]*[^\s\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb][^\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]*$";

/// As [`READABLE`], in one line or several.
pub const READABLE_LINES: &str = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$";

/// A text of so many characters that fits a regular expression of ECMA-262.
pub fn text(characters: std::ops::RangeInclusive<usize>, pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(*characters.start()))
        .max_length(Some(*characters.end()))
        .pattern(Some(pattern))
}

/// Gives a type its schema, with its documentation as the description.
#[macro_export]
macro_rules! schema_of {
    ($name:ty, $description:literal, $schema:expr) => {
        impl $crate::reexport::utoipa::PartialSchema for $name {
            fn schema()
            -> $crate::reexport::utoipa::openapi::RefOr<$crate::reexport::utoipa::openapi::Schema>
            {
                $schema.description(Some($description)).into()
            }
        }

        impl $crate::reexport::utoipa::ToSchema for $name {}
    };
}

/// One of these words.
pub fn words(words: impl IntoIterator<Item = &'static str>) -> ObjectBuilder {
    let words: Vec<&str> = words.into_iter().collect();
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words))
}
