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
            "tried" => "oms looks at the order now.",
            "taken" => "The order is left to you: oms does nothing more by itself.",
            "retried" => "The order was left to oms again.",
            "resolved" => "The dead letter was resolved.",
            "shipped" => "The shipment was recorded.",
            "moved" => "The units were moved.",
            "released" => "The hold was released.",
            word => return Self::of_resolved_delivery(word),
        };
        Some(Self::done(title))
    }

    /// Says that an event is sent again, that it was given up, or that it does not wait any more.
    pub(crate) fn of_resolved_delivery(word: &str) -> Option<Self> {
        match word {
            "retry" => Some(Self::done("The event is sent again.")),
            "skip" => Some(Self::done("The event was given up.")),
            "gone" => Some(Self {
                text: "The endpoint has received it, or it was given up.".to_owned(),
                ..Self::done("The event does not wait any more.")
            }),
            _ => None,
        }
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
        let text = text_of(problem);
        let is_late = matches!(problem.problem_type().kind.status(), 404 | 409 | 412);
        Self {
            tone: "bad",
            title: problem.problem_type().title,
            text: match text.is_empty() && is_late {
                true => "It has changed since this page was opened. Below is what is there now."
                    .to_owned(),
                false => text,
            },
        }
    }
}
