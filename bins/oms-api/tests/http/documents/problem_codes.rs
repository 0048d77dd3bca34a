//! The codes of problems are a contract: clients match on them. New codes may be added, but neither the spelling nor
//! the status of a listed code may change.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use oms_errors::ProblemType;
use serde_json::Value;

const CODES: &[(&str, u16)] = &[
    ("request.invalid", 400),
    ("request.invalid_header", 400),
    ("access.unauthenticated", 401),
    ("access.forbidden", 403),
    ("access.rate_limited", 429),
    ("access.issuer_unavailable", 503),
    ("request.route_not_found", 404),
    ("request.method_not_allowed", 405),
    ("request.precondition_failed", 412),
    ("request.precondition_required", 428),
    ("request.timeout", 408),
    ("request.too_large", 413),
    ("request.head_too_large", 431),
    ("request.unsupported_media_type", 415),
    ("service.database_unavailable", 503),
    ("service.database_denied", 503),
    ("service.overloaded", 503),
    ("service.internal", 500),
    ("events.not_found", 404),
    ("events.cursor_expired", 410),
    ("events.too_many_waiting", 429),
    ("webhooks.endpoint_not_found", 404),
    ("webhooks.delivery_not_found", 404),
    ("webhooks.url_not_allowed", 422),
    ("webhooks.too_many_endpoints", 409),
    ("webhooks.position_expired", 409),
    ("webhooks.replay_not_found", 404),
    ("webhooks.replay_running", 409),
    ("webhooks.replay_empty", 422),
    ("webhooks.replay_too_long", 422),
    ("webhooks.no_secret_keys", 409),
    ("webhooks.idempotency_key_reused", 422),
    ("webhooks.outcome_unknown", 503),
    ("geocoding.address_not_found", 400),
    ("geocoding.too_many_look_ups", 429),
    ("geocoding.unavailable", 503),
    ("fulfilment.not_found", 404),
    ("fulfilment.shipment_not_found", 404),
    ("fulfilment.parcel_not_found", 404),
    ("fulfilment.on_hold", 409),
    ("fulfilment.scheduled", 409),
    ("fulfilment.closed", 409),
    ("fulfilment.has_shipments", 409),
    ("fulfilment.too_many_holds", 409),
    ("fulfilment.reserved_handle", 422),
    ("fulfilment.other_warehouse", 409),
    ("fulfilment.too_many_shipments", 409),
    ("fulfilment.unknown_line", 422),
    ("fulfilment.more_than_outstanding", 422),
    ("fulfilment.nothing_ready", 409),
    ("fulfilment.packed", 409),
    ("fulfilment.too_many_moves", 409),
    ("fulfilment.evacuation_not_found", 404),
    ("fulfilment.evacuation_unfinished", 409),
    ("fulfilment.evacuation_finished", 409),
    ("fulfilment.not_shipped", 409),
    ("fulfilment.delivered", 409),
    ("fulfilment.shipment_cancelled", 409),
    ("fulfilment.has_parcels", 409),
    ("fulfilment.erased", 409),
    ("fulfilment.implausible_time", 422),
    ("fulfilment.not_reserved", 409),
    ("fulfilment.has_return", 409),
    ("returns.not_found", 404),
    ("returns.nothing_shipped", 409),
    ("returns.unknown_line", 422),
    ("returns.more_than_returnable", 422),
    ("returns.too_many_returns", 409),
    ("returns.wrong_status", 409),
    ("returns.already_accepted", 409),
    ("returns.more_than_approved", 422),
    ("returns.too_many_receipts", 409),
    ("fulfilment.outcome_unknown", 503),
    ("inventory.warehouse_not_found", 404),
    ("inventory.warehouse_name_taken", 409),
    ("inventory.warehouse_evacuated", 409),
    ("inventory.product_not_found", 404),
    ("inventory.sku_taken", 409),
    ("inventory.price_list_not_found", 404),
    ("inventory.price_list_code_taken", 409),
    ("inventory.price_list_currency", 422),
    ("inventory.stock_level_not_found", 404),
    ("inventory.unknown_warehouse", 422),
    ("inventory.unknown_product", 422),
    ("inventory.insufficient_stock", 422),
    ("inventory.insufficient_quarantine", 422),
    ("inventory.too_much_stock", 422),
    ("inventory.idempotency_key_reused", 422),
    ("inventory.import_not_found", 404),
    ("inventory.import_header", 400),
    ("inventory.import_encoding", 400),
    ("inventory.import_empty", 400),
    ("inventory.import_too_long", 413),
    ("inventory.import_rejected", 422),
    ("inventory.import_in_progress", 409),
    ("inventory.imports_busy", 503),
    ("inventory.outcome_unknown", 503),
    ("payments.gateway_unavailable", 503),
    ("payments.amount_not_accepted", 422),
    ("payments.currency_not_accepted", 422),
    ("payments.payment_not_accepted", 422),
    ("payments.gateway_refused", 503),
    ("payments.invalid_signature", 400),
    ("orders.no_single_warehouse", 422),
    ("orders.not_available_there", 422),
    ("orders.same_warehouse", 422),
    ("orders.no_other_warehouse", 422),
    ("orders.unknown_product", 422),
    ("orders.product_not_sold", 422),
    ("orders.unknown_price_list", 422),
    ("orders.price_list_currency", 422),
    ("orders.currency_not_offered", 422),
    ("orders.price_changed", 409),
    ("orders.total_mismatch", 422),
    ("orders.discount_too_large", 422),
    ("orders.tax_too_large", 422),
    ("orders.total_too_large", 422),
    ("orders.idempotency_key_reused", 422),
    ("orders.in_progress", 409),
    ("orders.payment_disputed", 409),
    ("orders.payment_declined", 402),
    ("orders.payment_voided", 402),
    ("orders.not_payable", 409),
    ("orders.payment_expired", 409),
    ("orders.payment_in_progress", 409),
    ("orders.too_many_payments", 409),
    ("orders.too_many_unpaid", 429),
    ("orders.too_many_units", 422),
    ("orders.too_many_declines", 429),
    ("orders.contended", 503),
    ("orders.overloaded", 503),
    ("orders.outcome_unknown", 503),
    ("orders.not_found", 404),
    ("orders.customer_not_found", 404),
    ("orders.finding_not_found", 404),
    ("orders.finding_resolved", 409),
    ("orders.cancelled", 409),
    ("orders.closed", 409),
    ("orders.not_cancellable", 409),
    ("orders.partly_shipped", 409),
    ("orders.nothing_unshipped", 409),
    ("orders.busy", 409),
    ("orders.not_refundable", 409),
    ("orders.refund_in_progress", 409),
    ("orders.refund_exceeds_captured", 422),
    ("orders.refund_exceeds_part", 422),
    ("orders.refund_amount_changed", 412),
    ("orders.refund_refused", 422),
    ("returns.window_closed", 422),
    ("returns.order_erased", 409),
    ("returns.nothing_owed", 409),
    ("orders.dead_letter_not_found", 404),
    ("orders.dead_letter_resolved", 409),
    ("orders.not_resolvable", 409),
    ("orders.not_unsettled", 409),
    ("orders.confirmation_required", 409),
    ("orders.refund_was_made", 409),
    ("orders.not_proven_paid", 409),
    ("orders.not_proven_failed", 409),
    ("orders.payment_was_taken", 409),
];

