//! Requests to erase a customer: when an order may be erased, what is kept of a request, and concurrent requests.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oms_database::DbError;
use oms_geocoding::adapters::AddressBook;
use oms_geocoding::{Address, CircuitBreaker, Coordinates, GeocodeError, Geocoder};
use oms_orders::{
    AddressPass, DeclineLimit, ErasedCustomer, NotPaid, OrderBounds, OrderContext, OrderRequest,
    OrderSettings, OrderStatus, PlacedOrder, PlacingError, continue_erasures, get_order,
    oldest_erasure, place_order, purge_addresses, sweep_orders,
};
use oms_testing::clock::TestClock;
use oms_testing::gateway::Confirm;
use oms_validation::{IdempotencyKey, OrderId};
use uuid::Uuid;

use crate::erasing::{
    CUSTOMER, DAY, dump, erase, erase_by, erase_in, is_complete, personal_request, place,
    place_paid,
};
use crate::shop::{Opening, Shop, other_tenant, settings, tenant};

async fn open_at_noon(confirm: Confirm) -> Shop {
    Shop::open_as(Opening {
        confirm,
        clock: Some(TestClock::at_noon()),
        ..Opening::default()
    })
    .await
}

async fn erase_as(shop: &Shop, operator: &str, includes_recent: bool) -> ErasedCustomer {
    let erased = erase_by(
        operator,
        &shop.context,
        tenant(),
        CUSTOMER,
        None,
        includes_recent,
    );
    erased.await.unwrap().into_inner()
}

#[tokio::test]
async fn an_order_with_a_status_that_only_a_newer_version_knows_is_kept_and_listed() {
    let shop = Shop::open(Confirm::Pays).await;
    place_paid(&shop, "k").await;
    shop.execute(
        "ALTER DOMAIN orders.order_status DROP CONSTRAINT order_status_check;
         UPDATE orders.orders SET status = 'ON_HOLD', created_at = created_at - interval '90 days'",
    )
    .await;
    let erased = erase(&shop, true).await;
    assert!(!is_complete(&erased));
    assert_eq!(erased.erasure.erased_orders, 0);
    assert_eq!(erased.waiting[0].status, OrderStatus::Other("ON_HOLD"));
    let turn = purge_addresses(&shop.context, &mut AddressPass::default(), DAY).await;
    assert_eq!(turn.unwrap().erased, 0);
    assert!(dump(&shop).await.contains("Ann Lee"));
}

#[tokio::test]
async fn the_retention_of_an_order_starts_at_its_payment() {
    let shop = open_at_noon(Confirm::PaysSilently).await;
    let order_id = match place(&shop, "k", &personal_request()).await {
        Ok(PlacedOrder::Pending(order)) => order.order_id,
        other => panic!("not pending: {other:?}"),
    };
    shop.pass(DAY * 30);
    sweep_orders(&shop.context).await.unwrap();
    let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
    assert_eq!(details.order.status, OrderStatus::Paid);
    shop.send(order_id).await;
    assert!(!is_complete(&erase(&shop, false).await));
    shop.pass(DAY * 13);
    assert!(!is_complete(&erase(&shop, false).await));
    let purged = async || {
        let turn = purge_addresses(&shop.context, &mut AddressPass::default(), DAY * 3).await;
        turn.unwrap().erased
    };
    assert_eq!(purged().await, 0);
    shop.pass(DAY);
    assert_eq!(purged().await, 1);
    assert!(is_complete(&erase(&shop, false).await));
}

#[tokio::test]
async fn an_address_is_kept_after_the_payment_for_the_longer_of_both_settings() {
    let shop = open_at_noon(Confirm::Pays).await;
    place_paid(&shop, "k").await;
    for (days, kept_for, erased) in [(3, 2, 0), (10, 2, 0), (1, 20, 0), (0, 2, 1)] {
        shop.pass(DAY * days);
        let turn =
            purge_addresses(&shop.context, &mut AddressPass::default(), DAY * kept_for).await;
        assert_eq!(turn.unwrap().erased, erased, "{days} {kept_for}");
    }
}

