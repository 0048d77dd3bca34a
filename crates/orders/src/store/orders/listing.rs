//! Listing orders.
//!
//! Every list is read in ID order, from the most selective index. This module chooses the index, because the planner
//! can't do it for a statement that is prepared once. The remaining filters are compared row by row. A page looks at a
//! bounded number of rows, so that no filter can make it slow: it may be short instead.
//!
//! No index of `orders.orders` may contain the status, not even in its predicate: paying an order would no longer be a
//! heap-only update. Final statuses are found through the event that set them, and unsettled orders through the work
//! list and the dead letters.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{OrderId, TenantId, WarehouseId};

use super::{Row, order_columns, with_lines};
use crate::domain::external_reference::ExternalReference;
use crate::domain::id::CustomerId;
use crate::domain::order::Order;
use crate::domain::order_listing::{IdsBetween, OrderListing, OrderSort};
use crate::domain::status::OrderStatus;

/// Maximum number of rows that a page looks at. A macro, because the text of a cached statement must be a constant.
macro_rules! most_looked_at {
    () => {
        1000
    };
}

/// A part of a list.
#[derive(Debug)]
pub(crate) struct Listed {
    /// The orders that match.
    pub(crate) orders: Vec<Order>,
    /// Where the search stopped, if it stopped before the list ended and before the page was full.
    pub(crate) looked_until: Option<OrderId>,
}

/// The rows of an index of `orders.orders` that begins with the columns of the condition, followed by the ID.
macro_rules! from_orders {
    ($condition:literal, $direction:literal) => {
        concat!(
            "SELECT o.* FROM orders.orders o
             WHERE o.tenant_id = $1 AND o.id > $2 AND o.id < $3 AND ",
            $condition,
            " ORDER BY o.id ",
            $direction,
            " LIMIT ",
            most_looked_at!()
        )
    };
}

