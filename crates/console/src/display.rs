//! How values are shown: times, ages, and what a status means.

use chrono::{DateTime, Datelike, SubsecRound, Utc};
use oms_orders::{ExternalReference, OrderStatus, ShippingAddress, Who};
use oms_validation::OrderId;
use serde_json::Value;

/// A time as text, exact to a second: `2026-11-29 12:00:31`.
pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.naive_utc().trunc_subsecs(0).to_string()
}

/// A time of day: `12:00:31`.
pub(crate) fn clock(at: DateTime<Utc>) -> String {
    at.time().trunc_subsecs(0).to_string()
}

/// A day: `29 Nov 2026`.
pub(crate) fn day(at: DateTime<Utc>) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = MONTHS[at.month0() as usize];
    format!("{} {month} {}", at.day(), at.year())
}

/// The time of this machine's clock. Only for ages that are shown.
#[expect(
    clippy::disallowed_methods,
    reason = "an age on a page is neither stored nor compared with what is"
)]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// How long ago a time was, or in what time it will be: `4 min ago`, `in 17 s`.
pub(crate) fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = now.signed_duration_since(at).num_seconds();
    match seconds {
        0 => "just now".to_owned(),
        1.. => format!("{} ago", span(seconds)),
        _ => format!("in {}", span(-seconds)),
    }
}

/// When somebody acts next: a day, if it is a deadline of people that is more than a day away.
pub(crate) fn deadline(who: Who, at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let is_for_people = matches!(who, Who::Operator | Who::Customer);
    match is_for_people && at.signed_duration_since(now).num_hours() >= 36 {
        true => format!("until {}", at.date_naive()),
        false => ago(at, now),
    }
}

/// How much time has passed since a time: `4 min`.
pub(crate) fn elapsed(since: DateTime<Utc>, now: DateTime<Utc>) -> String {
    span(now.signed_duration_since(since).num_seconds().max(0))
}

/// A word of the API as words: `write_off` is `Write off`.
pub(crate) fn sentence(word: &str) -> String {
    capital(&word.replace('_', " ").to_lowercase())
}

/// A clause at the beginning of a line: its first letter is a capital one.
pub(crate) fn capital(clause: &str) -> String {
    let mut characters = clause.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

/// `1 unit`, `2 units`.
pub(crate) fn units(count: i64) -> String {
    match count {
        1 => "1 unit".to_owned(),
        many => format!("{many} units"),
    }
}

fn span(seconds: i64) -> String {
    match seconds {
        ..=89 => format!("{seconds} s"),
        90..=5399 => format!("{} min", (seconds + 30) / 60),
        5400..=129_599 => format!("{} h", (seconds + 1800) / 3600),
        _ => format!("{} days", (seconds + 43_200) / 86_400),
    }
}

/// An address as one line.
pub(crate) fn address(address: &ShippingAddress) -> Option<String> {
    const PARTS: [&str; 7] = [
        "name",
        "line1",
        "line2",
        "postalCode",
        "city",
        "region",
        "country",
    ];
    match serde_json::to_value(address).ok()? {
        Value::String(text) => Some(text),
        Value::Object(parts) => {
            let parts = PARTS.iter().filter_map(|part| parts.get(*part)?.as_str());
            Some(parts.collect::<Vec<_>>().join(", "))
        }
        _ => None,
    }
}

/// The name of an order: its external reference, or the last characters of its ID.
pub(crate) fn order_name(id: OrderId, reference: Option<&ExternalReference>) -> String {
    match reference {
        Some(reference) => reference.as_str().to_owned(),
        None => {
            let id = id.to_string();
            format!("…{}", &id[id.len() - 12..])
        }
    }
}

/// The tone in which the stylesheet shows a status.
pub(crate) fn tone(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::PendingPayment | OrderStatus::Cancelling | OrderStatus::Refunding => "busy",
        OrderStatus::Paid => "ok",
        OrderStatus::Failed | OrderStatus::Cancelled | OrderStatus::Refunded => "idle",
        OrderStatus::Other(_) => "note",
    }
}

/// A status in words.
pub(crate) fn status(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::PendingPayment => "Payment pending",
        OrderStatus::Paid => "Paid",
        OrderStatus::Failed => "Failed",
        OrderStatus::Cancelling => "Cancelling",
        OrderStatus::Cancelled => "Cancelled",
        OrderStatus::Refunding => "Refunding",
        OrderStatus::Refunded => "Refunded",
        OrderStatus::Other(word) => word,
    }
}

/// A text that marks words of the API with backticks, with quotation marks instead.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for (index, part) in text.split('`').enumerate() {
        match index {
            0 => {}
            odd if odd % 2 == 1 => quoted.push('“'),
            _ => quoted.push('”'),
        }
        quoted.push_str(part);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn words_of_the_api_stand_in_quotation_marks() {
        for (text, shown) in [
            ("", ""),
            ("as `paid` or `failed`.", "as “paid” or “failed”."),
            ("an odd `one", "an odd “one"),
        ] {
            assert_eq!(quoted(text), shown);
        }
    }

    #[test]
    fn a_deadline_of_people_that_is_days_away_is_a_day() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let (days, hours) = (now + TimeDelta::days(7), now + TimeDelta::hours(3));
        assert_eq!(deadline(Who::Operator, days, now), "until 2027-01-22");
        assert_eq!(deadline(Who::Customer, hours, now), "in 3 h");
        assert_eq!(deadline(Who::Oms, days, now), "in 7 days");
    }

    #[test]
    fn an_age_has_the_unit_that_people_would_use() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for (seconds, text) in [
            (0, "just now"),
            (1, "1 s ago"),
            (89, "89 s ago"),
            (90, "2 min ago"),
            (240, "4 min ago"),
            (5400, "2 h ago"),
            (86_400 * 3, "3 days ago"),
            (-17, "in 17 s"),
            (-600, "in 10 min"),
        ] {
            assert_eq!(ago(now - TimeDelta::seconds(seconds), now), text);
        }
    }
}
