//! Errors of validator, turned into paths and words that a client understands.

use oms_errors::{FieldError, Problem, invalid_field};
use oms_validation::json::member_of;
use oms_validation::{InvalidReason, Reason};
use validator::{ValidationErrors, ValidationErrorsKind};

/// The reason that a body gives in the field `reason`.
///
/// # Errors
/// 400 when it is none.
pub fn reason_of(text: &str) -> Result<Reason, Problem> {
    Reason::parse(text).map_err(|error: InvalidReason| invalid_field("reason", error.to_string()))
}

/// All fields that break a rule, sorted by path.
pub(crate) fn from_validator(errors: &ValidationErrors) -> Vec<FieldError> {
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