/// The orders whose IDs are in another table, each once.
macro_rules! from_ids {
    ($ids:literal, $direction:literal) => {
        concat!(
            "SELECT o.* FROM (
                 SELECT i.order_id FROM (",
            $ids,
            ") i WHERE i.order_id > $2 AND i.order_id < $3 ORDER BY i.order_id ",
            $direction,
            " LIMIT ",
            most_looked_at!(),
            ") i JOIN orders.orders o ON o.tenant_id = $1 AND o.id = i.order_id"
        )
    };
}

/// Orders in a final status. The event that set it is never followed by another change, and the index contains only
/// such events.
macro_rules! from_ends {
    ($direction:literal) => {
        from_ids!(
            "SELECT e.order_id FROM orders.events e
             WHERE e.tenant_id = $1 AND e.to_status = $4
                 AND e.to_status IN ('FAILED', 'CANCELLED', 'REFUNDED') AND e.from_status <> e.to_status",
            $direction
        )
    };
}

/// Unsettled orders: each is on the work list or has an open dead letter, never both.
macro_rules! from_unsettled {
    ($direction:literal) => {
        from_ids!(
            "SELECT r.order_id FROM orders.reconciliations r WHERE r.tenant_id = $1
             UNION ALL
             SELECT d.order_id FROM orders.dead_letters d WHERE d.tenant_id = $1 AND d.resolved_at IS NULL",
            $direction
        )
    };
}

/// Orders whose payment was ever disputed. There are few.
macro_rules! from_disputed {
    ($direction:literal) => {
        from_ids!(
            "SELECT DISTINCT d.order_id FROM orders.disputes d WHERE d.tenant_id = $1",
            $direction
        )
    };
}

/// The text of a list: IDs of the tenant `$1` between `$2` and `$3`, the filters `$4` to `$9` and `$11`, and at most
/// `$10` orders.
/// If the search stopped early, the last row that it looked at is returned too, whether or not it matches.
macro_rules! select_page {
    ($rows:expr, $direction:literal) => {
        concat!(
            "SELECT ",
            order_columns!(),
            ", is_wanted, position FROM (
                 SELECT l.*, row_number() OVER (ORDER BY l.id ",
            $direction,
            ") AS position,
                     ($4 IS NULL OR l.status = $4) AND ($5 IS NULL OR l.customer_id = $5)
                     AND ($6 IS NULL OR l.warehouse_id = $6)
                     AND ($7 IS NULL OR l.created_at >= $7) AND ($8 IS NULL OR l.created_at < $8)
                     AND ($9 IS NULL OR l.external_reference = $9) IS TRUE
                     AND ($11 IS NULL OR EXISTS (SELECT FROM orders.disputes d
                         WHERE d.tenant_id = $1 AND d.order_id = l.id) = $11) AS is_wanted
                 FROM (",
            $rows,
            ") l
             ) looked_at
             WHERE is_wanted OR position = ",
            most_looked_at!(),
            " ORDER BY id ",
            $direction,
            " LIMIT $10"
        )
    };
}

/// The text of a list in both directions.
macro_rules! in_order {
    ($sort:expr, $rows:ident ! ($($condition:literal)?)) => {
        match $sort {
            OrderSort::NewestFirst => select_page!($rows!($($condition,)? "DESC"), "DESC"),
            OrderSort::OldestFirst => select_page!($rows!($($condition,)? "ASC"), "ASC"),
        }
    };
}

/// Returns the text for the most selective filter.
fn text_of(listing: &OrderListing) -> &'static str {
    let OrderListing { filter, sort } = listing;
    if filter.external_reference.is_some() {
        return in_order!(sort, from_orders!("o.external_reference = $9"));
    }
    if filter.disputed == Some(true) {
        return in_order!(sort, from_disputed!());
    }
    if filter.customer_id.is_some() {
        return in_order!(sort, from_orders!("o.customer_id = $5"));
    }
    match filter.status {
        Some(OrderStatus::Failed | OrderStatus::Cancelled | OrderStatus::Refunded) => {
            return in_order!(sort, from_ends!());
        }
        Some(OrderStatus::PendingPayment | OrderStatus::Cancelling | OrderStatus::Refunding) => {
            return in_order!(sort, from_unsettled!());
        }
        // Nearly all orders match.
        Some(OrderStatus::Paid | OrderStatus::Other(_)) | None => {}
    }
    if filter.warehouse_id.is_some() {
        return in_order!(sort, from_orders!("o.warehouse_id = $6"));
    }
    in_order!(sort, from_orders!("true"))
}

/// Up to `limit` orders of a list, with their lines.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
    listing: &OrderListing,
    ids: IdsBetween,
    limit: usize,
) -> Result<Listed, DbError> {
    #[derive(QueryableByName)]
    struct ListedRow {
        #[diesel(embed)]
        order: Row,
        #[diesel(sql_type = Bool)]
        is_wanted: bool,
        #[diesel(sql_type = BigInt)]
        position: i64,
    }

    let filter = &listing.filter;
    let reference = filter.external_reference.as_ref();
    let mut rows: Vec<ListedRow> = cached_sql(text_of(listing))
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(ids.low)
        .bind::<SqlUuid, _>(ids.high)
        .bind::<Nullable<Text>, _>(filter.status.map(OrderStatus::as_str))
        .bind::<Nullable<SqlUuid>, _>(filter.customer_id.map(CustomerId::as_uuid))
        .bind::<Nullable<SqlUuid>, _>(filter.warehouse_id.map(WarehouseId::as_uuid))
        .bind::<Nullable<Timestamptz>, _>(filter.created_from)
        .bind::<Nullable<Timestamptz>, _>(filter.created_to)
        .bind::<Nullable<Text>, _>(reference.map(ExternalReference::as_str))
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind::<Nullable<Bool>, _>(filter.disputed)
        .load(connection)
        .await?;
    let ends_looking = |row: &ListedRow| row.position == most_looked_at!();
    let last = rows.last().filter(|row| ends_looking(row));
    let looked_until = last.map(|row| row.order.id.into());
    rows.retain(|row| row.is_wanted);
    let rows = rows.into_iter().map(|row| row.order).collect();
    let orders = with_lines(connection, tenant, rows).await?;
    Ok(Listed {
        orders,
        looked_until,
    })
}
