//! Lists of orders: filter, sort order and cursor.
//!
//! Orders are listed by ID, which begins with the time when the program accepted the order. Each filter has an index
//! in that order, and orders placed in the meantime neither shift nor repeat others.

use std::time::Duration;

use chrono::{DateTime, Utc};
use oms_validation::{Cursor, OrderId, WarehouseId};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::external_reference::ExternalReference;
use crate::domain::id::CustomerId;
use crate::domain::status::OrderStatus;

/// How far the time in an order's ID may be from its `created_at`. The first is by the clock of the machine that
/// accepted the order, the second by the database's, and the request may have waited for a connection in between.
const CLOCKS_APART: Duration = Duration::from_secs(10);

/// A list of orders: its filter and sort order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderListing {
    /// The filter.
    pub filter: OrderFilter,
    /// The sort order.
    pub sort: OrderSort,
}

/// Which orders to list. All conditions must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// Their status.
    pub status: Option<OrderStatus>,
    /// Their customer.
    pub customer_id: Option<CustomerId>,
    /// Their warehouse.
    pub warehouse_id: Option<WarehouseId>,
    /// Placed at this time or later.
    pub created_from: Option<DateTime<Utc>>,
    /// Placed before this time.
    pub created_to: Option<DateTime<Utc>>,
    /// Their name in another system.
    pub external_reference: Option<ExternalReference>,
    /// Whether their payment was ever disputed.
    pub disputed: Option<bool>,
}

/// The sort order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(default = "newest")]
pub enum OrderSort {
    /// Newest first.
    #[default]
    #[serde(rename = "newest")]
    NewestFirst,
    /// Oldest first.
    #[serde(rename = "oldest")]
    OldestFirst,
}

/// The end of a page of orders: its last order, and a digest of the list.
pub type OrderCursor = Cursor<(OrderId, u64)>;

/// The cursor belongs to a list with another filter or sort order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("belongs to a list with other parameters; only limit may change between pages")]
pub struct CursorOfAnotherList;

impl OrderListing {
    /// The cursor of a page that ends with this order.
    pub(crate) fn cursor(&self, last: OrderId) -> OrderCursor {
        Cursor((last, self.digest()))
    }

    /// Rejects the cursor of another list.
    ///
    /// # Errors
    /// If the cursor belongs to another list.
    pub fn check(&self, cursor: OrderCursor) -> Result<(), CursorOfAnotherList> {
        let Cursor((_, listing)) = cursor;
        (listing == self.digest())
            .then_some(())
            .ok_or(CursorOfAnotherList)
    }

    /// Distinguishes this list from others. It helps clients to notice mixed-up cursors, and protects nothing.
    fn digest(&self) -> u64 {
        let OrderFilter {
            status,
            customer_id,
            warehouse_id,
            created_from,
            created_to,
            external_reference,
            disputed,
        } = &self.filter;
        let text = |part: Option<String>| part.unwrap_or_default();
        let micros = |at: &Option<DateTime<Utc>>| at.map(|at| at.timestamp_micros().to_string());
        let mut parts = vec![
            format!("{:?}", self.sort),
            text(status.map(|status| status.to_string())),
            text(customer_id.map(|id| id.to_string())),
            text(warehouse_id.map(|id| id.to_string())),
            text(micros(created_from)),
            text(micros(created_to)),
            // References contain no line breaks.
            text(external_reference.as_ref().map(ToString::to_string)),
        ];
        // Not if it is absent: cursors from before this filter existed stay valid.
        parts.extend(disputed.map(|disputed| disputed.to_string()));
        let hash = Sha256::digest(parts.join("\n"));
        let mut digest = [0; 8];
        digest.copy_from_slice(&hash[..8]);
        u64::from_be_bytes(digest)
    }

    /// The range of IDs to search. It is wider than the filter's times, which must be compared too.
    pub(crate) fn ids(&self, after: Option<OrderCursor>) -> IdsBetween {
        let mut ids = IdsBetween {
            low: self.filter.created_from.map_or(Uuid::nil(), |from| {
                first_id(from.timestamp_millis() - millis(CLOCKS_APART))
            }),
            high: self.filter.created_to.map_or(Uuid::max(), |to| {
                first_id(to.timestamp_millis() + millis(CLOCKS_APART) + 1)
            }),
        };
        if let Some(Cursor((last, _))) = after {
            let last = last.as_uuid();
            match self.sort {
                OrderSort::NewestFirst => ids.high = ids.high.min(last),
                OrderSort::OldestFirst => ids.low = ids.low.max(last),
            }
        }
        ids
    }
}

