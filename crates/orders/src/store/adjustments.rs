//! `orders.adjustments`: the discounts, taxes, shipping and fees of orders.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Uuid as SqlUuid};
use oms_database::{CachedStatement, Statement, cached_sql};
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

use crate::domain::adjustment::{Adjustment, AdjustmentKind, AdjustmentScope};
use crate::domain::order::NewOrder;

/// Adjustments, column by column, numbered from 1 within each order.
#[derive(Default)]
struct Columns<'a> {
    orders: Vec<Uuid>,
    numbers: Vec<i32>,
    kinds: Vec<&'a str>,
    scopes: Vec<&'a str>,
    lines: Vec<Option<i32>>,
    amounts: Vec<i64>,
    included: Vec<bool>,
    labels: Vec<&'a str>,
    codes: Vec<Option<&'a str>>,
    rates: Vec<Option<i32>>,
}

impl<'a> Columns<'a> {
    fn of(orders: impl Iterator<Item = &'a NewOrder>) -> Self {
        let mut columns = Self::default();
        for order in orders {
            for (number, adjustment) in (1..).zip(&order.adjustments) {
                columns.orders.push(order.id.as_uuid());
                columns.numbers.push(number);
                columns.kinds.push(adjustment.kind.as_str());
                columns.scopes.push(adjustment.scope.as_str());
                columns.lines.push(adjustment.scope.line());
                columns.amounts.push(adjustment.amount_minor);
                columns.included.push(adjustment.included);
                columns.labels.push(&adjustment.label);
                columns.codes.push(adjustment.code.as_deref());
                columns.rates.push(adjustment.rate_ppm);
            }
        }
        columns
    }
}

/// Returns a statement that inserts the adjustments of new orders; `None` if none has any.
pub(crate) fn insert<'q>(
    tenant: TenantId,
    orders: impl Iterator<Item = &'q NewOrder>,
) -> Option<Statement<'q, usize>> {
    let columns = Columns::of(orders);
    if columns.orders.is_empty() {
        return None;
    }
    let statement = cached_sql(
        "INSERT INTO orders.adjustments
             (tenant_id, order_id, number, kind, scope, line_number, amount_minor, included, label, code, rate_ppm)
         SELECT t.tenant_id, new.order_id, new.number, new.kind, new.scope, new.line_number, new.amount_minor,
                new.included, new.label, new.code, new.rate_ppm
         FROM tenancy.tenants t
         CROSS JOIN unnest($2::uuid[], $3::integer[], $4::text[], $5::text[], $6::integer[], $7::bigint[], $8::boolean[],
                           $9::text[], $10::text[], $11::integer[])
             AS new (order_id, number, kind, scope, line_number, amount_minor, included, label, code, rate_ppm)
         WHERE t.tenant_id = $1",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(columns.orders)
    .bind::<Array<Integer>, _>(columns.numbers)
    .bind::<Array<Text>, _>(columns.kinds)
    .bind::<Array<Text>, _>(columns.scopes)
    .bind::<Array<Nullable<Integer>>, _>(columns.lines)
    .bind::<Array<BigInt>, _>(columns.amounts)
    .bind::<Array<Bool>, _>(columns.included)
    .bind::<Array<Text>, _>(columns.labels)
    .bind::<Array<Nullable<Text>>, _>(columns.codes)
    .bind::<Array<Nullable<Integer>>, _>(columns.rates);
    Some(statement.affected())
}

/// Returns a statement that finds the adjustments of orders, in their order.
pub(crate) fn find<'q>(
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Statement<'q, HashMap<OrderId, Vec<Adjustment>>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        order_id: Uuid,
        #[diesel(sql_type = Text)]
        kind: String,
        #[diesel(sql_type = Text)]
        scope: String,
        #[diesel(sql_type = Nullable<Integer>)]
        line_number: Option<i32>,
        #[diesel(sql_type = BigInt)]
        amount_minor: i64,
        #[diesel(sql_type = Bool)]
        included: bool,
        #[diesel(sql_type = Text)]
        label: String,
        #[diesel(sql_type = Nullable<Text>)]
        code: Option<String>,
        #[diesel(sql_type = Nullable<Integer>)]
        rate_ppm: Option<i32>,
    }

    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    cached_sql(
        "SELECT order_id, kind, scope, line_number, amount_minor, included, label, code, rate_ppm
         FROM orders.adjustments WHERE tenant_id = $1 AND order_id = ANY ($2) ORDER BY order_id, number",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .rows::<Row>()
    .map(|rows| {
        let mut adjustments = HashMap::<OrderId, Vec<Adjustment>>::new();
        for row in rows {
            let adjustment = Adjustment {
                kind: AdjustmentKind::stored(&row.kind),
                scope: AdjustmentScope::stored(&row.scope, row.line_number),
                amount_minor: row.amount_minor,
                included: row.included,
                label: row.label,
                code: row.code,
                rate_ppm: row.rate_ppm,
            };
            adjustments
                .entry(row.order_id.into())
                .or_default()
                .push(adjustment);
        }
        adjustments
    })
}