#[tokio::test]
async fn a_failed_refund_does_not_change_the_time_of_payment() {
    let shop = open_at_noon(Confirm::Pays).await;
    let order_id = place_paid(&shop, "k").await;
    shop.pass(DAY * 14);
    shop.execute(&format!(
        "INSERT INTO orders.events (tenant_id, order_id, sequence, from_status, to_status, actor, reason, occurred_at)
         SELECT tenant_id, id, version + 1, 'REFUNDING', 'PAID', 'api', 'x', updated_at + interval '13 days' FROM orders.orders WHERE id = '{order_id}';
         UPDATE orders.orders SET version = version + 1"
    ))
    .await;
    assert!(is_complete(&erase(&shop, false).await));
}

#[tokio::test]
async fn repeating_a_request_keeps_its_time_and_covers_the_orders_placed_since() {
    let shop = open_at_noon(Confirm::Pays).await;
    place_paid(&shop, "k").await;
    let first = erase(&shop, false).await;
    assert_eq!(first.erasure.covers_until, first.erasure.requested_at);
    shop.pass(DAY * 2);
    place_paid(&shop, "l").await;
    let second = erase(&shop, false).await;
    assert_eq!(second.erasure.id, first.erasure.id);
    assert_eq!(second.erasure.requested_at, first.erasure.requested_at);
    assert_eq!(
        second.erasure.covers_until,
        first.erasure.requested_at + DAY * 2
    );
    assert_eq!(second.waiting.len(), 2);
    let age = oldest_erasure(&shop.context).await.unwrap();
    assert_eq!(age, Some(DAY * 2));
    shop.pass(DAY * 14);
    assert_eq!(continue_erasures(&shop.context).await.unwrap().erased, 2);
}

#[tokio::test]
async fn a_completed_request_never_changes_and_each_order_names_who_erased_it() {
    let shop = Shop::open(Confirm::Pays).await;
    let first = place_paid(&shop, "k").await;
    assert!(is_complete(&erase_as(&shop, "ann", true).await));
    let proof = "SELECT string_agg(e::text, ', ') FROM orders.erasures e WHERE requested_by = 'operator:ann'";
    let before = shop.text(proof).await;
    let second = place_paid(&shop, "l").await;
    let erased = erase_as(&shop, "bob", true).await;
    assert!(is_complete(&erased));
    assert_eq!(erased.erasure.erased_orders, 2);
    assert_eq!(shop.text(proof).await, before);
    let counts = "SELECT string_agg(requested_by || ' ' || erased_orders, ', ' ORDER BY requested_by) FROM orders.erasures";
    assert_eq!(shop.text(counts).await, "operator:ann 1, operator:bob 1");
    let third = place_paid(&shop, "m").await;
    assert!(is_complete(&erase_as(&shop, "ann", true).await));
    assert_eq!(shop.text("SELECT count(*) FROM orders.erasures").await, "3");
    for (order, by) in [(first, "ann"), (second, "bob"), (third, "ann")] {
        assert_eq!(
            notes(&shop, order).await,
            format!("operator:{by}"),
            "{order}"
        );
    }
}

/// The actors of an order's erasure notes.
async fn notes(shop: &Shop, order: OrderId) -> String {
    let notes = "SELECT string_agg(actor, ', ') FROM orders.events WHERE reason LIKE '%erased%'";
    shop.text(&format!("{notes} AND order_id = '{order}'"))
        .await
}

#[tokio::test]
async fn a_request_of_another_operator_is_separate_from_an_open_one() {
    let shop = Shop::open(Confirm::Pays).await;
    let order = place_paid(&shop, "k").await;
    assert!(!is_complete(&erase_as(&shop, "ann", false).await));
    assert!(!is_complete(&erase_as(&shop, "bob", false).await));
    assert!(is_complete(&erase_as(&shop, "bob", true).await));
    assert_eq!(notes(&shop, order).await, "operator:bob");
    shop.execute("UPDATE orders.erasures SET due_at = now() WHERE due_at IS NOT NULL")
        .await;
    while continue_erasures(&shop.context).await.unwrap().more {}
    let kept = "SELECT string_agg(concat_ws(' ', requested_by, includes_recent, erased_orders, completed_at IS NOT NULL,
            customer_id), ', ' ORDER BY requested_by, includes_recent) FROM orders.erasures";
    assert_eq!(
        shop.text(kept).await,
        "operator:ann f 0 t, operator:bob f 0 t, operator:bob t 1 t"
    );
}

