//! A small test world: tenants, money, and warehouses with stock in a line to the north of Atlanta.

use oms_database::{Connection, register_tenant};
use oms_validation::{Currency, Money, TenantId};
use serde_json::{Value, json};
use uuid::Uuid;

/// The latitude and the longitude of the first warehouse.
pub const FIRST_WAREHOUSE: (f64, f64) = (33.749, -84.388);

/// The unit price of each product, in US cents.
pub const PRICE: i64 = 100;

/// Returns the tenant of tests that need only one.
pub fn tenant() -> TenantId {
    Uuid::from_u128(1).into()
}

/// Returns another tenant.
pub fn other_tenant() -> TenantId {
    Uuid::from_u128(2).into()
}

/// Registers and returns a new tenant.
///
/// # Panics
/// If the database does not answer.
pub async fn new_tenant(connection: &mut Connection) -> TenantId {
    let tenant = TenantId::generate();
    let registered = register_tenant(connection, tenant.as_uuid()).await;
    registered.expect("the test database answers");
    tenant
}

/// Returns an amount of US dollars, given in cents.
///
/// # Panics
/// Never, because USD is a currency.
pub fn usd(amount_minor: i64) -> Money {
    Money {
        amount_minor,
        currency: Currency::parse("USD").expect("USD is a currency"),
    }
}

/// Returns the ID of warehouse `number`.
pub fn warehouse(number: usize) -> Uuid {
    Uuid::from_u128(0xA000 + number as u128)
}

/// Returns the ID of product `number`.
pub fn product(number: usize) -> Uuid {
    Uuid::from_u128(0xB000 + number as u128)
}

/// Returns the location this many degrees north of the first warehouse, as JSON.
pub fn north(degrees: f64) -> Value {
    let (latitude, longitude) = FIRST_WAREHOUSE;
    json!({ "lat": latitude + degrees, "lng": longitude })
}

/// Returns a catalogue in the format of `oms-api seed`. Warehouse `w` is `w` degrees north of the first one and has
/// `stock[w][p]` units of product `p`.
pub fn catalogue<Q>(stock: &[impl AsRef<[Q]>]) -> Value
where
    Q: Copy + Into<i64>,
{
    let levels: Vec<&[Q]> = stock.iter().map(AsRef::as_ref).collect();
    let products = levels.iter().map(|levels| levels.len()).max();
    let warehouses = (0..levels.len()).map(|number| {
        json!({ "id": warehouse(number), "name": format!("warehouse {number}"), "location": north(number as f64) })
    });
    let products = (0..products.unwrap_or_default()).map(|number| {
        json!({
            "id": product(number), "sku": format!("SKU-{number}"), "name": format!("product {number}"),
            "prices": [{ "amountMinor": PRICE, "currency": "USD" }], "stock": stock_of(&levels, number),
        })
    });
    let (warehouses, products): (Vec<_>, Vec<_>) = (warehouses.collect(), products.collect());
    json!({ "warehouses": warehouses, "products": products })
}

fn stock_of<Q: Copy + Into<i64>>(levels: &[&[Q]], product: usize) -> Vec<Value> {
    let quantity = |levels: &[Q]| levels.get(product).map_or(0, |quantity| (*quantity).into());
    let quantities = levels.iter().map(|levels| quantity(levels)).enumerate();
    let stocked = quantities.filter(|(_, quantity)| *quantity > 0);
    stocked
        .map(|(number, quantity)| json!({ "warehouseId": warehouse(number), "quantity": quantity }))
        .collect()
}
