//! The history of an order: as a line, and entry by entry.

use oms_orders::{Happening, Next, TimelineEntry};
use oms_payments::CallEffect;

use crate::display;
use crate::pictures::{Moment, TimelineLine, Tone, timeline_line};

/// Which entries are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Filter {
    /// All.
    #[default]
    All,
    /// Changes of the status.
    Status,
    /// Stock and goods.
    Goods,
    /// Calls to the gateway, and tries of the sweeper.
    Gateway,
    /// What operators did.
    Operators,
}

impl Filter {
    pub(super) const ALL: [Self; 5] = [
        Self::All,
        Self::Status,
        Self::Goods,
        Self::Gateway,
        Self::Operators,
    ];

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Status => "status",
            Self::Goods => "goods",
            Self::Gateway => "gateway",
            Self::Operators => "operators",
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Status => "Status",
            Self::Goods => "Goods",
            Self::Gateway => "Gateway",
            Self::Operators => "Operators",
        }
    }

    fn shows(self, entry: &TimelineEntry) -> bool {
        match self {
            Self::All => true,
            Self::Status => matches!(entry.happening, Happening::Transition { .. }),
            Self::Goods => match &entry.happening {
                Happening::StockReserved | Happening::StockReleased | Happening::Tracking(_) => {
                    true
                }
                Happening::Note { event, .. } => event.is_some(),
                _ => false,
            },
            Self::Gateway => matches!(
                entry.happening,
                Happening::GatewayCall(_) | Happening::Retry(_)
            ),
            Self::Operators => {
                let actor = entry.actor.as_deref();
                actor.is_some_and(|actor| actor.starts_with("operator:"))
            }
        }
    }
}

/// An entry.
pub(super) struct TimelineRow {
    pub(super) tone: &'static str,
    pub(super) time: String,
    pub(super) day: String,
    pub(super) what: String,
    /// Why, or what the gateway answered.
    pub(super) detail: String,
    pub(super) request_id: Option<String>,
    pub(super) by: String,
}

/// The entries that a filter shows, newest first.
pub(super) fn rows(entries: &[TimelineEntry], filter: Filter) -> Vec<TimelineRow> {
    let shown = entries.iter().rev().filter(|entry| filter.shows(entry));
    shown.map(row).collect()
}

fn row(entry: &TimelineEntry) -> TimelineRow {
    let (tone, what, detail) = words(entry);
    let request_id = match &entry.happening {
        Happening::GatewayCall(call) => call.request_id.clone(),
        _ => None,
    };
    TimelineRow {
        tone: tone.class(),
        time: display::clock(entry.occurred_at),
        day: display::day(entry.occurred_at),
        what,
        detail,
        request_id,
        by: entry.actor.clone().unwrap_or_default(),
    }
}

fn words(entry: &TimelineEntry) -> (Tone, String, String) {
    let reason = || entry.reason.clone();
    match &entry.happening {
        Happening::Transition { from: None, to } => (
            tone_of(*to),
            format!("Placed: {}", display::status(*to)),
            reason(),
        ),
        Happening::Transition {
            from: Some(from),
            to,
        } => {
            let what = format!("{} → {}", display::status(*from), display::status(*to));
            (tone_of(*to), what, reason())
        }
        Happening::Note { event, .. } => match event {
            Some(event) => (Tone::Note, event_in_words(event), reason()),
            None => (Tone::Note, "Note".to_owned(), reason()),
        },
        Happening::StockReserved => (Tone::Ok, "Stock reserved".to_owned(), String::new()),
        Happening::StockReleased => (Tone::Idle, "Stock released".to_owned(), String::new()),
        Happening::GatewayCall(call) => {
            let tone = match call.effect {
                CallEffect::Known => Tone::Idle,
                CallEffect::Unknown => Tone::Bad,
            };
            let seconds = call.duration.as_secs_f64();
            let detail = format!(
                "{} after {seconds:.2} s",
                display::capital(&call.answer_in_words())
            );
            (
                tone,
                format!("{} was asked {}", call.gateway, call.request_in_words()),
                detail,
            )
        }
        Happening::Retry(failed) => {
            let what = format!("Try {} of oms did not settle it", failed.number);
            let next = display::clock(failed.next_at);
            (
                Tone::Wait,
                what,
                format!("{}; next at {next}", entry.reason),
            )
        }
        Happening::Tracking(report) => {
            let status = display::sentence(report.status.as_str());
            let what = format!(
                "Parcel {} of shipment {}: {status}",
                report.parcel, report.shipment_number
            );
            (Tone::Note, what, report.detail.clone().unwrap_or_default())
        }
    }
}

/// `shipment.shipped` as people write it: `Shipment shipped`.
fn event_in_words(event: &str) -> String {
    display::sentence(&event.replace('.', " "))
}

fn tone_of(status: oms_orders::OrderStatus) -> Tone {
    match display::tone(status) {
        "ok" => Tone::Ok,
        "busy" => Tone::Busy,
        "idle" => Tone::Idle,
        _ => Tone::Note,
    }
}

/// The history as one line, with what comes next.
pub(super) fn line(entries: &[TimelineEntry], next: &Next) -> String {
    let moments = entries.iter().map(|entry| {
        let (tone, what, _) = words(entry);
        (
            entry.occurred_at,
            display::clock(entry.occurred_at),
            what,
            tone,
        )
    });
    let moments: Vec<_> = moments.collect();
    let past = moments.iter().map(|(at, time, what, tone)| Moment {
        seconds: seconds(*at),
        time,
        what,
        tone: *tone,
    });
    let past: Vec<Moment<'_>> = past.collect();
    let next_time = next.at.map(display::clock).unwrap_or_default();
    let next = next.at.map(|at| Moment {
        seconds: seconds(at),
        time: &next_time,
        what: &next.text,
        tone: Tone::Wait,
    });
    timeline_line(&TimelineLine { past: &past, next })
}

fn seconds(at: chrono::DateTime<chrono::Utc>) -> f64 {
    at.timestamp_micros() as f64 / 1e6
}
