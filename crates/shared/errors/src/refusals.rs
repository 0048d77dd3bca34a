//! Refusals that more than one context makes.

use crate::{FieldError, INVALID_REQUEST, PRECONDITION_FAILED, Problem};

/// A 400 that names one field.
pub fn invalid_field(field: impl Into<String>, message: impl Into<String>) -> Problem {
    invalid_fields(vec![FieldError {
        field: field.into(),
        message: message.into(),
    }])
}

/// A 400 that names fields.
pub fn invalid_fields(fields: Vec<FieldError>) -> Problem {
    let detail = "see errors for the fields that are not valid";
    Problem::new(&INVALID_REQUEST, detail).with_fields(fields)
}

/// The refusal of a change that is for another version than the current one.
pub fn version_mismatch(version: i32) -> Problem {
    let detail = "it was changed meanwhile: read it again, and send its ETag in If-Match";
    Problem::new(&PRECONDITION_FAILED, detail).with_extension("version", version)
}
