//! Orders that the sweeper has given up on.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use oms_validation::{OrderId, newer_word};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::id::DeadLetterId;
use crate::domain::settlement::Settlement;
use crate::domain::status::OrderStatus;

/// An order that the sweeper has given up on, until a person decides or it ends by other means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id.
    pub id: DeadLetterId,
    /// The order.
    pub order_id: OrderId,
    /// Where the order is now.
    pub order_status: OrderStatus,
    /// Why it was given up on, in words.
    pub reason: String,
    /// How often the sweeper had tried.
    pub tries: u32,
    /// When it was given up on.
    pub created_at: DateTime<Utc>,
    /// How it was resolved; none while it is open.
    pub resolved: Option<Resolved>,
}

/// How a dead letter was resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// How.
    pub resolution: Resolution,
    /// Who did it: `operator:ann`, or the worker that ended the order.
    pub by: String,
    /// The operator's reason.
    pub note: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// What the gateway said of the payment, where the operator settled the order against it or without it.
    pub settlement: Option<Settlement>,
}

/// How a dead letter is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// An operator had the sweeper try again.
    Retried,
    /// An operator ended the order as paid, which the gateway confirmed.
    Paid,
    /// An operator ended the order as failed, which the gateway proved.
    Failed,
    /// An operator said that the money is settled elsewhere; the order was closed and its stock released.
    SettledElsewhere,
    /// An operator gave the refund up; the order is paid.
    RefundGivenUp,
    /// The order ended by other means.
    Ended,
    /// What a newer version of the program has stored, in its words.
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
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Retried,
        Self::Paid,
        Self::Failed,
        Self::SettledElsewhere,
        Self::RefundGivenUp,
        Self::Ended,
    ];

    /// As the database and JSON have it.
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

    /// What the database has, also where a newer version of the program wrote it.
    pub(crate) fn stored(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self::Other(newer_word(text)))
    }

    /// Reads what [`Resolution::as_str`] wrote.
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
    /// Those that wait for a person.
    #[default]
    Open,
    /// Those that don't any more.
    Resolved,
    /// Both.
    All,
}

/// What an operator says about an order's payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was collected, which the gateway must confirm.
    Paid,
    /// It was not, and won't be, which the gateway must prove.
    Failed,
    /// Its money is settled elsewhere: the order is closed, whatever the gateway says.
    SettledElsewhere {
        /// The operator has seen what the gateway says.
        confirmed: bool,
    },
    /// Its refund is not waited for any more: the order is paid, as before.
    RefundGivenUp {
        /// The operator has seen what the gateway says.
        confirmed: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::AlertKind;

    #[test]
    fn the_database_and_json_spell_alike() {
        for resolution in Resolution::ALL {
            assert_eq!(Resolution::parse(resolution.as_str()), Some(resolution));
            let json = serde_json::to_value(resolution).unwrap();
            assert_eq!(json, resolution.as_str());
        }
        for kind in AlertKind::ALL {
            assert_eq!(AlertKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(Resolution::parse("PAID"), None);
    }
}