#[tokio::test]
async fn a_complete_erasure_lists_no_order_that_was_placed_after_it() {
    let shop = Shop::open(Confirm::Pays).await;
    place_paid(&shop, "k").await;
    let with_key = async || {
        let erased = erase_in(&shop.context, tenant(), CUSTOMER, Some("e"), true).await;
        erased.unwrap().into_inner()
    };
    assert!(is_complete(&with_key().await));
    place_paid(&shop, "l").await;
    let replayed = with_key().await;
    assert!(is_complete(&replayed));
    assert_eq!(replayed.waiting, []);
}

#[tokio::test]
async fn declines_of_an_erased_customer_are_deleted() {
    let bounds = OrderBounds {
        declines: DeclineLimit {
            window: DAY,
            per_customer: 9,
            per_credential: 9,
        },
        ..OrderBounds::NONE
    };
    let settings = OrderSettings {
        bounds,
        ..settings()
    };
    let shop = Shop::open_with(Confirm::Declines, settings).await;
    let of_another = OrderRequest {
        customer_id: Uuid::from_u128(0xD).into(),
        ..personal_request()
    };
    for (key, request) in [("k", &personal_request()), ("l", &of_another)] {
        let declined = place(&shop, key, request).await;
        assert!(
            matches!(declined, Err(PlacingError::NotPaid(NotPaid::Failed { .. }))),
            "{declined:?}"
        );
    }
    let customers =
        "SELECT string_agg(customer_id::text, ', ' ORDER BY customer_id) FROM orders.declines";
    let both = [CUSTOMER, 0xD].map(|customer| Uuid::from_u128(customer).to_string());
    assert_eq!(shop.text(customers).await, both.join(", "));
    assert!(is_complete(&erase(&shop, false).await));
    assert_eq!(shop.text(customers).await, both[1]);
}

/// What happens between the reading of a page and its erasure.
#[derive(Clone, Copy)]
enum Meanwhile {
    /// This operator erases the customer.
    Erases(&'static str),
    /// Retention erases the address.
    Purges,
}

struct Interrupting {
    context: Arc<OrderContext>,
    meanwhile: Meanwhile,
    book: AddressBook,
}

#[async_trait]
impl Geocoder for Interrupting {
    async fn locate(&self, tenant: Uuid, address: &Address) -> Result<Coordinates, GeocodeError> {
        self.book.locate(tenant, address).await
    }

    async fn forget(&self, _: Uuid, _: &[Address]) -> Result<(), DbError> {
        let context = &self.context;
        match self.meanwhile {
            Meanwhile::Erases(operator) => {
                let erased = erase_by(operator, context, tenant(), CUSTOMER, None, true).await;
                assert!(is_complete(&erased.unwrap().into_inner()));
            }
            Meanwhile::Purges => {
                let mut pass = AddressPass::default();
                let turn = purge_addresses(context, &mut pass, Duration::ZERO).await;
                assert_eq!(turn.unwrap().erased, 1);
            }
        }
        Ok(())
    }

