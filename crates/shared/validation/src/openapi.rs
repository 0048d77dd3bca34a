//! Schemas of values whose rules are in code. Their limits are the constants that the code uses.

use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::schema::Type;

/// Readable text: no control characters, and not all blank.
pub const READABLE: &str = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";

/// Like [`READABLE`], without invisible characters (`text::is_hidden`).
pub const VISIBLE: &str = r"^[^\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]*[^\s\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb][^\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]*$";

/// Like [`READABLE`], in one or more lines.
pub const READABLE_LINES: &str = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$";

/// A text of this many characters that matches an ECMA-262 regular expression.
pub fn text(characters: std::ops::RangeInclusive<usize>, pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(*characters.start()))
        .max_length(Some(*characters.end()))
        .pattern(Some(pattern))
}

/// Implements the schema of a type. The description is its documentation.
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
