//! What a rule says about a place.

use std::fmt::{self, Display, Formatter};

/// Whether a finding stops the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    Warning,
    Error,
}

/// A place, the rule that it breaks, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    pub(super) path: String,
    pub(super) line: usize,
    pub(super) rule: &'static str,
    pub(super) advice: String,
    pub(super) severity: Severity,
}

impl Finding {
    /// A broken rule.
    pub(super) fn error(
        path: &str,
        line: usize,
        rule: &'static str,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            path: path.to_owned(),
            line,
            rule,
            advice: advice.into(),
            severity: Severity::Error,
        }
    }

    /// A rule that is about to be broken.
    pub(super) fn warning(
        path: &str,
        line: usize,
        rule: &'static str,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(path, line, rule, advice)
        }
    }
}

impl Display for Finding {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let mark = if self.severity == Severity::Warning {
            "warning: "
        } else {
            ""
        };
        write!(
            formatter,
            "{mark}{}:{}: {}: {}",
            self.path, self.line, self.rule, self.advice
        )
    }
}
