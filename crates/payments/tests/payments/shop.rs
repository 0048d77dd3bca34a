//! A tenant with one order, for tests.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use oms_database::{Connection, Database, register_tenant};
use oms_payments::{
    Attempt, AttemptId, AttemptState, Closing, CollectOutcome, Collected, FencePolicy, GatewayCall,
    GatewayFault, NewAttempt, Operation, SettleOutcome, Settled, UnsavedCalls, collect_payment,
    find_payment, list_calls, record_attempts, settle_payment,
};
use oms_testing::TestDatabase;
use oms_testing::gateway::{Call, NAME, Plan, Script, ScriptedGateway, token};
pub(crate) use oms_testing::world::usd;
use oms_validation::{OrderId, TenantId};

use crate::batches::batches;
use crate::closing::close_attempt;

/// The order's price.
pub(crate) const PRICE: i64 = 2000;

/// Observes the order's attempt during each call to the gateway.
pub(crate) struct Watch {
    /// A pool with a single connection, which is not available if the caller holds it.
    database: Database,
    tenant_id: TenantId,
    order_id: OrderId,
    /// The attempt's state in the database at each call.
    seen: Mutex<Vec<(Operation, AttemptState)>>,
}

#[async_trait]
impl Script for Watch {
    async fn before(&self, _: &ScriptedGateway, call: &Call) -> Option<Plan> {
        let free = self.database.acquire().await;
        let mut free = free.expect("no connection is held while the gateway is called");
        let found = find_payment(&mut free, self.tenant_id, self.order_id).await;
        let state = found.unwrap().unwrap().state;
        self.seen.lock().unwrap().push((call.operation, state));
        None
    }
}

/// A tenant with one order, and a gateway that fails the test if it is called while the connection is held.
pub(crate) struct Shop {
    // Dropped last, because it drops the database.
    pub(crate) database: Database,
    pub(crate) gateway: ScriptedGateway,
    watch: Arc<Watch>,
    pub(crate) tenant_id: TenantId,
    pub(crate) attempt: Attempt,
    test_database: Arc<TestDatabase>,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::open_in(&Arc::new(TestDatabase::create())).await
    }

    pub(crate) async fn open_in(test_database: &Arc<TestDatabase>) -> Self {
        Self::open_for(test_database, TenantId::generate()).await
    }

    /// Creates another order of a tenant.
    pub(crate) async fn open_for(test_database: &Arc<TestDatabase>, tenant_id: TenantId) -> Self {
        let database = test_database.pool(1);
        let new = NewAttempt {
            id: AttemptId::generate(),
            order_id: OrderId::generate(),
            number: 1,
            amount: usd(PRICE),
            gateway: NAME.to_owned(),
        };
        let mut connection = database.acquire().await.unwrap();
        let order_id = new.order_id;
        register_tenant(&mut connection, tenant_id.as_uuid())
            .await
            .unwrap();
        let recorded = record_attempts(&mut connection, tenant_id, &[new]).await;
        drop(connection);
        let watch = Arc::new(Watch {
            database: database.clone(),
            tenant_id,
            order_id,
            seen: Mutex::default(),
        });
        Self {
            database,
            gateway: ScriptedGateway::following(watch.clone()),
            watch,
            tenant_id,
            attempt: recorded.unwrap().remove(0),
            test_database: Arc::clone(test_database),
        }
    }

    /// Returns the attempt's states in the database during calls of this operation.
    pub(crate) fn states_during(&self, operation: Operation) -> Vec<AttemptState> {
        let seen = self.watch.seen.lock().unwrap();
        let during = seen.iter().filter(|(called, _)| *called == operation);
        during.map(|(_, state)| *state).collect()
    }

    pub(crate) async fn connect(&self) -> Connection {
        self.test_database.connect().await
    }

    pub(crate) async fn collect(&self) -> CollectOutcome {
        self.collect_noting().await.outcome
    }

    /// Like [`Shop::collect`], but also returns the calls that are not saved yet.
    pub(crate) async fn collect_noting(&self) -> Collected {
        let attempt = &self.attempt;
        collect_payment(
            &batches(&self.database),
            &self.gateway,
            self.tenant_id,
            attempt,
            &token(),
            "api",
        )
        .await
    }

    pub(crate) async fn settle(&self, policy: FencePolicy) -> SettleOutcome {
        self.settle_noting(policy).await.outcome
    }

    /// Like [`Shop::settle`], but also returns the calls that are not saved yet.
    pub(crate) async fn settle_noting(&self, policy: FencePolicy) -> Settled {
        let attempt = self.stored().await;
        settle_payment(
            &self.database,
            &self.gateway,
            self.tenant_id,
            &attempt,
            policy,
            "sweeper",
        )
        .await
    }

    pub(crate) async fn close(&self, closing: &Closing) -> bool {
        self.close_noting(closing, &UnsavedCalls::none()).await
    }

    /// Like [`Shop::close`], but also saves the calls.
    pub(crate) async fn close_noting(&self, closing: &Closing, calls: &UnsavedCalls) -> bool {
        let mut connection = self.connect().await;
        let (tenant_id, id) = (self.tenant_id, self.attempt.id);
        let closed = close_attempt(&mut connection, tenant_id, id, closing, calls).await;
        closed.unwrap()
    }

    pub(crate) async fn calls(&self) -> Vec<GatewayCall> {
        let mut connection = self.connect().await;
        let calls = list_calls(&mut connection, self.tenant_id, self.attempt.order_id).await;
        calls.unwrap()
    }

    pub(crate) async fn stored(&self) -> Attempt {
        let mut connection = self.connect().await;
        let found = find_payment(&mut connection, self.tenant_id, self.attempt.order_id).await;
        found.unwrap().unwrap()
    }
}

/// Failures that leave the effect unknown.
pub(crate) const UNKNOWN: [GatewayFault; 4] = [
    GatewayFault::TimedOut,
    GatewayFault::Interrupted,
    GatewayFault::ServerError { status: 500 },
    GatewayFault::InProgress,
];
