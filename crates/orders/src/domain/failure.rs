//! Why an order failed.

use std::fmt;

use oms_payments::DeclineCode;

/// Why an order failed. Stored as one text, such as `payment_declined:insufficient_funds`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The payment was declined.
    PaymentDeclined {
        /// The issuer's or the gateway's code.
        decline_code: String,
    },
    /// The payment was interrupted before any money moved, and it is proven that none can move any more.
    PaymentVoided,
    /// The gateway could not be reached before any money could move. The idempotency key was released.
    GatewayUnavailable,
    /// An operator reported that the money is settled elsewhere.
    SettledElsewhere,
    /// A value that a newer version of the program stored. No failure ever keeps the money.
    Other(String),
}

const DECLINED: &str = "payment_declined:";
const VOIDED: &str = "payment_voided";
const GATEWAY_UNAVAILABLE: &str = "gateway_unavailable";
const SETTLED_ELSEWHERE: &str = "settled_elsewhere";

impl Failure {
    /// Parses the output of `Display`, of this version of the program or another.
    pub fn parse(text: &str) -> Self {
        match text {
            VOIDED => Self::PaymentVoided,
            GATEWAY_UNAVAILABLE => Self::GatewayUnavailable,
            SETTLED_ELSEWHERE => Self::SettledElsewhere,
            text => match text.strip_prefix(DECLINED) {
                Some(decline_code) => Self::PaymentDeclined {
                    decline_code: decline_code.to_owned(),
                },
                None => Self::Other(text.to_owned()),
            },
        }
    }

    /// Describes the failure in words, as a clause, for people and for the order's timeline.
    pub fn in_words(&self) -> String {
        match self {
            Self::PaymentDeclined { decline_code } => {
                let why = DeclineCode::new(decline_code).in_words();
                format!("the payment was declined: {why}")
            }
            Self::PaymentVoided => {
                "the payment was interrupted; it is proven that no money moved".to_owned()
            }
            Self::GatewayUnavailable => {
                "the payment gateway could not be reached; no money moved".to_owned()
            }
            Self::SettledElsewhere => "the money is settled elsewhere".to_owned(),
            Self::Other(text) => text.clone(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PaymentDeclined { decline_code } => write!(f, "{DECLINED}{decline_code}"),
            Self::PaymentVoided => f.write_str(VOIDED),
            Self::GatewayUnavailable => f.write_str(GATEWAY_UNAVAILABLE),
            Self::SettledElsewhere => f.write_str(SETTLED_ELSEWHERE),
            Self::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reads_back_as_it_was_written() {
        let declined = Failure::PaymentDeclined {
            decline_code: "lost_card".into(),
        };
        for failure in [
            declined,
            Failure::PaymentVoided,
            Failure::GatewayUnavailable,
            Failure::SettledElsewhere,
            Failure::Other("fraud_suspected:7".into()),
        ] {
            assert_eq!(Failure::parse(&failure.to_string()), failure);
        }
    }
}
