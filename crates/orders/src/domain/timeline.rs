//! The timeline of an order: its history, merged from several sources, page by page.
//!
//! Entries are in order of time. Of those with the same time, gateway calls come first, then the order's events, then
//! the sweeper's tries, then carriers' reports; entries of one source are in the order in which they were written.

use std::fmt;

use chrono::{DateTime, Utc};
use oms_fulfilment::TrackingEvent;
use oms_payments::{GatewayCall, Operation};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::actor::SWEEPER;
use crate::domain::event::{CHANGED, OrderEvent};
use crate::domain::status::OrderStatus;
use oms_validation::{Cursor, CursorKey, InvalidCursor, Page, PageSize};

/// One entry of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// Who caused it: `api:storefront`, `sweeper`, `operator:ann`, …. `None` for calls that were recorded without an
    /// actor.
    pub actor: Option<String>,
    /// Why, in words.
    pub reason: String,
    /// What happened.
    pub happening: Happening,
    place: Place,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The order changed its status. `from` is `None` when it was placed.
    Transition {
        /// The previous status.
        from: Option<OrderStatus>,
        /// The new status.
        to: OrderStatus,
    },
    /// A note that did not change the status, for example about an operator's action or a shipment.
    Note {
        /// The order's status.
        status: OrderStatus,
        /// What it is about, such as `shipment.shipped`. `None` for words only.
        event: Option<String>,
        /// The facts of that event.
        data: Option<Value>,
    },
    /// Its lines were reserved at its warehouse.
    StockReserved,
    /// Its stock was released.
    StockReleased,
    /// A call to the gateway about its payment.
    GatewayCall(Box<GatewayCall>),
    /// The sweeper tried to settle the order and failed.
    Retry(FailedTry),
    /// A carrier reported where a parcel is.
    Tracking(Box<TrackingEvent>),
}

/// A try of the sweeper that did not settle an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedTry {
    /// Its ID.
    pub id: Uuid,
    /// 1 for the first try since the order was last left to the sweeper.
    pub number: i32,
    /// Why it failed, in words.
    pub reason: String,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// When the next was due.
    pub next_at: DateTime<Utc>,
}

/// The source of an entry. Of entries with the same time, those of the first source come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// Calls to the gateway, which lead to the changes committed with them.
    Calls,
    /// The order's own events, and the stock movements in their commits.
    Events,
    /// The failed tries of the sweeper.
    Tries,
    /// The reports of carriers, when they arrived.
    Tracking,
}

/// The position of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    at: DateTime<Utc>,
    source: Source,
    /// Orders entries of one source with the same time.
    number: Uuid,
}

/// Where a page of a timeline ended.
pub type TimelineCursor = Cursor<Place>;

impl CursorKey for Place {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match self.source {
            Source::Events => 'e',
            Source::Calls => 'c',
            Source::Tries => 't',
            Source::Tracking => 'p',
        };
        (source, (self.at, self.number)).write(f)
    }

    fn read(text: &mut &str) -> Result<Self, InvalidCursor> {
        let (source, (at, number)) = CursorKey::read(text)?;
        let source = match source {
            'e' => Source::Events,
            'c' => Source::Calls,
            't' => Source::Tries,
            'p' => Source::Tracking,
            _ => return Err(InvalidCursor),
        };
        Ok(Self { at, source, number })
    }
}

impl Place {
    /// The first position in a source that may follow this page. It may still be the page's last entry.
    pub(crate) fn first_of(self, source: Source) -> (DateTime<Utc>, Uuid) {
        let number = match source.cmp(&self.source) {
            std::cmp::Ordering::Less => Uuid::max(),
            std::cmp::Ordering::Equal => self.number,
            std::cmp::Ordering::Greater => Uuid::nil(),
        };
        (self.at, number)
    }

    /// Like [`first_of`](Self::first_of), for events, which are numbered.
    pub(crate) fn first_event(self) -> (DateTime<Utc>, i32) {
        let (at, number) = self.first_of(Source::Events);
        let sequence = i32::try_from(number.as_u128() / 2);
        (at, sequence.unwrap_or(i32::MAX))
    }
}

