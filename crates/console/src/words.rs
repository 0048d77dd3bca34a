//! What the words of the API mean, for people: outcomes of webhooks, how dead letters ended, and balances.

use oms_events::{AttemptOutcome, AttemptTrigger, DeliveryState, Ordering, Signing};
use oms_orders::Resolution;
use oms_payments::RefundActor;
use oms_validation::Money;

/// What came of sending an event, with the status that the endpoint answered.
pub(crate) fn outcome(outcome: AttemptOutcome, status: Option<u16>) -> String {
    let words = match outcome {
        AttemptOutcome::Delivered => "Delivered",
        AttemptOutcome::Rejected => "Rejected",
        AttemptOutcome::Dns => "Host name not found",
        AttemptOutcome::AddressNotAllowed => "Address not allowed",
        AttemptOutcome::Connect => "No connection",
        AttemptOutcome::Tls => "No secure connection",
        AttemptOutcome::Timeout => "No answer in time",
        AttemptOutcome::Closed => "Connection closed without an answer",
        AttemptOutcome::Other(word) => word,
    };
    match status {
        Some(status) => format!("{words} with {status}"),
        None => words.to_owned(),
    }
}

/// Why an event was sent.
pub(crate) fn trigger(trigger: AttemptTrigger) -> &'static str {
    match trigger {
        AttemptTrigger::First => "Its turn",
        AttemptTrigger::Retry => "Retry",
        AttemptTrigger::Replay => "Replay",
        AttemptTrigger::Test => "Test",
        AttemptTrigger::Other(word) => word,
    }
}

/// What happens to an event that an endpoint has not received, and the tone of that.
pub(crate) fn delivery(state: DeliveryState) -> (&'static str, &'static str) {
    match state {
        DeliveryState::Retrying => ("Retrying", "wait"),
        DeliveryState::Behind => ("Waits for an earlier event", "idle"),
        DeliveryState::Exhausted => ("Given up", "bad"),
        DeliveryState::Other(word) => (word, "note"),
    }
}

/// In which order an endpoint gets events.
pub(crate) fn ordering(ordering: Ordering) -> &'static str {
    match ordering {
        Ordering::Subject => "By subject, one after the other",
        Ordering::Unordered => "None",
        Ordering::Other(word) => word,
    }
}

/// How webhooks are signed.
pub(crate) fn signing(signing: Signing) -> &'static str {
    match signing {
        Signing::Hmac => "HMAC with a shared secret",
        Signing::Ed25519 => "Ed25519 with a public key",
        Signing::Other(word) => word,
    }
}

/// How a dead letter ended.
pub(crate) fn resolution(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::Retried => "Left to oms again",
        Resolution::Paid => "Settled as paid",
        Resolution::Failed => "Settled as failed",
        Resolution::SettledElsewhere => "Settled elsewhere",
        Resolution::RefundGivenUp => "Refund given up",
        Resolution::Ended => "Settled by other means",
        Resolution::Other(word) => word,
    }
}

/// Who made a refund that nobody requested here.
pub(crate) fn refunder(actor: RefundActor) -> &'static str {
    match actor {
        RefundActor::Oms => "oms",
        RefundActor::Gateway => "At the gateway",
        RefundActor::Dispute => "The bank, after a dispute",
        RefundActor::Other(word) => word,
    }
}

/// Who owes a balance, the customer a positive one and the shop a negative one, and the tone of that.
pub(crate) fn balance(balance: Money) -> (String, &'static str) {
    let owed = Money {
        amount_minor: balance.amount_minor.abs(),
        ..balance
    };
    match balance.amount_minor {
        0 => ("Settled".to_owned(), "ok"),
        1.. => (format!("{owed} to be paid"), "wait"),
        _ => (format!("{owed} to be given back"), "bad"),
    }
}

#[cfg(test)]
mod tests {
    use oms_validation::Currency;

    use super::*;

    #[test]
    fn a_balance_says_who_owes_it() {
        let words = |amount_minor| {
            let currency = Currency::parse("USD").unwrap();
            let balance_of = Money {
                amount_minor,
                currency,
            };
            balance(balance_of)
        };
        assert_eq!(words(0), ("Settled".to_owned(), "ok"));
        assert_eq!(words(1250), ("12.50 USD to be paid".to_owned(), "wait"));
        let owing = "12.50 USD to be given back".to_owned();
        assert_eq!(words(-1250), (owing, "bad"));
    }
}