    fn breaker(&self) -> Option<&CircuitBreaker> {
        None
    }
}

/// Returns a context in which `meanwhile` happens during every erasure.
fn interrupted(shop: &Shop, meanwhile: Meanwhile) -> OrderContext {
    let geocoder = Interrupting {
        context: shop.context.clone(),
        meanwhile,
        book: AddressBook::development(),
    };
    let (database, gateway) = (shop.database.pool(4), shop.gateway.clone());
    OrderContext::new(database, gateway, Arc::new(geocoder), shop.settings)
}

/// Opens a shop in which paid orders may be erased immediately.
async fn open_without_patience() -> Shop {
    let settings = OrderSettings {
        erase_paid_after: Duration::ZERO,
        ..settings()
    };
    Shop::open_with(Confirm::Pays, settings).await
}

#[tokio::test]
async fn concurrent_erasures_erase_an_order_once() {
    // The same operator takes over the request; another one has a separate request.
    for operator in ["ann", "bob"] {
        let shop = open_without_patience().await;
        let order = place_paid(&shop, "k").await;
        let context = interrupted(&shop, Meanwhile::Erases(operator));
        let erased = erase_in(&context, tenant(), CUSTOMER, None, true).await;
        let erased = erased.unwrap().into_inner();
        assert!(is_complete(&erased), "{erased:?}");
        assert_eq!(erased.erasure.erased_orders, 1);
        assert_eq!(notes(&shop, order).await, format!("operator:{operator}"));
    }
}

#[tokio::test]
async fn an_address_is_erased_once() {
    for meanwhile in [Meanwhile::Purges, Meanwhile::Erases("bob")] {
        let shop = open_without_patience().await;
        let order = place_paid(&shop, "k").await;
        let context = interrupted(&shop, meanwhile);
        let pass = &mut AddressPass::default();
        let turn = purge_addresses(&context, pass, Duration::ZERO).await;
        assert_eq!(turn.unwrap().erased, 0);
        assert!(!notes(&shop, order).await.contains(','));
    }
}

#[tokio::test]
async fn a_customer_whose_address_is_being_erased_is_still_erased() {
    let shop = open_without_patience().await;
    place_paid(&shop, "k").await;
    let context = interrupted(&shop, Meanwhile::Purges);
    let erased = erase_in(&context, tenant(), CUSTOMER, None, true).await;
    assert!(is_complete(&erased.unwrap().into_inner()));
    assert!(!dump(&shop).await.contains("#4711"));
}

#[tokio::test]
async fn a_failed_erasure_delays_no_other_tenant() {
    let shop = Shop::open(Confirm::Pays).await;
    shop.stock(other_tenant(), 10).await;
    place_paid(&shop, "k").await;
    let (key, request) = (IdempotencyKey::parse("k").unwrap(), personal_request());
    let placed = place_order(&shop.context, other_tenant(), &key, &request, "api").await;
    assert!(matches!(placed, Ok(PlacedOrder::Paid(_))), "{placed:?}");
    for tenant in [tenant(), other_tenant()] {
        erase_in(&shop.context, tenant, CUSTOMER, None, false)
            .await
            .unwrap();
    }
    let other = other_tenant();
    shop.execute(&format!(
        "UPDATE orders.erasures SET includes_recent = true, due_at = now();
         UPDATE orders.erasures SET due_at = now() - interval '1 hour' WHERE tenant_id = '{other}';
         UPDATE orders.orders SET shipping_address = '17' WHERE tenant_id = '{other}';
         UPDATE fulfilment.lines SET shipped = quantity WHERE tenant_id = '{other}';
         UPDATE fulfilment.fulfilment_orders SET status = 'CLOSED', closed_at = now() WHERE tenant_id = '{other}'"
    ))
    .await;
    let turn = continue_erasures(&shop.context).await.unwrap();
    assert_eq!((turn.erased, turn.more), (1, true));
    // The failed one is due again when its lease ends.
    assert!(!continue_erasures(&shop.context).await.unwrap().more);
    shop.execute(&format!(
        "UPDATE orders.orders SET shipping_address = '\"x\"' WHERE tenant_id = '{other}';
         UPDATE orders.erasures SET due_at = now() WHERE tenant_id = '{other}'"
    ))
    .await;
    assert_eq!(continue_erasures(&shop.context).await.unwrap().erased, 1);
    assert_eq!(oldest_erasure(&shop.context).await.unwrap(), None);
}

#[tokio::test]
async fn the_documented_query_finds_erased_customers_in_a_restored_database() {
    let document = include_str!("../../../../docs/operating/restoring-a-backup.md");
    let shop = Shop::open(Confirm::Pays).await;
    place_paid(&shop, "k").await;
    let of_another = OrderRequest {
        customer_id: Uuid::from_u128(0xD).into(),
        ..personal_request()
    };
    place(&shop, "l", &of_another).await.unwrap();
    shop.execute("CREATE TABLE backup AS SELECT * FROM orders.orders")
        .await;
    assert!(is_complete(&erase(&shop, true).await));
    let query = document.split("SELECT DISTINCT").nth(1).unwrap();
    let query = query.split(';').next().unwrap();
    let query = query
        .replace("orders.orders", "backup")
        .replace("erased e", "orders.erasures e");
    let found = format!("SELECT string_agg(found::text, ' ') FROM (SELECT DISTINCT {query}) found");
    let expected = format!("({},{})", tenant().as_uuid(), Uuid::from_u128(CUSTOMER));
    assert_eq!(shop.text(&found).await, expected);
}
