//! Fingerprints of requests, for idempotency keys.

use oms_payments::PaymentMethod;
use oms_validation::{Fingerprint, Money};
use sha2::{Digest, Sha256};

use crate::domain::adjustment::Adjustment;
use crate::domain::order::OrderRequest;
use crate::domain::pricing::RequestedPricing;

/// The fingerprint of a request. Different spellings of the same request (case of IDs, order of JSON members) have the
/// same one.
///
/// Only the last four digits of a card number are included: a full number could be guessed from its hash.
pub(crate) fn of(request: &OrderRequest) -> Fingerprint {
    let mut hasher = Sha256::new();
    let mut part = |bytes: &[u8]| {
        // The length prefix keeps different lists of parts from producing the same bytes.
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
    for text in of_method(&request.payment.method) {
        part(text.as_bytes());
    }
    // Absent members add nothing, so that keys from before these members existed keep their fingerprint.
    if let Some(url) = &request.payment.return_url {
        part(b"return url");
        part(url.as_str().as_bytes());
    }
    if let Some(reference) = &request.external_reference {
        part(b"external reference");
        part(reference.as_str().as_bytes());
    }
    if !request.metadata.is_empty() {
        part(b"metadata");
        for (key, value) in request.metadata.iter() {
            part(key.as_bytes());
            part(value.as_bytes());
        }
    }
    let pricing = of_pricing(&request.pricing);
    if !pricing.is_empty() {
        // Ends the metadata, whose keys are not empty: otherwise the parts that follow could be more of it.
        part(b"");
    }
    for text in pricing {
        part(text.as_bytes());
    }
    Fingerprint(hasher.finalize().into())
}

/// What a request says of an order's money; empty if it says nothing.
fn of_pricing(pricing: &RequestedPricing) -> Vec<String> {
    let mut parts = Vec::new();
    let money = |money: &Money| format!("{} {}", money.amount_minor, money.currency);
    if let Some(currency) = pricing.currency {
        parts.extend(["currency".to_owned(), currency.to_string()]);
    }
    if let Some(list) = &pricing.price_list {
        parts.extend(["price list".to_owned(), list.to_string()]);
    }
    for (index, price) in &pricing.expected_unit_prices {
        parts.extend([format!("expected unit price {index}"), money(price)]);
    }
    for adjustment in &pricing.adjustments {
        let Adjustment {
            kind,
            scope,
            amount_minor,
            included,
            label,
            code,
            rate_ppm,
        } = adjustment;
        let (kind, line) = (kind.as_str(), scope.line());
        let scope = scope.as_str();
        parts.extend([
            format!("adjustment {kind} {scope} {line:?} {amount_minor} {included} {rate_ppm:?}"),
            label.clone(),
            code.clone().unwrap_or_default(),
        ]);
    }
    if let Some(total) = &pricing.expected_total {
        parts.extend(["expected total".to_owned(), money(total)]);
    }
    parts
}

/// The parts of a payment method that may be in a fingerprint.
pub(crate) fn of_method(method: &PaymentMethod) -> [&str; 2] {
    match method {
        PaymentMethod::Token(token) => ["token", token],
        PaymentMethod::Card(number) => ["card", number.last4()],
    }
}

#[cfg(test)]
mod tests {
    use oms_inventory::PriceListCode;
    use oms_payments::ReturnUrl;
    use oms_validation::Currency;
    use uuid::Uuid;

    use super::*;
    use crate::domain::adjustment::{AdjustmentKind, AdjustmentScope};
    use crate::{ExternalReference, Metadata, RequestedLine, ShippingAddress};

    fn request() -> OrderRequest {
        let line = |number: u128, quantity| RequestedLine {
            product_id: Uuid::from_u128(number).into(),
            quantity,
        };
        OrderRequest {
            customer_id: Uuid::from_u128(1).into(),
            shipping_address: serde_json::from_str("\"1 Main St\"").unwrap(),
            lines: vec![line(1, 2), line(2, 1)],
            payment: PaymentMethod::parse_token("pm_card_visa").unwrap().into(),
            pricing: RequestedPricing::default(),
            external_reference: None,
            metadata: Metadata::default(),
        }
    }

    fn adjustment(scope: AdjustmentScope) -> Adjustment {
        Adjustment {
            kind: AdjustmentKind::Tax,
            scope,
            amount_minor: 5,
            included: false,
            label: "x".to_owned(),
            code: None,
            rate_ppm: None,
        }
    }

    fn metadata(json: &str) -> Metadata {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_same_request_has_the_same_fingerprint() {
        assert_eq!(of(&request()), of(&request()));
    }

    #[test]
    fn every_part_of_a_request_is_in_its_fingerprint() {
        let card = |digits| PaymentMethod::parse_card(digits).unwrap();
        let address: ShippingAddress = serde_json::from_str("\"2 Main St\"").unwrap();
        let mut others = vec![request(); 26];
        others[0].customer_id = Uuid::from_u128(2).into();
        others[1].shipping_address = address;
        others[2].lines[0].quantity = 1;
        others[3].lines.pop();
        others[4].payment.method = PaymentMethod::parse_token("pm_card_amex").unwrap();
        others[5].payment.method = card("4242424242424242");
        others[6].external_reference = ExternalReference::parse("7").ok();
        others[7].external_reference = ExternalReference::parse("metadata").ok();
        others[8].metadata = metadata(r#"{"a":"b"}"#);
        others[9].metadata = metadata(r#"{"a":"c"}"#);
        others[10].metadata = metadata(r#"{"a":"b","c":"d"}"#);
        others[11].payment.return_url = ReturnUrl::parse("https://shop.example/").ok();
        others[12].payment.return_url = ReturnUrl::parse("https://shop.example/a").ok();
        let currency = Currency::parse("EUR").unwrap();
        let five = Money {
            amount_minor: 5,
            currency,
        };
        others[13].pricing.currency = Some(currency);
        others[14].pricing.expected_total = Some(five);
        others[15].pricing.expected_unit_prices = vec![(0, five)];
        others[16].pricing.expected_unit_prices = vec![(1, five)];
        for (index, scope) in [
            (17, AdjustmentScope::Order),
            (18, AdjustmentScope::Shipping),
            (19, AdjustmentScope::Line(1)),
            (20, AdjustmentScope::Line(2)),
        ] {
            others[index].pricing.adjustments = vec![adjustment(scope)];
        }
        for (index, other) in [
            (
                21,
                Adjustment {
                    included: true,
                    ..adjustment(AdjustmentScope::Order)
                },
            ),
            (
                22,
                Adjustment {
                    label: "y".to_owned(),
                    ..adjustment(AdjustmentScope::Order)
                },
            ),
            (
                23,
                Adjustment {
                    code: Some("z".to_owned()),
                    ..adjustment(AdjustmentScope::Order)
                },
            ),
        ] {
            others[index].pricing.adjustments = vec![other];
        }
        others[24].pricing.price_list = PriceListCode::parse("EUR").ok();
        others[25].pricing.price_list = PriceListCode::parse("currency").ok();
        let mut fingerprints: Vec<_> = others.iter().map(|other| of(other).0).collect();
        fingerprints.push(of(&request()).0);
        fingerprints.sort_unstable();
        fingerprints.dedup();
        assert_eq!(fingerprints.len(), 27);
    }

    #[test]
    fn metadata_can_not_be_taken_for_pricing() {
        let mut priced = request();
        priced.metadata = metadata(r#"{"a":"b"}"#);
        priced.pricing.currency = Some(Currency::parse("EUR").unwrap());
        let mut named = request();
        named.metadata = metadata(r#"{"a":"b","currency":"EUR"}"#);
        assert_ne!(of(&priced), of(&named));
    }

    #[test]
    fn the_order_of_metadata_does_not_matter() {
        let with = |json| {
            let metadata = metadata(json);
            of(&OrderRequest {
                metadata,
                ..request()
            })
        };
        assert_eq!(with(r#"{"a":"b","c":"d"}"#), with(r#"{"c":"d","a":"b"}"#));
        assert_eq!(with("{}"), of(&request()));
    }

    #[test]
    fn a_request_without_newer_members_keeps_its_old_fingerprint() {
        let hex: String = of(&request())
            .0
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            hex,
            "42b4137414ed3bc9e1a0a38e567ab90d522dad32a7038f2d85e3546a5ffe91f6"
        );
    }

    #[test]
    fn only_the_last_four_digits_of_a_card_count() {
        let of_card = |digits| {
            let payment = PaymentMethod::parse_card(digits).unwrap().into();
            of(&OrderRequest {
                payment,
                ..request()
            })
        };
        assert_eq!(of_card("4242424242421111"), of_card("5555555555551111"));
    }
}
