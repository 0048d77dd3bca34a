//! Fulfilment orders that an older instance of the program left missing or open.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use oms_fulfilment::{FulfilmentOrderStatus, FulfilmentStatus, HoldHandle, ShipmentStatus};
use oms_geocoding::adapters::AddressBook;
use oms_orders::{
    OpeningPass, OpeningTurn, OrderContext, Reason, Verdict, create_dead_letter, get_order,
    open_missing, release_hold, resolve_dead_letter,
};
use oms_testing::clock::TestClock;
use oms_testing::gateway::{Confirm, Refunding};
use oms_validation::{OperatorName, OrderId};
use oms_work::CancellationToken;

use crate::shop::{Opening, Shop, other_tenant, tenant};

impl Shop {
    /// Deletes the fulfilment orders, as if an older instance had made the orders `PAID`.
    async fn forget_fulfilment(&self) {
        self.execute("DELETE FROM fulfilment.lines; DELETE FROM fulfilment.fulfilment_orders")
            .await;
    }

    /// Lets a turn of the worker begin a new pass.
    async fn open_missing(&self) -> OpeningTurn {
        self.turn(&mut OpeningPass::default()).await
    }

    async fn turn(&self, pass: &mut OpeningPass) -> OpeningTurn {
        open_missing(&self.context, pass).await.unwrap()
    }

    /// Undoes what cancelling has done to the fulfilment orders, of which an older instance does not know.
    pub async fn reopen_fulfilment(&self) {
        self.execute(
            "UPDATE fulfilment.lines SET cancelled = 0;
             UPDATE fulfilment.fulfilment_orders SET status = 'OPEN', closed_at = NULL",
        )
        .await;
    }

    /// An instance that is stopping.
    fn stopped_context(&self) -> OrderContext {
        let stopping = CancellationToken::new();
        stopping.cancel();
        let geocoder = Arc::new(AddressBook::development());
        let (pool, gateway) = (self.database.pool(2), self.gateway.clone());
        OrderContext::new(pool, gateway, geocoder, self.settings).with_stopping(stopping)
    }

    /// An operator gives up the pending refund of an order.
    async fn give_up_refund(&self, order_id: OrderId) {
        let (context, ann) = (&self.context, OperatorName::parse("ann").unwrap());
        let reason = Reason::parse("it hangs").unwrap();
        let left = create_dead_letter(context, tenant(), order_id, None, &ann, &reason).await;
        let id = left.unwrap().into_inner().id;
        let verdict = Verdict::RefundGivenUp { confirmed: true };
        resolve_dead_letter(context, tenant(), id, None, verdict, &ann, &reason)
            .await
            .unwrap();
    }
}

fn turn(opened: u64, ended: u64, failed: u64) -> OpeningTurn {
    OpeningTurn {
        opened,
        ended,
        failed,
        more: false,
    }
}

/// Makes all orders so far older than the records of what was shipped.
const AGE: &str = "UPDATE installation.identity SET fulfilment_from = now()";

const IDENTITY: &str = "INSERT INTO installation.identity (id, database_oid)
     SELECT gen_random_uuid(), 0 WHERE NOT EXISTS (SELECT FROM installation.identity)";

#[tokio::test]
async fn what_is_opened_late_is_on_the_timeline() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.forget_fulfilment().await;
    assert_eq!(shop.open_missing().await, turn(1, 0, 0));
    let told =
        "SELECT string_agg(concat_ws(' ', type, actor, data->>'onHold'), ', ' ORDER BY sequence)
                FROM orders.events WHERE type <> 'order.changed'";
    assert_eq!(
        shop.text(told).await,
        "fulfilment_order.opened fulfilment false"
    );
    assert_eq!(shop.work(order_id).await.outstanding(), 3);
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_pass_begins_again_for_orders_that_become_paid_behind_it() {
    let shop = Shop::open(Confirm::Pays).await;
    shop.paid("a").await;
    let mut pass = OpeningPass::default();
    assert_eq!(shop.turn(&mut pass).await, turn(0, 0, 0));
    shop.forget_fulfilment().await;
    assert_eq!(shop.turn(&mut pass).await, turn(1, 0, 0));
    assert_eq!(shop.turn(&mut pass).await, turn(0, 0, 0));
    shop.assert_sound().await;
}

