//! The findings of the rules.

use std::fmt::{self, Display, Formatter};

/// Whether a finding makes the checks fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    Warning,
    Error,
}

/// A place, the rule that it violates, and how to fix it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    pub(super) path: String,
    pub(super) line: usize,
    pub(super) rule: &'static str,
    pub(super) advice: String,
    pub(super) severity: Severity,
}

impl Finding {
    /// A violated rule.
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

    /// A rule that is nearly violated.
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