/// The IDs between two bounds, exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IdsBetween {
    pub(crate) low: Uuid,
    pub(crate) high: Uuid,
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A lower bound for every ID of this millisecond: an ID's first 48 bits are its time (RFC 9562, 5.7).
fn first_id(unix_ms: i64) -> Uuid {
    let unix_ms = unix_ms.clamp(0, (1 << 48) - 1).unsigned_abs();
    Uuid::from_u64_pair(unix_ms << 16, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(filter: OrderFilter) -> OrderListing {
        OrderListing {
            filter,
            sort: OrderSort::NewestFirst,
        }
    }

    fn at(unix_ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(unix_ms).unwrap()
    }

    /// Lists that each differ in one parameter.
    fn lists() -> Vec<OrderListing> {
        let one = Uuid::from_u128(1);
        let filters = [
            OrderFilter::default(),
            OrderFilter {
                status: Some(OrderStatus::Paid),
                ..OrderFilter::default()
            },
            OrderFilter {
                customer_id: Some(one.into()),
                ..OrderFilter::default()
            },
            OrderFilter {
                warehouse_id: Some(one.into()),
                ..OrderFilter::default()
            },
            OrderFilter {
                created_from: Some(at(1)),
                ..OrderFilter::default()
            },
            OrderFilter {
                created_to: Some(at(1)),
                ..OrderFilter::default()
            },
            OrderFilter {
                external_reference: ExternalReference::parse("1").ok(),
                ..OrderFilter::default()
            },
            OrderFilter {
                disputed: Some(true),
                ..OrderFilter::default()
            },
            OrderFilter {
                disputed: Some(false),
                ..OrderFilter::default()
            },
        ];
        let mut lists: Vec<_> = filters.into_iter().map(newest).collect();
        lists.push(OrderListing {
            sort: OrderSort::OldestFirst,
            ..newest(OrderFilter::default())
        });
        lists
    }

    #[test]
    fn a_cursor_belongs_to_one_list() {
        let last = OrderId::generate();
        for list in lists() {
            let cursor = list.cursor(last).to_string().parse().unwrap();
            assert_eq!(cursor, list.cursor(last));
            for other in lists() {
                let is_own = other.check(cursor).is_ok();
                assert_eq!(is_own, other == list, "{other:?} {list:?}");
            }
        }
    }

    #[test]
    fn the_id_range_of_a_time_allows_for_clock_differences() {
        let filter = OrderFilter {
            created_from: Some(at(1_700_000_000_000)),
            created_to: Some(at(1_700_000_060_000)),
            ..OrderFilter::default()
        };
        let ids = newest(filter).ids(None);
        let made_at = |unix_ms: u64| {
            let (seconds, ms) = (unix_ms / 1000, u32::try_from(unix_ms % 1000).unwrap());
            let timestamp = uuid::Timestamp::from_unix(uuid::NoContext, seconds, ms * 1_000_000);
            Uuid::new_v7(timestamp)
        };
        let is_in = |unix_ms| ids.low < made_at(unix_ms) && made_at(unix_ms) < ids.high;
        assert!(is_in(1_699_999_990_000) && is_in(1_700_000_070_000));
        assert!(!is_in(1_699_999_989_999) && !is_in(1_700_000_070_001));
    }

    #[test]
    fn a_page_continues_where_the_last_one_ended_in_either_order() {
        let (last, filter) = (OrderId::generate(), OrderFilter::default());
        let newest = newest(filter.clone());
        let ids = newest.ids(Some(newest.cursor(last)));
        assert_eq!((ids.low, ids.high), (Uuid::nil(), last.as_uuid()));
        let oldest = OrderListing {
            sort: OrderSort::OldestFirst,
            filter,
        };
        let ids = oldest.ids(Some(oldest.cursor(last)));
        assert_eq!((ids.low, ids.high), (last.as_uuid(), Uuid::max()));
    }

    #[test]
    fn every_time_has_an_id_range() {
        let filter = OrderFilter {
            created_from: Some(DateTime::<Utc>::MIN_UTC),
            created_to: Some(DateTime::<Utc>::MAX_UTC),
            ..OrderFilter::default()
        };
        let ids = newest(filter).ids(None);
        assert!(ids.low < OrderId::generate().as_uuid());
        assert!(ids.high > OrderId::generate().as_uuid());
    }
}
