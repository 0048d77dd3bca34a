//! Turns errors of `validator` into paths and messages for clients.

use oms_errors::{FieldError, Problem, invalid_field};
use oms_validation::json::member_of;
use oms_validation::{InvalidReason, Reason};
use validator::{ValidationErrors, ValidationErrorsKind};

/// Parses the field `reason` of a body.
///
/// # Errors
/// 400 if it is not a valid reason.
pub fn reason_of(text: &str) -> Result<Reason, Problem> {
    Reason::parse(text).map_err(|error: InvalidReason| invalid_field("reason", error.to_string()))
}

/// All fields that violate a rule, sorted by path.
pub(crate) fn from_validator(errors: &ValidationErrors) -> Vec<FieldError> {
    let mut fields = Vec::new();
    collect("", errors, &mut fields);
    fields.sort_by(|a, b| a.field.cmp(&b.field));
    fields
}

fn collect(parent: &str, errors: &ValidationErrors, fields: &mut Vec<FieldError>) {
    for (name, kind) in errors.errors() {
        let path = match name.as_ref() {
            // `validator` reports rules about the whole object under this name.
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

/// Converts a Rust name to its JSON name: `product_id` to `productId`.
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
