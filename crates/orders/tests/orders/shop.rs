//! A tenant with one warehouse and one product unless a test needs more, and queries on its database.

use std::sync::Arc;
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{Text, Uuid as SqlUuid};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use oms_database::Database;
use oms_events::Subject;
use oms_geocoding::adapters::AddressBook;
use oms_inventory::{Catalogue, load_catalogue};
use oms_orders::{
    Cancellation, Disputed, Metadata, OrderContext, OrderRequest, OrderSettings, PlacedOrder,
    PlacingError, Refunded, RefundedOrder, RequestedLine, RequestedPricing, RequestedRefund,
    ReversingError, cancel_order, explain_alert, place_order, refund_order,
};
use oms_payments::PaymentMethod;
use oms_testing::clock::TestClock;
use oms_testing::gateway::{Confirm, ScriptedGateway};
use oms_testing::world::{self, product};
pub use oms_testing::world::{other_tenant, tenant, usd};
use oms_testing::{PATIENCE, TestDatabase};
use oms_validation::{Currency, IdempotencyKey, Once, OrderId, TenantId};
use serde_json::json;
use uuid::Uuid;

use crate::clock::OrdersClock;

pub struct Shop {
    pub context: Arc<OrderContext>,
    pub gateway: Arc<ScriptedGateway>,
    pub clock: Option<Arc<TestClock>>,
    pub database: TestDatabase,
    pub settings: OrderSettings,
}

/// How to open a shop. By default every new order is immediately due for the sweeper.
pub struct Opening {
    pub confirm: Confirm,
    pub settings: OrderSettings,
    /// Number of units of the only product.
    pub pieces: u32,
    /// `None` for the database's clock.
    pub clock: Option<Arc<TestClock>>,
}

impl Default for Opening {
    fn default() -> Self {
        Self {
            confirm: Confirm::Pays,
            settings: settings(),
            pieces: 10,
            clock: None,
        }
    }
}

/// Every new order is immediately due for the sweeper, and has an hour to be paid.
pub fn settings() -> OrderSettings {
    OrderSettings {
        batch_wait: PATIENCE,
        sweep_after: Duration::ZERO,
        pending_payment_deadline: Duration::from_secs(3600),
        ..OrderSettings::new(Currency::parse("USD").unwrap())
    }
}

/// The catalogue of a world.
pub fn catalogue<Q: Copy + Into<i64>>(stock: &[impl AsRef<[Q]>]) -> Catalogue {
    serde_json::from_value(world::catalogue(stock)).unwrap()
}

/// A request for three units of the product.
pub fn three_pieces() -> OrderRequest {
    let address = json!("191 Peachtree St NE, Atlanta, GA");
    OrderRequest {
        customer_id: Uuid::from_u128(0xC).into(),
        shipping_address: serde_json::from_value(address).unwrap(),
        lines: vec![RequestedLine {
            product_id: product(0).into(),
            quantity: 3,
        }],
        payment: PaymentMethod::parse_token("pm_card_visa").unwrap().into(),
        pricing: RequestedPricing::default(),
        external_reference: None,
        metadata: Metadata::default(),
    }
}

impl Shop {
    pub async fn open(confirm: Confirm) -> Self {
        Self::open_as(Opening {
            confirm,
            ..Opening::default()
        })
        .await
    }

    pub async fn open_with(confirm: Confirm, settings: OrderSettings) -> Self {
        Self::open_as(Opening {
            confirm,
            settings,
            ..Opening::default()
        })
        .await
    }

    pub async fn open_as(opening: Opening) -> Self {
        let database = TestDatabase::create();
        let pool = database.pool(8);
        let catalogue = catalogue(&[[opening.pieces]]);
        Self::open_on(database, pool, &catalogue, opening).await
    }

    /// Opens a shop with the test's own pool and catalogue.
    pub async fn open_on(
        database: TestDatabase,
        pool: Database,
        catalogue: &Catalogue,
        opening: Opening,
    ) -> Self {
        let (settings, clock) = (opening.settings, opening.clock);
        let gateway = Arc::new(ScriptedGateway::new(opening.confirm));
        let shop = Self {
            context: context(pool, &gateway, clock.as_ref(), settings),
            gateway,
            clock,
            database,
            settings,
        };
        shop.sell(tenant(), catalogue).await;
        shop
    }

    /// Gives a tenant a warehouse with this many units of the only product.
    pub async fn stock(&self, tenant: TenantId, pieces: u32) {
        self.sell(tenant, &catalogue(&[[pieces]])).await;
    }

    async fn sell(&self, tenant: TenantId, catalogue: &Catalogue) {
        let mut connection = self.database.connect().await;
        let loaded = load_catalogue(&mut connection, tenant, catalogue).await;
        loaded.unwrap();
    }

    /// Another instance of the program, for the same tenant.
    pub fn another_context(&self) -> Arc<OrderContext> {
        self.another_context_with(self.settings)
    }

    /// Another instance with other settings.
    pub fn another_context_with(&self, settings: OrderSettings) -> Arc<OrderContext> {
        let clock = self.clock.as_ref();
        context(self.database.pool(8), &self.gateway, clock, settings)
    }

    /// Places an order of three units.
    pub async fn order(&self, key: &str) -> Result<PlacedOrder, PlacingError> {
        self.order_in(tenant(), key).await
    }

