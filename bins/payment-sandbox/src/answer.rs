//! The answer to one call, before it becomes an HTTP response. Knows no HTTP library.

use serde_json::Value;

/// A status and a JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    /// A 200 with this document.
    pub(crate) fn ok(document: &Value) -> Self {
        Self {
            status: 200,
            body: document.to_string(),
        }
    }
}
