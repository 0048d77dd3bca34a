//! One store with one order, for tests.

use std::sync::Arc;

use oms_database::{Connection, Database};
use oms_payments::{
    Attempt, AttemptId, Closing, CollectOutcome, FencePolicy, GatewayFault, NewAttempt,
    SettleOutcome, close_attempt, collect_payment, find_payment, record_attempts, settle_payment,
};
use oms_test_support::TestDatabase;
use oms_validation::{Currency, Money, OrderId, TenantId};

use crate::fake_gateway::{FakeGateway, token};

/// One store with one order, and a gateway that fails the test when it is called with the connection in hand.
pub(crate) struct Shop {
    // Dropped last, because that drops the database.
    pub(crate) database: Database,
    pub(crate) gateway: FakeGateway,
    pub(crate) tenant_id: TenantId,
    pub(crate) attempt: Attempt,
    test_database: Arc<TestDatabase>,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::open_in(&Arc::new(TestDatabase::create())).await
    }

    pub(crate) async fn open_in(test_database: &Arc<TestDatabase>) -> Self {
        let database = test_database.pool(1);
        let tenant_id = TenantId::generate();
        let new = NewAttempt {
            id: AttemptId::generate(),
            order_id: OrderId::generate(),
            number: 1,
            amount: usd(2000),
            gateway: "fake".to_owned(),
        };
        let mut connection = database.acquire().await.unwrap();
        let recorded = record_attempts(&mut connection, tenant_id, &[new]).await;
        drop(connection);
        let gateway = FakeGateway::watching(database.clone());
        Self {
            database,
            gateway,
            tenant_id,
            attempt: recorded.unwrap().remove(0),
            test_database: Arc::clone(test_database),
        }
    }

    async fn connect(&self) -> Connection {
        self.test_database.connect().await
    }

    pub(crate) async fn collect(&self) -> CollectOutcome {
        let attempt = &self.attempt;
        collect_payment(
            &self.database,
            &self.gateway,
            self.tenant_id,
            attempt,
            &token(),
        )
        .await
    }

    pub(crate) async fn settle(&self, policy: FencePolicy) -> SettleOutcome {
        let attempt = self.stored().await;
        settle_payment(
            &self.database,
            &self.gateway,
            self.tenant_id,
            &attempt,
            policy,
        )
        .await
    }

    pub(crate) async fn close(&self, closing: &Closing) -> bool {
        let mut connection = self.connect().await;
        let closed = close_attempt(&mut connection, self.tenant_id, self.attempt.id, closing).await;
        closed.unwrap()
    }

    pub(crate) async fn stored(&self) -> Attempt {
        let mut connection = self.connect().await;
        let found = find_payment(&mut connection, self.tenant_id, self.attempt.order_id).await;
        found.unwrap().unwrap()
    }
}

pub(crate) fn usd(amount_minor: i64) -> Money {
    Money {
        amount_minor,
        currency: Currency::parse("USD").unwrap(),
    }
}

/// Failures that say nothing of the effect.
pub(crate) const UNKNOWN: [GatewayFault; 4] = [
    GatewayFault::TimedOut,
    GatewayFault::Interrupted,
    GatewayFault::ServerError { status: 500 },
    GatewayFault::InProgress,
];