#[tokio::test]
async fn orders_from_before_shipping_was_recorded_are_opened_on_hold() {
    let shop = Shop::open(Confirm::Pays).await;
    let old = shop.paid("old").await;
    shop.execute(IDENTITY).await;
    shop.execute(AGE).await;
    let new = shop.paid("new").await;
    shop.forget_fulfilment().await;
    assert_eq!(shop.open_missing().await, turn(2, 0, 0));
    assert!(shop.work(new).await.holds.is_empty());
    let work = shop.work(old).await;
    let holds: Vec<&str> = work.holds.iter().map(|hold| hold.handle.as_str()).collect();
    assert_eq!(holds, ["before-fulfilment"]);
    let refused = shop.ship(old, None, ShipmentStatus::Shipped).await;
    assert!(refused.is_err(), "{refused:?}");
    // An operator knows that it is still to be sent.
    let handle = HoldHandle::parse("before-fulfilment").unwrap();
    let released = release_hold(&shop.context, tenant(), work.id, Some(&handle), "api").await;
    released.unwrap();
    shop.ship(old, None, ShipmentStatus::Shipped).await.unwrap();
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_refund_that_is_rejected_or_given_up_opens_what_is_missing() {
    for given_up in [true, false] {
        let shop = Shop::open(Confirm::Pays).await;
        let order_id = shop.paid("k").await;
        shop.gateway.refunds(match given_up {
            true => Refunding::IsLost,
            false => Refunding::IsRefused,
        });
        // An older instance made it `PAID`.
        shop.forget_fulfilment().await;
        drop(shop.refund(order_id, "r", Some(100)).await);
        if given_up {
            shop.give_up_refund(order_id).await;
        }
        assert_eq!(shop.work(order_id).await.outstanding(), 3);
        let told = "SELECT count(*) FROM orders.events WHERE type = 'fulfilment_order.opened' AND actor <> 'fulfilment'";
        assert_eq!(shop.text(told).await, "1");
        shop.assert_sound().await;
    }
}

#[tokio::test]
async fn a_locked_order_stops_no_other() {
    let shop = Shop::open(Confirm::Pays).await;
    let first = shop.paid("a").await;
    let second = shop.paid("b").await;
    shop.stock(other_tenant(), 10).await;
    shop.order_in(other_tenant(), "c").await.unwrap();
    shop.forget_fulfilment().await;
    let mut pass = OpeningPass::default();
    let mut holder = shop.database.connect().await;
    let lock = format!("BEGIN; SELECT FROM orders.orders WHERE id = '{first}' FOR UPDATE");
    holder.batch_execute(&lock).await.unwrap();
    let done = shop.turn(&mut pass).await;
    assert_eq!((done.opened, done.failed), (2, 1));
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(shop.work(second).await.outstanding(), 3);
    // The next pass looks at all orders again, because one failed.
    assert_eq!(shop.turn(&mut pass).await, turn(1, 0, 0));
    shop.assert_sound().await;
}

#[tokio::test]
async fn what_an_older_instance_left_of_an_ended_order_is_cancelled() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let open = shop.work(order_id).await;
    drop(shop.cancel(order_id).await.unwrap());
    // An older instance does not know of fulfilment orders.
    shop.reopen_fulfilment().await;
    let mut pass = OpeningPass::default();
    assert_eq!(shop.turn(&mut pass).await, turn(0, 1, 0));
    let closed = shop.work(order_id).await;
    assert_eq!(
        (closed.id, closed.status),
        (open.id, FulfilmentOrderStatus::Cancelled)
    );
    assert_eq!(shop.level().await, "10 0");
    assert_eq!(shop.turn(&mut pass).await, turn(0, 0, 0));
    shop.assert_sound().await;
}

#[tokio::test]
async fn units_that_an_older_instance_left_frozen_are_settled_as_their_refund_ended() {
    for (refunding, level, goods) in [
        (Refunding::Pays, "9 0", FulfilmentStatus::Fulfilled),
        (
            Refunding::IsRefused,
            "9 2",
            FulfilmentStatus::PartiallyFulfilled,
        ),
    ] {
        let shop = Shop::open(Confirm::Pays).await;
        let order_id = shop.paid("k").await;
        shop.ship(order_id, Some(1), ShipmentStatus::Shipped)
            .await
            .unwrap();
        shop.gateway.refunds(refunding);
        drop(shop.refund(order_id, "r", Some(200)).await);
        shop.execute("UPDATE fulfilment.lines SET frozen = 2").await;
        assert_eq!(shop.open_missing().await, turn(0, 1, 0));
        assert_eq!(shop.level().await, level);
        assert_eq!(shop.goods(order_id).await, goods);
        shop.assert_sound().await;
    }
}

#[tokio::test]
async fn nothing_is_opened_once_the_program_stops() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.forget_fulfilment().await;
    let mut pass = OpeningPass::default();
    let stopped = shop.stopped_context();
    let done = open_missing(&stopped, &mut pass).await.unwrap();
    assert_eq!((done.opened, done.failed), (0, 0));
    // Another turn continues there.
    assert_eq!(shop.turn(&mut pass).await, turn(1, 0, 0));
    let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
    assert_eq!(details.fulfilment.status(), FulfilmentStatus::Unfulfilled);
}

/// Only the first pass of a process looks at paid orders of any age, but every pass at what is left to send.
#[tokio::test]
async fn what_an_older_instance_left_of_an_old_order_is_cancelled_by_a_later_pass() {
    let shop = Shop::open_as(Opening {
        clock: Some(TestClock::at_noon()),
        ..Opening::default()
    })
    .await;
    let order_id = shop.paid("k").await;
    let mut pass = OpeningPass::default();
    assert_eq!(shop.turn(&mut pass).await, turn(0, 0, 0));
    shop.pass(Duration::from_secs(3 * 24 * 3600));
    drop(shop.cancel(order_id).await.unwrap());
    shop.reopen_fulfilment().await;
    assert_eq!(shop.turn(&mut pass).await, turn(0, 1, 0));
    let closed = shop.work(order_id).await;
    assert_eq!(closed.status, FulfilmentOrderStatus::Cancelled);
    shop.assert_sound().await;
}
