//! A store with one warehouse and one product, and what can be read from its database.

use std::sync::Arc;
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use oms_geocoding::adapters::AddressBook;
use oms_inventory::{Catalogue, load_catalogue};
use oms_orders::{
    OrderContext, OrderError, OrderRequest, OrderSettings, PlacedOrder, RequestedLine, place_order,
};
use oms_payments::PaymentMethod;
use oms_test_support::TestDatabase;
use oms_validation::{Currency, IdempotencyKey, TenantId};
use serde_json::json;
use uuid::Uuid;

use crate::gateway::{Confirm, ScriptedGateway};

pub struct Shop {
    pub context: Arc<OrderContext>,
    pub gateway: Arc<ScriptedGateway>,
    pub database: TestDatabase,
}

pub fn tenant() -> TenantId {
    Uuid::from_u128(1).into()
}

fn product() -> Uuid {
    Uuid::from_u128(0xB)
}

impl Shop {
    /// Every new order is due for the sweeper at once.
    pub async fn open(confirm: Confirm) -> Self {
        let settings = OrderSettings {
            sweep_after: Duration::ZERO,
            ..OrderSettings::new(Currency::parse("USD").unwrap())
        };
        Self::open_with(confirm, settings).await
    }

    pub async fn open_with(confirm: Confirm, settings: OrderSettings) -> Self {
        let database = TestDatabase::create();
        let warehouse = Uuid::from_u128(0xA);
        let catalogue: Catalogue = serde_json::from_value(json!({
            "warehouses": [{ "id": warehouse, "name": "W", "location": { "lat": 33.7, "lng": -84.4 } }],
            "products": [{
                "id": product(), "sku": "P", "name": "P",
                "prices": [{ "amountMinor": 100, "currency": "USD" }],
                "stock": [{ "warehouseId": warehouse, "quantity": 10 }],
            }],
        }))
        .unwrap();
        load_catalogue(&mut database.connect().await, tenant(), &catalogue)
            .await
            .unwrap();
        let gateway = Arc::new(ScriptedGateway::new(confirm));
        let context = OrderContext::new(
            database.pool(8),
            gateway.clone(),
            Arc::new(AddressBook::development()),
            settings,
        );
        Self {
            context: Arc::new(context),
            gateway,
            database,
        }
    }

    /// Places an order of three pieces.
    pub async fn order(&self, key: &str) -> Result<PlacedOrder, OrderError> {
        let address = json!("191 Peachtree St NE, Atlanta, GA");
        let request = OrderRequest {
            customer_id: Uuid::from_u128(0xC).into(),
            shipping_address: serde_json::from_value(address).unwrap(),
            lines: vec![RequestedLine {
                product_id: product().into(),
                quantity: 3,
            }],
            payment_method: PaymentMethod::parse_token("pm_card_visa").unwrap(),
        };
        place_order(
            &self.context,
            tenant(),
            &IdempotencyKey::parse(key).unwrap(),
            &request,
        )
        .await
    }

    /// `status reserved events attempt worklist` of the one order that there is.
    pub async fn state(&self) -> String {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            state: String,
        }
        let sql = "
            SELECT concat_ws(' ', o.status, s.reserved,
                (SELECT string_agg(e.sequence || ':' || e.to_status || '/' || e.actor, ',' ORDER BY e.sequence)
                 FROM orders.events e),
                (SELECT a.state FROM payments.attempts a),
                (SELECT count(*) FROM orders.reconciliations)) AS state
            FROM orders.orders o CROSS JOIN inventory.stock_levels s";
        let mut connection = self.database.connect().await;
        let row: Row = diesel::sql_query(sql)
            .get_result(&mut connection)
            .await
            .unwrap();
        row.state
    }
}