    /// Places an order of three units for a tenant.
    pub async fn order_in(&self, tenant: TenantId, key: &str) -> Result<PlacedOrder, PlacingError> {
        let key = IdempotencyKey::parse(key).unwrap();
        place_order(&self.context, tenant, &key, &three_pieces(), "api").await
    }

    /// Places an order whose payment stays open.
    pub async fn pending(&self, key: &str) -> OrderId {
        match self.order(key).await {
            Ok(PlacedOrder::Pending(order)) => order.order_id,
            other => panic!("not pending: {other:?}"),
        }
    }

    /// Places an order of 300 cents that is paid.
    pub async fn paid(&self, key: &str) -> OrderId {
        match self.order(key).await {
            Ok(PlacedOrder::Paid(order)) => order.id,
            other => panic!("not paid: {other:?}"),
        }
    }

    /// Cancels an order, as a request does.
    pub async fn cancel(&self, order_id: OrderId) -> Result<Cancellation, ReversingError> {
        let cancelled = cancel_order(&self.context, tenant(), order_id, None, None, "api").await;
        cancelled.map(Once::into_inner)
    }

    /// Refunds this many cents of an order, or the rest, as a request does.
    pub async fn refund(
        &self,
        order_id: OrderId,
        key: &str,
        amount_minor: Option<i64>,
    ) -> Result<RefundedOrder, ReversingError> {
        let request = RequestedRefund {
            what: amount_minor.map_or(Refunded::Rest, |amount| Refunded::Amount(usd(amount))),
            reason: None,
            disputed: Disputed::Refuse,
        };
        let key = IdempotencyKey::parse(key).unwrap();
        refund_order(&self.context, tenant(), order_id, &key, &request, "api").await
    }

    /// `state amount` of each refund, oldest first.
    pub async fn refunds(&self) -> String {
        let sql =
            "SELECT coalesce(string_agg(state || ' ' || amount_minor, ', ' ORDER BY number), '')
                   FROM payments.refunds";
        self.text(sql).await
    }

    /// Advances the test clock.
    pub fn pass(&self, time: Duration) {
        self.clock.as_ref().unwrap().pass(time);
    }

    /// Runs statements.
    pub async fn execute(&self, sql: &str) {
        let mut connection = self.database.connect().await;
        connection.batch_execute(sql).await.unwrap();
    }

    /// The single text that a query returns.
    pub async fn text(&self, sql: &str) -> String {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            text: String,
        }
        let sql = format!("SELECT ({sql})::text AS text");
        let mut connection = self.database.connect().await;
        let row: Row = diesel::sql_query(sql)
            .get_result(&mut connection)
            .await
            .unwrap();
        row.text
    }

    /// `tries resolution resolver` of each dead letter, oldest first, and the number of alerts.
    pub async fn dead_letters(&self) -> String {
        let sql = "SELECT concat_ws(' + ',
                       (SELECT string_agg(concat_ws(' ', d.tries, coalesce(d.resolution, 'open'), d.resolved_by), ', '
                                          ORDER BY d.created_at, d.id)
                        FROM orders.dead_letters d),
                       (SELECT count(*) FROM events.records WHERE type LIKE '%.opened') || ' alerts')";
        self.text(sql).await
    }

    /// `event: text` of each alert, oldest first.
    pub async fn alerts(&self) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            event: String,
            #[diesel(sql_type = Text)]
            subject_type: String,
            #[diesel(sql_type = SqlUuid)]
            subject_id: Uuid,
        }

        let sql = "SELECT type AS event, subject_type, subject_id FROM events.records
                   WHERE type IN ('dead_letter.opened', 'finding.opened') ORDER BY id";
        let mut connection = self.database.connect().await;
        let rows: Vec<Row> = diesel::sql_query(sql).load(&mut connection).await.unwrap();
        let mut alerts = Vec::new();
        for row in rows {
            let subject = Subject {
                kind: row.subject_type.into(),
                id: row.subject_id,
            };
            let told = explain_alert(&self.context, tenant(), &subject).await;
            alerts.push(format!("{}: {}", row.event, told.unwrap().unwrap()));
        }
        alerts
    }

    /// `status reserved events attempt worklist` of the only order. Events about its goods are left out.
    pub async fn state(&self) -> String {
        let sql = "
            SELECT concat_ws(' ', o.status, s.reserved,
                (SELECT string_agg(e.number || ':' || e.to_status || '/' || e.actor, ',' ORDER BY e.number)
                 FROM (SELECT to_status, actor, row_number() OVER (ORDER BY sequence) AS number
                       FROM orders.events WHERE type = 'order.changed') e),
                (SELECT a.state FROM payments.attempts a),
                (SELECT count(*) FROM orders.reconciliations))
            FROM orders.orders o CROSS JOIN inventory.stock_levels s";
        self.text(sql).await
    }
}

/// An instance of the program.
pub fn context(
    pool: Database,
    gateway: &Arc<ScriptedGateway>,
    clock: Option<&Arc<TestClock>>,
    settings: OrderSettings,
) -> Arc<OrderContext> {
    let geocoder = Arc::new(AddressBook::development());
    let context = OrderContext::new(pool, gateway.clone(), geocoder, settings);
    Arc::new(match clock {
        Some(clock) => context.with_clock(OrdersClock::of(clock)),
        None => context,
    })
}
