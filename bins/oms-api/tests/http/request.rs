//! Orders as clients send them, for the products of the demo catalogue.

use serde_json::{Value, json};
use uuid::Uuid;

pub const WIDGET_A: &str = "11111111-1111-4111-8111-111111111111";
pub const WIDGET_B: &str = "22222222-2222-4222-8222-222222222222";
pub const GADGET_C: &str = "33333333-3333-4333-8333-333333333333";
pub const SPLIT_EAST: &str = "44444444-4444-4444-8444-444444444444";
pub const SPLIT_WEST: &str = "55555555-5555-4555-8555-555555555555";
pub const SCARCE: &str = "66666666-6666-4666-8666-666666666666";

pub const ATLANTA: &str = "191 Peachtree St NE, Atlanta, GA";
pub const CHICAGO: &str = "Millennium Park, Chicago, IL";
pub const PHOENIX: &str = "400 E Van Buren St, Phoenix, AZ";
pub const UNKNOWN_ADDRESS: &str = "742 Evergreen Terrace, Springfield";

/// The customer of all orders that name no other.
pub const CUSTOMER: &str = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";

pub const CARD: &str = "4111111111111111";
pub const DECLINED_CARD: &str = "4000000000000002";

/// An order paid with a card that the sandbox accepts.
pub fn order(address: &str, items: &[(&str, i64)]) -> Value {
    let items: Vec<Value> = items
        .iter()
        .map(|(product, quantity)| json!({ "productId": product, "quantity": quantity }))
        .collect();
    json!({
        "customerId": CUSTOMER,
        "creditCardNumber": CARD,
        "shippingAddress": address,
        "items": items,
    })
}

/// An order for one unit.
pub fn small_order() -> Value {
    order(ATLANTA, &[(WIDGET_A, 1)])
}

/// The same body with one member changed. `Null` removes it.
pub fn with(mut body: Value, member: &str, value: Value) -> Value {
    let members = body.as_object_mut().unwrap();
    match value {
        Value::Null => members.remove(member),
        value => members.insert(member.to_owned(), value),
    };
    body
}

/// A new idempotency key.
pub fn new_key() -> String {
    Uuid::new_v4().to_string()
}
