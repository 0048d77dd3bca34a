//! Whatever needs an operator has an event, and the event raises an alert.

use oms_orders::FindingKind;
use oms_payments::{Capture, PaymentStatus, Reference};
use oms_testing::gateway::Confirm;

use crate::disputes::disputed;
use crate::elsewhere::{reference, report};
use crate::reconciling::{compare, findings, foreign, late_charge, paid_order, usd};
use crate::shop::Shop;

/// A shop with one finding of a kind.
async fn with_finding(kind: FindingKind) -> Shop {
    let shop = match kind {
        FindingKind::ChargeOnEndedOrder | FindingKind::AuthorisationOnEndedOrder => {
            let shop = Shop::open(Confirm::IsLost).await;
            late_charge(&shop, "k").await;
            shop
        }
        _ => Shop::open(Confirm::Pays).await,
    };
    match kind {
        FindingKind::ChargeWithoutOrder => drop(foreign(&shop, None, None)),
        FindingKind::PaidWithoutCharge => {
            let order_id = paid_order(&shop, "k").await;
            shop.gateway.with_charges(Vec::clear);
            shop.gateway
                .set_status(&reference(order_id), PaymentStatus::NotConfirmed);
        }
        FindingKind::AmountMismatch => {
            paid_order(&shop, "k").await;
            shop.gateway
                .with_charges(|charges| charges[0].captured = usd(299));
        }
        FindingKind::AuthorisationOnEndedOrder => shop.gateway.with_charges(|charges| {
            charges[0].capture = Capture::Uncaptured;
            charges[0].captured = usd(0);
        }),
        FindingKind::RefundFailed => {
            let order_id = shop.paid("k").await;
            shop.refund(order_id, "a", Some(100)).await.unwrap();
            let name = shop.text("SELECT reference FROM payments.refunds").await;
            assert!(shop.gateway.fail_refund(&Reference::parse(&name).unwrap()));
            report(&shop, "refund.failed", order_id).await;
        }
        FindingKind::PaymentDisputed => drop(disputed(&shop, true).await),
        FindingKind::ChargeOnEndedOrder => {}
        FindingKind::Other(word) => panic!("nothing finds {word}"),
    }
    compare(&shop).await;
    shop
}

#[tokio::test]
async fn each_kind_of_finding_alerts_with_its_detail() {
    for kind in FindingKind::ALL {
        let shop = with_finding(kind).await;
        let found = findings(&shop).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].kind, kind);
        let expected = format!("finding.opened: {}", found[0].detail);
        assert_eq!(shop.alerts().await, [expected], "{kind:?}");
        let data = "SELECT data->>'kind' || ' ' || (data->>'findingId' = subject_id::text) || ' '
                        || coalesce(data->>'orderId', 'none')
                    FROM events.records WHERE type = 'finding.opened'";
        let order = found[0]
            .order_id
            .map_or("none".to_owned(), |id| id.to_string());
        assert_eq!(
            shop.text(data).await,
            format!("{} true {order}", kind.as_str())
        );
    }
}
