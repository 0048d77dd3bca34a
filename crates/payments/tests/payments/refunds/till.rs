//! A tenant with one paid order, and refunds of it.

use std::sync::Arc;

use oms_database::transaction;
use oms_payments::adapters::instant::InstantGateway;
use oms_payments::{
    AttemptState, BeginRefund, Mirrored, NewRefund, PaymentError, PaymentGateway, Refund,
    RefundEnd, RefundId, RefundResult, begin_refund, execute_refund, find_pending_refund,
    finish_refund, list_refunds, mirror_refunds,
};
use oms_testing::TestDatabase;
use oms_validation::{IdempotencyKey, Money, TenantId};

use crate::shop::{Shop, usd};

/// A tenant with one paid order.
pub(crate) struct Till {
    pub(crate) shop: Shop,
}

impl Till {
    pub(crate) async fn open() -> Self {
        Self::open_in(&Arc::new(TestDatabase::create())).await
    }

    pub(crate) async fn open_in(test_database: &Arc<TestDatabase>) -> Self {
        Self::open_in_store(test_database, TenantId::generate()).await
    }

    /// Creates another order of a tenant.
    pub(crate) async fn open_in_store(
        test_database: &Arc<TestDatabase>,
        tenant_id: TenantId,
    ) -> Self {
        let shop = Shop::open_for(test_database, tenant_id).await;
        let paid = shop.collect().await;
        assert!(shop.close(&paid.closing().unwrap()).await);
        Self { shop }
    }

    /// A refund of this amount, or of all that is left.
    pub(crate) fn new_refund(&self, amount_minor: Option<i64>) -> NewRefund {
        NewRefund {
            id: RefundId::generate(),
            order_id: self.shop.attempt.order_id,
            amount: amount_minor.map(usd),
            idempotency_key: None,
            reason: Some("does not fit".to_owned()),
            requested_by: "api:till".to_owned(),
        }
    }

    pub(crate) async fn try_to_begin(&self, new: &NewRefund) -> BeginRefund {
        let mut connection = self.shop.connect().await;
        let tenant_id = self.shop.tenant_id;
        let begun = transaction(&mut connection, async |connection| {
            begin_refund(connection, &InstantGateway, tenant_id, new).await
        });
        begun.await.unwrap()
    }

    pub(crate) async fn begin(&self, amount_minor: Option<i64>) -> Refund {
        match self.try_to_begin(&self.new_refund(amount_minor)).await {
            BeginRefund::Begun(refund) => refund,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn execute(&self, refund: &Refund) -> RefundResult {
        let attempt = self.shop.stored().await;
        let (database, gateway) = (&self.shop.database, &self.shop.gateway);
        execute_refund(
            database,
            gateway,
            self.shop.tenant_id,
            refund,
            &attempt,
            "sweeper",
        )
        .await
    }

    /// Executes the stored refund, as a later worker does.
    pub(crate) async fn execute_again(&self) -> RefundResult {
        let pending = self.pending().await.expect("the refund is pending");
        self.execute(&pending).await
    }

    pub(crate) async fn finish(&self, refund: &Refund, end: &RefundEnd) -> Option<Money> {
        let mut connection = self.shop.connect().await;
        let tenant_id = self.shop.tenant_id;
        let finished = transaction(&mut connection, async |connection| {
            finish_refund(connection, &InstantGateway, tenant_id, refund, end).await
        });
        finished.await.unwrap().map(|finished| finished.left)
    }

    /// Mirrors the gateway's list.
    pub(crate) async fn mirror(&self) -> Option<Mirrored> {
        let attempt = self.shop.stored().await;
        let reference = attempt.reference.as_ref().unwrap();
        let listed = self.shop.gateway.list_refunds(reference).await.unwrap();
        let (mut connection, tenant_id) = (self.shop.connect().await, self.shop.tenant_id);
        let mirrored = transaction(&mut connection, async |connection| {
            mirror_refunds(
                connection,
                &InstantGateway,
                tenant_id,
                attempt.id,
                &listed.value,
            )
            .await
        });
        mirrored.await.unwrap()
    }

    /// Refunds this amount, from begin to finish, and returns what is left.
    pub(crate) async fn refund(&self, amount_minor: Option<i64>) -> Money {
        let refund = self.begin(amount_minor).await;
        let result = self.execute(&refund).await;
        let left = self.finish(&refund, &result.end().unwrap()).await;
        left.expect("no other worker ends the refund")
    }

    pub(crate) async fn pending(&self) -> Option<Refund> {
        let mut connection = self.shop.connect().await;
        let (tenant_id, order_id) = (self.shop.tenant_id, self.shop.attempt.order_id);
        let pending = find_pending_refund(&mut connection, tenant_id, order_id).await;
        pending.unwrap()
    }

    pub(crate) async fn refunds(&self) -> Vec<Refund> {
        let mut connection = self.shop.connect().await;
        let (tenant_id, order_id) = (self.shop.tenant_id, self.shop.attempt.order_id);
        let refunds = list_refunds(&mut connection, tenant_id, order_id).await;
        refunds.unwrap()
    }

    pub(crate) async fn state(&self) -> AttemptState {
        self.shop.stored().await.state
    }

    /// The amount that the gateway has refunded, in minor units.
    pub(crate) async fn refunded_minor(&self) -> i64 {
        let reference = self.shop.stored().await.reference;
        self.shop.gateway.given_back(&reference.unwrap())
    }

    /// Begins a refund in a transaction that is rolled back.
    pub(crate) async fn begin_and_roll_back(&self, new: &NewRefund) {
        let mut connection = self.shop.connect().await;
        let tenant_id = self.shop.tenant_id;
        let rolled_back: Result<(), PaymentError> =
            transaction(&mut connection, async |connection| {
                let begun = begin_refund(connection, &InstantGateway, tenant_id, new).await?;
                assert!(matches!(begun, BeginRefund::Begun(_)), "{begun:?}");
                Err(oms_database::DbError::LockTimeout.into())
            })
            .await;
        assert!(rolled_back.is_err());
    }
}

pub(crate) fn key(text: &str) -> Option<IdempotencyKey> {
    Some(IdempotencyKey::parse(text).unwrap())
}
