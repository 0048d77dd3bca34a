//! The gateway's charges, as the adapter lists, reads and gives them back, against the sandbox.

use chrono::DateTime;
use oms_payments::adapters::stripe::{StripeConfig, StripeGateway};
use oms_payments::{
    Capture, ChargeId, ChargeStatus, ChargeWindow, ListedCharge, Operation, OperationKey,
    PaymentGateway, RefundOutcome,
};

use crate::api::SECRET_KEY;
use crate::eventually::DEADLINE;
use crate::request::small_order;
use crate::shop::Shop;

fn gateway(shop: &Shop) -> StripeGateway {
    let config = StripeConfig {
        connect_timeout: DEADLINE,
        timeout: DEADLINE,
        ..StripeConfig::new(&shop.sandbox.url, SECRET_KEY.into())
    };
    StripeGateway::new(&config).unwrap()
}

/// Far longer than any test.
fn always() -> ChargeWindow {
    ChargeWindow {
        from: DateTime::from_timestamp(0, 0).unwrap(),
        to: DateTime::from_timestamp(10_000_000_000, 0).unwrap(),
    }
}

/// All charges of a window, and the number of pages.
async fn list(gateway: &StripeGateway, window: &ChargeWindow) -> (Vec<ListedCharge>, usize) {
    let (mut charges, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let page = gateway.list_charges(window, after.as_ref()).await.unwrap();
        charges.extend(page.charges);
        pages += 1;
        after = page.next;
        if after.is_none() {
            return (charges, pages);
        }
    }
}

#[tokio::test]
async fn every_charge_is_listed_once_and_that_of_an_order_names_it() {
    let shop = Shop::open().await;
    let placed = shop.place_new(&small_order()).await;
    for _ in 0..200 {
        shop.sandbox.charge(700).await;
    }
    let gateway = gateway(&shop);
    let (charges, pages) = list(&gateway, &always()).await;
    assert_eq!((charges.len(), pages), (201, 3));
    let mut ids: Vec<&str> = charges.iter().map(|it| it.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 201);

    let ours: Vec<&ListedCharge> = charges.iter().filter(|it| it.order_id.is_some()).collect();
    assert_eq!(ours.len(), 1);
    let ours = ours[0];
    assert_eq!(ours.order_id.unwrap().to_string(), placed.order_id());
    assert!(ours.tenant_id.is_some() && ours.reference.is_some());
    assert_eq!(
        (ours.status, ours.capture),
        (ChargeStatus::Succeeded, Capture::Captured)
    );
    assert_eq!(
        (ours.captured, ours.refunded.amount_minor),
        (ours.amount, 0)
    );
    let found = gateway.find_charge(&ours.id).await.unwrap();
    assert_eq!(found.as_ref(), Some(ours));

    let earlier = ChargeWindow {
        to: ours.created_at,
        ..always()
    };
    assert_eq!(list(&gateway, &earlier).await, (Vec::new(), 1));
}

#[tokio::test]
async fn a_charge_of_no_order_is_given_back_and_no_more_than_was_taken() {
    let shop = Shop::open().await;
    shop.sandbox.charge(700).await;
    let gateway = gateway(&shop);
    let (charges, _) = list(&gateway, &always()).await;
    let charge = &charges[0];
    assert_eq!((charge.order_id, charge.tenant_id), (None, None));
    let give_back = async || {
        let key = OperationKey::unique_of_charge(&charge.id, Operation::RefundCharge);
        gateway
            .refund_charge(&charge.id, charge.captured, &key)
            .await
            .unwrap()
    };
    let amount = charge.captured;
    let given_back = give_back().await;
    assert!(
        matches!(&given_back, RefundOutcome::Refunded { amount: refunded, .. } if *refunded == amount),
        "{given_back:?}"
    );
    assert_eq!(give_back().await, RefundOutcome::AlreadyRefunded);
    let read = gateway.find_charge(&charge.id).await.unwrap().unwrap();
    assert_eq!(read.refunded, amount);

    let unknown = ChargeId::parse("ch_unknown").unwrap();
    assert_eq!(gateway.find_charge(&unknown).await.unwrap(), None);
}
