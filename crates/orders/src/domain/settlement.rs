//! What the gateway reported about a payment when an operator settled its order without its confirmation.

use oms_payments::Remainder;
use oms_validation::{Money, newer_word};
use serde::{Serialize, Serializer};

/// What the gateway reported when an operator settled an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Its report as a code.
    pub gateway_said: GatewaySaid,
    /// Its report in words.
    pub detail: String,
    /// The money left with the merchant at the gateway; `None` if it could not tell.
    pub left: Option<Money>,
}

/// What the gateway reported about a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatewaySaid {
    /// No money is left with the merchant, and none can come.
    NothingLeft,
    /// Money is left with the merchant.
    MoneyLeft,
    /// Nothing was taken, but it still may be.
    Open,
    /// The gateway could not tell.
    Unknown,
    /// A value that a newer version of the program stored.
    Other(&'static str),
}

oms_validation::schema_of! {
    GatewaySaid,
    "What the gateway reported about a payment.",
    oms_validation::openapi::words(GatewaySaid::ALL.map(GatewaySaid::as_str))
}

impl GatewaySaid {
    const ALL: [Self; 4] = [
        Self::NothingLeft,
        Self::MoneyLeft,
        Self::Open,
        Self::Unknown,
    ];

    /// The name in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NothingLeft => "nothing_left",
            Self::MoneyLeft => "money_left",
            Self::Open => "open",
            Self::Unknown => "unknown",
            Self::Other(word) => word,
        }
    }

    /// Reads a stored value, including one that only a newer version of the program knows.
    pub(crate) fn stored(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self::Other(newer_word(text)))
    }

    /// Parses the text of [`GatewaySaid::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

impl Serialize for GatewaySaid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Settlement {
    /// Describes the remainder of a payment in this currency.
    pub(crate) fn of(remainder: &Remainder, currency: oms_validation::Currency) -> Self {
        let (gateway_said, left, detail) = match remainder {
            Remainder::Nothing => (
                GatewaySaid::NothingLeft,
                Some(Money::zero(currency)),
                "no money of it is left with the merchant".to_owned(),
            ),
            Remainder::Money(left) => (
                GatewaySaid::MoneyLeft,
                Some(*left),
                format!("{left} is left with the merchant"),
            ),
            Remainder::Open(status) => (
                GatewaySaid::Open,
                None,
                format!("nothing was taken, but it still may be: {status}"),
            ),
            Remainder::Unknown(why) => {
                (GatewaySaid::Unknown, None, format!("it can't tell: {why}"))
            }
        };
        Self {
            gateway_said,
            detail: crate::domain::reason::cut(&detail),
            left,
        }
    }

    /// Whether the operator must confirm the gateway's report before the stock is released.
    pub(crate) fn needs_confirmation(&self) -> bool {
        self.gateway_said != GatewaySaid::NothingLeft
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_and_json_use_the_same_names() {
        for said in GatewaySaid::ALL {
            assert_eq!(GatewaySaid::parse(said.as_str()), Some(said));
            assert_eq!(serde_json::to_value(said).unwrap(), said.as_str());
        }
        assert_eq!(GatewaySaid::parse("OPEN"), None);
    }
}
