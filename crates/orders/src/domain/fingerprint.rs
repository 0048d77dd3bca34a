//! What an idempotency key stands for.

use oms_payments::PaymentMethod;
use sha2::{Digest, Sha256};

use crate::domain::order::OrderRequest;

/// SHA-256 of a request as it was understood, so that spelling (case of ids, order of JSON members) does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub(crate) [u8; 32]);

/// The fingerprint of a request.
///
/// Of a card number only the last four digits go in: a hash of a whole number can be guessed back.
pub(crate) fn of(request: &OrderRequest) -> Fingerprint {
    let mut hasher = Sha256::new();
    let mut part = |bytes: &[u8]| {
        // With its length in front, no two different lists of parts run into one text.
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    part(b"order v1");
    part(request.customer_id.as_uuid().as_bytes());
    let address = serde_json::to_vec(&request.shipping_address);
    part(&address.expect("an address has only strings and finite numbers"));
    for line in &request.lines {
        part(line.product_id.as_uuid().as_bytes());
        part(&line.quantity.to_be_bytes());
    }
    match &request.payment_method {
        PaymentMethod::Token(token) => {
            part(b"token");
            part(token.as_bytes());
        }
        PaymentMethod::Card(number) => {
            part(b"card");
            part(number.last4().as_bytes());
        }
    }
    Fingerprint(hasher.finalize().into())
}
