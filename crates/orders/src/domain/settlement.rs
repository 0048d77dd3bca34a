//! What the gateway said of a payment when an operator settled its order against it, or without it.

use oms_payments::Remainder;
use oms_validation::{Money, newer_word};
use serde::{Serialize, Serializer};

/// What the gateway said when an operator settled an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// In short.
    pub gateway_said: GatewaySaid,
    /// In words.
    pub detail: String,
    /// What is left with us at the gateway; none where it could not say.
    pub left: Option<Money>,
}

/// What the gateway said of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatewaySaid {
    /// No money is left with us, and none can come.
    NothingLeft,
    /// Money is left with us.
    MoneyLeft,
    /// Nothing was taken, and it still may be.
    Open,
    /// It could not say.
    Unknown,
    /// What a newer version of the program has stored, in its words.
    Other(&'static str),
}

oms_validation::schema_of! {
    GatewaySaid,
    "What the gateway said of a payment.",
    oms_validation::openapi::words(GatewaySaid::ALL.map(GatewaySaid::as_str))
}

impl GatewaySaid {
    const ALL: [Self; 4] = [
        Self::NothingLeft,
        Self::MoneyLeft,
        Self::Open,
        Self::Unknown,
    ];

    /// As the database and JSON have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NothingLeft => "nothing_left",
            Self::MoneyLeft => "money_left",
            Self::Open => "open",
            Self::Unknown => "unknown",
            Self::Other(word) => word,
        }
    }

    /// What the database has, also where a newer version of the program wrote it.
    pub(crate) fn stored(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self::Other(newer_word(text)))
    }

    /// Reads what [`GatewaySaid::as_str`] wrote.
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
    /// What the gateway says of a payment in this currency.
    pub(crate) fn of(remainder: &Remainder, currency: oms_validation::Currency) -> Self {
        let (gateway_said, left, detail) = match remainder {
            Remainder::Nothing => (
                GatewaySaid::NothingLeft,
                Some(Money::zero(currency)),
                "no money of it is left with us".to_owned(),
            ),
            Remainder::Money(left) => (
                GatewaySaid::MoneyLeft,
                Some(*left),
                format!(
                    "{} {} in minor units are left with us",
                    left.amount_minor, left.currency
                ),
            ),
            Remainder::Open(status) => (
                GatewaySaid::Open,
                None,
                format!("nothing was taken, and it still may be: {status}"),
            ),
            Remainder::Unknown(why) => (GatewaySaid::Unknown, None, format!("it can't say: {why}")),
        };
        Self {
            gateway_said,
            detail: crate::domain::reason::cut(&detail),
            left,
        }
    }

    /// Whether an operator must have seen what the gateway says before the stock is released.
    pub(crate) fn needs_confirmation(&self) -> bool {
        self.gateway_said != GatewaySaid::NothingLeft
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_and_json_spell_alike() {
        for said in GatewaySaid::ALL {
            assert_eq!(GatewaySaid::parse(said.as_str()), Some(said));
            assert_eq!(serde_json::to_value(said).unwrap(), said.as_str());
        }
        assert_eq!(GatewaySaid::parse("OPEN"), None);
    }
}