fn all() -> Vec<&'static ProblemType> {
    let lists = [
        oms_errors::PROBLEM_TYPES,
        oms_access::PROBLEM_TYPES,
        oms_geocoding::PROBLEM_TYPES,
        oms_inventory::PROBLEM_TYPES,
        oms_fulfilment::PROBLEM_TYPES,
        oms_events::PROBLEM_TYPES,
        oms_events::WEBHOOK_PROBLEM_TYPES,
        oms_payments::PROBLEM_TYPES,
        oms_orders::PROBLEM_TYPES,
    ];
    lists.into_iter().flatten().collect()
}

#[test]
fn the_codes_and_their_statuses_are_the_listed_ones() {
    let codes: BTreeMap<&str, u16> = all()
        .iter()
        .map(|problem| (problem.code, problem.kind.status()))
        .collect();
    assert_eq!(codes, CODES.iter().copied().collect());
}

#[test]
fn the_document_of_the_api_has_exactly_these_codes() {
    let document: Value = serde_json::from_str(include_str!("../../../openapi.json")).unwrap();
    let code = "/components/schemas/Problem/properties/code/enum";
    let codes = document.pointer(code).and_then(Value::as_array).unwrap();
    let described: BTreeSet<&str> = codes.iter().filter_map(Value::as_str).collect();
    assert_eq!(described, CODES.iter().map(|(code, _)| *code).collect());
    for (code, status) in CODES {
        let shown = &document["components"]["examples"][code]["value"];
        assert_eq!(shown["status"], *status, "{code}");
    }
}

#[test]
fn no_two_problems_share_a_code_or_a_title() {
    let (mut codes, mut titles) = (HashSet::new(), HashSet::new());
    for problem in all() {
        assert!(codes.insert(problem.code), "{}", problem.code);
        assert!(titles.insert(problem.title), "{}", problem.title);
    }
}

#[test]
fn a_code_has_an_area_and_a_name() {
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    for problem in all() {
        let parts: Vec<&str> = problem.code.split('.').collect();
        assert!(
            parts.len() == 2 && parts.iter().all(|part| is_word(part)),
            "{}",
            problem.code
        );
    }
}
