//! Errors of validator, turned into paths and words that a client understands.

use oms_errors::{FieldError, INVALID_REQUEST, Problem};
use validator::{ValidationErrors, ValidationErrorsKind};

use crate::json::member_of;
use crate::{InvalidReason, Reason};

/// A 400 that names one field.
pub fn invalid_field(field: impl Into<String>, message: impl Into<String>) -> Problem {
    refused(vec![FieldError {
        field: field.into(),
        message: message.into(),
    }])
}

/// The reason that a body gives in the field `reason`.
///
/// # Errors
/// 400 when it is none.
pub fn reason_of(text: &str) -> Result<Reason, Problem> {
    Reason::parse(text).map_err(|error: InvalidReason| invalid_field("reason", error.to_string()))
}

/// A 400 that names fields.
pub(super) fn refused(fields: Vec<FieldError>) -> Problem {
    let detail = "see errors for the fields that are not valid";
    Problem::new(&INVALID_REQUEST, detail).with_fields(fields)
}

/// All fields that break a rule, sorted by path.
pub(super) fn from_validator(errors: &ValidationErrors) -> Vec<FieldError> {
    let mut fields = Vec::new();
    collect("", errors, &mut fields);
    fields.sort_by(|a, b| a.field.cmp(&b.field));
    fields
}

fn collect(parent: &str, errors: &ValidationErrors, fields: &mut Vec<FieldError>) {
    for (name, kind) in errors.errors() {
        let path = match name.as_ref() {
            // Rules about the whole object stand under this name.
            "__all__" => parent.to_owned(),
            name => member_of(parent, &camel_case(name)),
        };
        match kind {
            ValidationErrorsKind::Struct(inner) => collect(&path, inner, fields),
            ValidationErrorsKind::List(items) => {
                for (index, inner) in items {
                    collect(&format!("{path}[{index}]"), inner, fields);
                }
            }
            ValidationErrorsKind::Field(broken) => {
                fields.extend(broken.iter().map(|error| {
                    FieldError {
                        field: path.clone(),
                        message: error
                            .message
                            .as_deref()
                            .unwrap_or("is not valid")
                            .to_owned(),
                    }
                }));
            }
        }
    }
}

/// `product_id`, as Rust has it, is `productId` in JSON.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(word.len().min(1));
        camel.push_str(&first.to_ascii_uppercase());
        camel.push_str(rest);
    }
    camel
}
