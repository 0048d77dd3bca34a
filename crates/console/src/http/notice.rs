//! What stands above a page after an action: that it was done, or why it was refused.

use oms_errors::Problem;

use super::error_page::text_of;

/// A notice.
pub(crate) struct Notice {
    pub(crate) tone: &'static str,
    pub(crate) title: &'static str,
    pub(crate) text: String,
}

impl Notice {
    /// Says that an action was done.
    pub(crate) fn done(title: &'static str) -> Self {
        Self {
            tone: "ok",
            title,
            text: String::new(),
        }
    }

    /// Says why an action was refused. Nothing was changed.
    pub(crate) fn of_problem(problem: &Problem) -> Self {
        Self {
            tone: "bad",
            title: problem.problem_type().title,
            text: text_of(problem),
        }
    }
}
