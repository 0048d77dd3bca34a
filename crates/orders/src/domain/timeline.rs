//! The timeline of an order: what happened to it and because of it, merged from where it is kept, page by page.
//!
//! Entries stand in the order of time. At one time, what happened to the order comes before the calls and the tries of the
//! sweeper; what is of one kind comes in the order in which it was written.

use std::fmt;

use chrono::{DateTime, Utc};
use oms_payments::{GatewayCall, Operation};
use uuid::Uuid;

use crate::domain::actor::SWEEPER;
use crate::domain::event::OrderEvent;
use crate::domain::status::OrderStatus;
use oms_validation::{Cursor, CursorKey, InvalidCursor, Page, PageSize};

/// One entry of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// Who did it: `api:storefront`, `sweeper`, `operator:ann`, …; none for a call of which that was not kept yet.
    pub actor: Option<String>,
    /// Why, in words.
    pub reason: String,
    /// What.
    pub happening: Happening,
    place: Place,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The order went from one status to another; from none when it was placed.
    Transition {
        /// Before.
        from: Option<OrderStatus>,
        /// After.
        to: OrderStatus,
    },
    /// Something worth knowing, which changed nothing: what an operator did, say.
    Note {
        /// Where the order was.
        status: OrderStatus,
    },
    /// Its lines were reserved at its warehouse.
    StockReserved,
    /// They were given back.
    StockReleased,
    /// The gateway was asked about its payment.
    GatewayCall(Box<GatewayCall>),
    /// The sweeper tried to settle it in vain.
    Retry(FailedTry),
}

/// A try of the sweeper that did not settle an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedTry {
    /// Its own id.
    pub id: Uuid,
    /// 1 for the first since the order was last left to the sweeper.
    pub number: i32,
    /// Why it failed, in words.
    pub reason: String,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// When the next was due.
    pub next_at: DateTime<Utc>,
}

/// Where an entry is kept. At one time the first comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// The calls to the gateway, which lead to the changes that are written with them.
    Calls,
    /// The order's own events, and what was done to the stock in their commits.
    Events,
    /// The failed tries of the sweeper.
    Tries,
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    at: DateTime<Utc>,
    source: Source,
    /// Orders what stands at one time in one source.
    number: Uuid,
}

/// Where a page of a timeline ended.
pub(crate) type TimelineCursor = Cursor<Place>;

impl CursorKey for Place {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match self.source {
            Source::Events => 'e',
            Source::Calls => 'c',
            Source::Tries => 't',
        };
        (source, (self.at, self.number)).write(f)
    }

    fn read(text: &mut &str) -> Result<Self, InvalidCursor> {
        let (source, (at, number)) = CursorKey::read(text)?;
        let source = match source {
            'e' => Source::Events,
            'c' => Source::Calls,
            't' => Source::Tries,
            _ => return Err(InvalidCursor),
        };
        Ok(Self { at, source, number })
    }
}

impl Place {
    /// From where on a source has what comes after this page. The first may be the page's last.
    pub(crate) fn first_of(self, source: Source) -> (DateTime<Utc>, Uuid) {
        let number = match source.cmp(&self.source) {
            std::cmp::Ordering::Less => Uuid::max(),
            std::cmp::Ordering::Equal => self.number,
            std::cmp::Ordering::Greater => Uuid::nil(),
        };
        (self.at, number)
    }

    /// The same for events, which have numbers of their own.
    pub(crate) fn first_event(self) -> (DateTime<Utc>, i32) {
        let (at, number) = self.first_of(Source::Events);
        let sequence = i32::try_from(number.as_u128() / 2);
        (at, sequence.unwrap_or(i32::MAX))
    }
}

/// What was found in the sources: of each two entries more than the page has, or all there are, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// With the time at which each stands.
    pub(crate) events: Vec<(DateTime<Utc>, OrderEvent)>,
    pub(crate) calls: Vec<GatewayCall>,
    pub(crate) tries: Vec<FailedTry>,
}

impl Found {
    /// How many entries of each source a page is made from: one tells whether there is a next page, and one may have been
    /// the last of the page before.
    pub(crate) fn needed_for(size: PageSize) -> usize {
        size.get() + 2
    }

    /// The page that comes after a cursor.
    pub(crate) fn page(
        self,
        after: Option<TimelineCursor>,
        size: PageSize,
    ) -> Page<TimelineEntry, TimelineCursor> {
        let events = self.events.into_iter().flat_map(of_event);
        let calls = self.calls.into_iter().map(of_call);
        let tries = self.tries.into_iter().map(of_try);
        let mut entries: Vec<TimelineEntry> = events.chain(calls).chain(tries).collect();
        entries.retain(|entry| after.is_none_or(|cursor| entry.place > cursor.0));
        entries.sort_by_key(|entry| entry.place);
        Page::of(entries, size, |last| Cursor(last.place))
    }
}

/// The event, and what was done to the stock in its commit. Reservations keep no history of their own: they are made in
/// the commit that places an order, and deleted in the one that takes it to a status which holds no stock.
fn of_event((stands_at, event): (DateTime<Utc>, OrderEvent)) -> Vec<TimelineEntry> {
    let stock = match (event.from, event.to) {
        (None, _) => Some(Happening::StockReserved),
        (Some(from), to) if from.holds_stock() && !to.holds_stock() => {
            Some(Happening::StockReleased)
        }
        (Some(_), _) => None,
    };
    let status = match event.from {
        Some(from) if from == event.to => Happening::Note { status: from },
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
        // Another version of the program may ask for more than this one knows.
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

#[cfg(test)]
mod tests;
