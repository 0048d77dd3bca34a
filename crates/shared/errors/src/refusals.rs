//! Refusals that several contexts share.

use crate::{FieldError, INVALID_REQUEST, PRECONDITION_FAILED, Problem};

/// A 400 that names one invalid field.
pub fn invalid_field(field: impl Into<String>, message: impl Into<String>) -> Problem {
    invalid_fields(vec![FieldError {
        field: field.into(),
        message: message.into(),
    }])
}

/// A 400 that names several invalid fields.
pub fn invalid_fields(fields: Vec<FieldError>) -> Problem {
    let detail = "see errors for the invalid fields";
    Problem::new(&INVALID_REQUEST, detail).with_fields(fields)
}

/// A 412 for a change that names another version than the current one.
pub fn version_mismatch(version: i32) -> Problem {
    let detail = "the resource has changed: read it again, and send its new ETag in If-Match";
    Problem::new(&PRECONDITION_FAILED, detail).with_extension("version", version)
}
