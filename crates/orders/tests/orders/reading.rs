//! Reading orders by ID, in one batch with other requests.

use diesel_async::SimpleAsyncConnection;
use oms_orders::{OrderError, get_order};
use oms_testing::PATIENCE;
use oms_testing::gateway::Confirm;
use oms_validation::{OrderId, TenantId};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::shop::{Shop, other_tenant, tenant};

/// What is read of an order: its ID, its lines, its payment and its refunds.
type Read = JoinHandle<Result<(OrderId, usize, bool, Vec<i64>), bool>>;

fn read(shop: &Shop, tenant: TenantId, order_id: OrderId) -> Read {
    let context = shop.context.clone();
    tokio::spawn(async move {
        match get_order(&context, tenant, order_id).await {
            Ok(details) => Ok((
                details.order.id,
                details.order.lines.len(),
                details.payment.is_some_and(|it| it.order_id == order_id),
                details
                    .refunds
                    .iter()
                    .map(|it| it.amount.amount_minor)
                    .collect(),
            )),
            Err(error) => Err(matches!(error, OrderError::NotFound)),
        }
    })
}

#[tokio::test]
async fn orders_that_are_read_together_are_not_mixed_up() {
    let shop = Shop::open(Confirm::Pays).await;
    let (plain, refunded) = (shop.paid("plain").await, shop.paid("refunded").await);
    for (key, amount) in [("r1", 100), ("r2", 50)] {
        shop.refund(refunded, key, Some(amount)).await.unwrap();
    }
    let unknown: OrderId = Uuid::from_u128(7).into();
    let before = shop.context.batch_counts().reads;

    let mut holder = shop.database.connect().await;
    let lock = "BEGIN; LOCK TABLE orders.orders IN ACCESS EXCLUSIVE MODE";
    holder.batch_execute(lock).await.unwrap();
    let first = read(&shop, tenant(), plain);
    let has_begun = async || shop.context.batch_counts().reads.batches() > before.batches();
    until(has_begun).await;
    let reads = [plain, refunded, unknown, refunded].map(|id| read(&shop, tenant(), id));
    let stranger = read(&shop, other_tenant(), plain);
    until(async || shop.context.batch_counts().reads.waiting == 4).await;
    holder.batch_execute("ROLLBACK").await.unwrap();

    let of_plain = Ok((plain, 1, true, vec![]));
    let of_refunded = Ok((refunded, 1, true, vec![100, 50]));
    let expected = [
        of_plain.clone(),
        of_refunded.clone(),
        Err(true),
        of_refunded,
    ];
    assert_eq!(first.await.unwrap(), of_plain);
    for (read, expected) in reads.into_iter().zip(expected) {
        assert_eq!(read.await.unwrap(), expected);
    }
    assert_eq!(
        stranger.await.unwrap(),
        Err(true),
        "an order of another tenant"
    );
    let after = shop.context.batch_counts().reads;
    assert_eq!(after.items - before.items, 6);
    assert_eq!(
        after.batches() - before.batches(),
        3,
        "reading them one at a time takes six"
    );
}

async fn until(happened: impl AsyncFn() -> bool) {
    let waiting = async {
        while !happened().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("it happens in time");
}
