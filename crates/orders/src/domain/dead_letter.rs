//! Orders that the sweeper has given up on.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use oms_validation::{OrderId, newer_word};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::id::DeadLetterId;
use crate::domain::other_amount;
use crate::domain::reason::cut;
use crate::domain::settlement::Settlement;
use crate::domain::status::OrderStatus;

/// An order that the sweeper has given up on, until an operator decides or it is settled by other means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its ID.
    pub id: DeadLetterId,
    /// The order.
    pub order_id: OrderId,
    /// The order's current status.
    pub order_status: OrderStatus,
    /// Why it was given up on, in words.
    pub reason: String,
    /// Number of tries of the sweeper.
    pub tries: u32,
    /// When it was given up on.
    pub created_at: DateTime<Utc>,
    /// How it was closed; `None` while it is open.
    pub resolved: Option<Resolved>,
}

impl DeadLetter {
    /// Why it was given up on, as a clause for people.
    pub fn in_words(&self) -> String {
        match other_amount::read(&self.reason) {
            Some(taken) => format!("the gateway took {taken}, which is not the total of the order"),
            None => self.reason.clone(),
        }
    }

    /// The text of its alert, 500 characters at most.
    pub(crate) fn alert(&self) -> String {
        let (order_id, when) = (self.order_id, when(self.tries));
        cut(&format!(
            "order {order_id} needs an operator {when}: {}",
            self.reason
        ))
    }
}

/// When an order was given up on.
pub(crate) fn when(tries: u32) -> String {
    match tries {
        0 => "immediately".to_owned(),
        tries => format!("after {tries} tries"),
    }
}

/// How a dead letter was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The resolution.
    pub resolution: Resolution,
    /// Who closed it: `operator:ann`, or the worker that settled the order.
    pub by: String,
    /// The operator's reason.
    pub note: Option<String>,
    /// When it was closed.
    pub at: DateTime<Utc>,
    /// What the gateway reported about the payment, if the operator settled the order without its confirmation.
    pub settlement: Option<Settlement>,
}

/// How a dead letter is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// An operator returned the order to the sweeper.
    Retried,
    /// An operator settled the order as paid, which the gateway confirmed.
    Paid,
    /// An operator settled the order as failed, which the gateway proved.
    Failed,
    /// An operator reported that the money is settled elsewhere; the order was closed and its stock released.
    SettledElsewhere,
    /// An operator gave up the refund; the order is paid.
    RefundGivenUp,
    /// The order was settled by other means.
    Ended,
    /// A value that a newer version of the program stored.
    Other(&'static str),
}

impl PartialSchema for Resolution {
    fn schema() -> RefOr<Schema> {
        let words = oms_validation::openapi::words(Self::ALL.map(Self::as_str));
        words
            .description(Some("How a dead letter is resolved."))
            .into()
    }
}

impl ToSchema for Resolution {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("DeadLetterResolution")
    }
}

impl Resolution {
    /// All resolutions.
    pub const ALL: [Self; 6] = [
        Self::Retried,
        Self::Paid,
        Self::Failed,
        Self::SettledElsewhere,
        Self::RefundGivenUp,
        Self::Ended,
    ];

    /// The name in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retried => "retried",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::SettledElsewhere => "settled_elsewhere",
            Self::RefundGivenUp => "refund_given_up",
            Self::Ended => "ended",
            Self::Other(word) => word,
        }
    }

    /// Reads a stored value, including one that only a newer version of the program knows.
    pub(crate) fn stored(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self::Other(newer_word(text)))
    }

    /// Parses the text of [`Resolution::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|resolution| resolution.as_str() == text)
    }
}

impl Serialize for Resolution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Which dead letters to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(default = "open")]
pub enum DeadLetterFilter {
    /// Open ones, which need an operator.
    #[default]
    Open,
    /// Closed ones.
    Resolved,
    /// Both.
    All,
}

/// An operator's verdict about an order's payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was collected. The gateway must confirm it.
    Paid,
    /// It was not collected and won't be. The gateway must prove it.
    Failed,
    /// Its money is settled elsewhere: the order is closed, whatever the gateway reports.
    SettledElsewhere {
        /// The operator has seen what the gateway reports.
        confirmed: bool,
    },
    /// Its refund is given up: the order is paid, as before.
    RefundGivenUp {
        /// The operator has seen what the gateway reports.
        confirmed: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_and_json_use_the_same_names() {
        for resolution in Resolution::ALL {
            assert_eq!(Resolution::parse(resolution.as_str()), Some(resolution));
            let json = serde_json::to_value(resolution).unwrap();
            assert_eq!(json, resolution.as_str());
        }
        assert_eq!(Resolution::parse("PAID"), None);
    }
}
