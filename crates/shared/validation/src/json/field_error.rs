//! Turns errors of serde into paths and messages for clients.

use oms_errors::FieldError;

/// The member at which reading a body stopped.
///
/// The message does not contain the value, which may be a card number.
pub(super) fn of(error: &serde_path_to_error::Error<serde_json::Error>) -> FieldError {
    let path = error.path().to_string();
    let message = error.inner().to_string();
    if let Some(name) = quoted_after(&message, "missing field `") {
        return FieldError {
            field: member_of(&path, name),
            message: "is required".into(),
        };
    }
    if let Some(name) = quoted_after(&message, "unknown field `") {
        let parent = path
            .strip_suffix(name)
            .unwrap_or(&path)
            .trim_end_matches('.');
        return FieldError {
            field: member_of(parent, name),
            message: "is not a known field".into(),
        };
    }
    if let Some(name) = quoted_after(&message, "duplicate field `") {
        return FieldError {
            field: member_of(&path, name),
            message: "is given twice".into(),
        };
    }
    let message = match message.split_once(", expected ") {
        Some((_, "i32" | "i64" | "u32" | "u64")) => "must be a whole number".to_owned(),
        Some((_, "f64")) => "must be a number".to_owned(),
        Some((_, expected)) if expected.starts_with("struct ") => "must be an object".to_owned(),
        Some((_, expected)) => format!("must be {expected}"),
        None => message,
    };
    FieldError {
        field: path,
        message,
    }
}

fn quoted_after<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    message.strip_prefix(start)?.split('`').next()
}

/// The path of the member `name` of the value at `parent`.
pub fn member_of(parent: &str, name: &str) -> String {
    match parent {
        "" | "." => name.to_owned(),
        parent => format!("{parent}.{name}"),
    }
}
