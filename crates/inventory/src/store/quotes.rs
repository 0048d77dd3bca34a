//! The prices of products for orders.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use oms_database::{CachedStatement, Statement, cached_sql};
use oms_validation::{Currency, Money, ProductId, TenantId};
use uuid::Uuid;

use crate::domain::price_list::PriceListCode;

/// Selects the base prices: each existing product once for each price that it has in one of the currencies, and once if
/// it has none. A macro, because the text of a cached statement must be a constant.
macro_rules! base_prices {
    ($more:literal) => {
        concat!(
            "SELECT p.id, pr.currency, pr.unit_price_minor",
            $more,
            "
             FROM inventory.products p
             LEFT JOIN inventory.prices pr
                 ON pr.tenant_id = p.tenant_id AND pr.product_id = p.id AND pr.currency = ANY ($3)
             WHERE p.tenant_id = $1 AND p.id = ANY ($2)"
        )
    };
}

/// A quantity of a product that is ordered with the prices of a list.
pub(crate) type Listed<'a> = (&'a PriceListCode, ProductId, i32);

/// The prices of products.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// The base prices of the existing products.
    pub(crate) base: HashMap<ProductId, Vec<Money>>,
    /// The existing lists, by code.
    pub(crate) lists: HashMap<String, FoundList>,
}

/// A price list, and what its prices are now.
#[derive(Clone, Debug)]
pub(crate) struct FoundList {
    pub(crate) currency: Currency,
    /// Unit prices by product and ordered quantity. Empty if the list is inactive, or not valid now.
    pub(crate) prices: HashMap<(ProductId, i32), Money>,
}

/// Returns the base prices of products, and the prices of the listed quantities, in one statement. Without listed
/// quantities it reads no list.
///
/// `now` is the time at which a list must be valid; `None` for that of the database.
pub(crate) fn find<'q>(
    tenant: TenantId,
    now: Option<DateTime<Utc>>,
    currencies: &[Currency],
    product_ids: &[ProductId],
    listed: &[Listed<'_>],
) -> Statement<'q, Found> {
    let ids: Vec<Uuid> = product_ids.iter().map(|id| id.as_uuid()).collect();
    let currencies: Vec<String> = currencies.iter().map(ToString::to_string).collect();
    if listed.is_empty() {
        return cached_sql(base_prices!(""))
            .bind::<SqlUuid, _>(tenant.as_uuid())
            .bind::<Array<SqlUuid>, _>(ids)
            .bind::<Array<Text>, _>(currencies)
            .rows::<BaseRow>()
            .map(|rows| {
                let mut found = Found::default();
                rows.into_iter().for_each(|row| found.add_base(&row));
                found
            });
    }
    let codes: Vec<String> = listed.iter().map(|(code, ..)| code.to_string()).collect();
    let products: Vec<Uuid> = listed.iter().map(|(_, id, _)| id.as_uuid()).collect();
    let quantities: Vec<i32> = listed.iter().map(|(.., quantity)| *quantity).collect();
    cached_sql(concat!(
        base_prices!(", NULL::text AS code, NULL::integer AS quantity"),
        " UNION ALL
         SELECT w.product_id, l.currency,
                (SELECT lp.unit_price_minor FROM inventory.list_prices lp
                 WHERE lp.tenant_id = $1 AND lp.price_list_id = l.id AND lp.product_id = w.product_id
                     AND lp.min_quantity <= w.quantity AND l.active
                     AND (l.valid_from IS NULL OR l.valid_from <= greatest($7, now()))
                     AND (l.valid_until IS NULL OR l.valid_until > greatest($7, now()))
                 ORDER BY lp.min_quantity DESC LIMIT 1),
                l.code, w.quantity
         FROM unnest($4::text[], $5::uuid[], $6::integer[]) AS w (code, product_id, quantity)
         JOIN inventory.price_lists l ON l.tenant_id = $1 AND l.code = w.code"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Text>, _>(currencies)
    .bind::<Array<Text>, _>(codes)
    .bind::<Array<SqlUuid>, _>(products)
    .bind::<Array<Integer>, _>(quantities)
    .bind::<Nullable<Timestamptz>, _>(now)
    .rows::<Row>()
    .map(|rows| {
        let mut found = Found::default();
        rows.into_iter().for_each(|row| found.add(row));
        found
    })
}

#[derive(QueryableByName)]
struct BaseRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Nullable<Text>)]
    currency: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    unit_price_minor: Option<i64>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(embed)]
    base: BaseRow,
    #[diesel(sql_type = Nullable<Text>)]
    code: Option<String>,
    #[diesel(sql_type = Nullable<Integer>)]
    quantity: Option<i32>,
}

impl Found {
    fn add_base(&mut self, row: &BaseRow) {
        self.base
            .entry(row.id.into())
            .or_default()
            .extend(row.price());
    }

    fn add(&mut self, row: Row) {
        let (Some(code), Some(quantity)) = (row.code, row.quantity) else {
            return self.add_base(&row.base);
        };
        let Some(currency) = row.base.currency() else {
            return;
        };
        let list = self.lists.entry(code).or_insert_with(|| FoundList {
            currency,
            prices: HashMap::new(),
        });
        if let Some(price) = row.base.price() {
            list.prices.insert((row.base.id.into(), quantity), price);
        }
    }
}

impl BaseRow {
    fn currency(&self) -> Option<Currency> {
        let code = self.currency.as_deref()?;
        Currency::parse_stored(code).ok()
    }

    fn price(&self) -> Option<Money> {
        Some(Money {
            amount_minor: self.unit_price_minor?,
            currency: self.currency()?,
        })
    }
}
