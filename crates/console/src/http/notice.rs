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
    /// Says that an action was done. The address has only a word for it, so that a link can't say anything else.
    pub(crate) fn of_done(word: &str) -> Option<Self> {
        let title = match word {
            "cancelled" => "The cancellation was requested.",
            "refunded" => "The refund was requested.",
            "tried" => "The sweeper looks at the order now.",
            "taken" => "The order was taken from the sweeper.",
            "retried" => "The order was left to the sweeper again.",
            "resolved" => "The dead letter was resolved.",
            "shipped" => "The shipment was recorded.",
            "moved" => "The units were moved.",
            "released" => "The hold was released.",
            "delivered" => "The event is sent again.",
            "skipped" => "The event was given up.",
            _ => return None,
        };
        Some(Self::done(title))
    }

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