/// What was found in each source: two entries more than the page has, or everything there is, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// Each with its time on the timeline.
    pub(crate) events: Vec<(DateTime<Utc>, OrderEvent)>,
    pub(crate) calls: Vec<GatewayCall>,
    pub(crate) tries: Vec<FailedTry>,
    pub(crate) tracking: Vec<TrackingEvent>,
}

impl Found {
    /// Number of entries of each source that a page needs: one extra shows whether there is a next page, and another
    /// may be the last entry of the page before.
    pub(crate) fn needed_for(size: PageSize) -> usize {
        size.get() + 2
    }

    /// The page after a cursor.
    pub(crate) fn page(
        self,
        after: Option<TimelineCursor>,
        size: PageSize,
    ) -> Page<TimelineEntry, TimelineCursor> {
        let events = self.events.into_iter().flat_map(of_event);
        let calls = self.calls.into_iter().map(of_call);
        let tries = self.tries.into_iter().map(of_try);
        let tracking = self.tracking.into_iter().map(of_report);
        let entries = events.chain(calls).chain(tries).chain(tracking);
        let mut entries: Vec<TimelineEntry> = entries.collect();
        entries.retain(|entry| after.is_none_or(|cursor| entry.place > cursor.0));
        entries.sort_by_key(|entry| entry.place);
        Page::of(entries, size, |last| Cursor(last.place))
    }
}

/// An event, and the stock movement in its commit. Reservations have no history of their own: they are inserted in the
/// commit that places an order, and deleted in the one that changes it to a status that holds no stock.
fn of_event((stands_at, event): (DateTime<Utc>, OrderEvent)) -> Vec<TimelineEntry> {
    let stock = match (event.from, event.to) {
        (None, _) => Some(Happening::StockReserved),
        (Some(from), to) if from.holds_stock() && !to.holds_stock() => {
            Some(Happening::StockReleased)
        }
        (Some(_), _) => None,
    };
    let status = match event.from {
        Some(from) if from == event.to => Happening::Note {
            status: from,
            event: Some(event.kind.clone()).filter(|kind| kind != CHANGED),
            data: event.data.clone(),
        },
        from => Happening::Transition { from, to: event.to },
    };
    let number = u128::from(event.sequence.unsigned_abs()) * 2;
    let entries = [Some(status), stock].into_iter().flatten().zip(number..);
    let entry = |(happening, number): (Happening, u128)| TimelineEntry {
        occurred_at: event.occurred_at,
        actor: Some(event.actor.clone()),
        reason: event.reason.clone(),
        happening,
        place: Place {
            at: stands_at,
            source: Source::Events,
            number: Uuid::from_u128(number),
        },
    };
    entries.map(entry).collect()
}

fn of_call(call: GatewayCall) -> TimelineEntry {
    let purpose = Operation::parse(&call.operation).map(Operation::purpose);
    TimelineEntry {
        occurred_at: call.called_at,
        actor: call.actor.clone(),
        // Another version of the program may make calls that this one does not know.
        reason: purpose.unwrap_or(&call.operation).to_owned(),
        place: Place {
            at: call.called_at,
            source: Source::Calls,
            number: call.id,
        },
        happening: Happening::GatewayCall(Box::new(call)),
    }
}

fn of_try(failed: FailedTry) -> TimelineEntry {
    TimelineEntry {
        occurred_at: failed.at,
        actor: Some(SWEEPER.to_owned()),
        reason: failed.reason.clone(),
        place: Place {
            at: failed.at,
            source: Source::Tries,
            number: failed.id,
        },
        happening: Happening::Retry(failed),
    }
}

fn of_report(report: TrackingEvent) -> TimelineEntry {
    TimelineEntry {
        occurred_at: report.recorded_at,
        actor: Some(report.actor.clone()),
        reason: format!(
            "parcel {} of shipment {} is reported as {}",
            report.parcel, report.shipment_number, report.status
        ),
        place: Place {
            at: report.recorded_at,
            source: Source::Tracking,
            number: report.id,
        },
        happening: Happening::Tracking(Box::new(report)),
    }
}

#[cfg(test)]
mod tests;
