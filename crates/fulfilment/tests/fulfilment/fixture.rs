//! A database with fulfilment orders.

use diesel_async::SimpleAsyncConnection as _;
use oms_database::{Connection, transaction};
use oms_fulfilment::{
    Dispatch, FulfilmentContext, FulfilmentError, FulfilmentOrder, FulfilmentOrderId,
    NewFulfilmentOrder, NewParcel, Shipment, ShipmentDraft, ShipmentId, ShipmentStatus, Units,
    find_fulfilments, find_shipments, open_fulfilment_orders,
};
use oms_testing::TestDatabase;
use oms_testing::world::{self, new_tenant};
use oms_validation::{ExpectedVersion, OrderId, ProductId, TenantId, WarehouseId};
use serde_json::json;

pub struct Depot {
    /// Dropped with the depot.
    _database: TestDatabase,
    pub connection: Connection,
    pub context: FulfilmentContext,
    pub tenant: TenantId,
}

pub fn product(number: usize) -> ProductId {
    world::product(number).into()
}

pub fn warehouse(number: usize) -> WarehouseId {
    world::warehouse(number).into()
}

pub fn units(pairs: &[(i32, i64)]) -> Units {
    Units::new(pairs).unwrap()
}

pub fn parcel(tracking_number: &str) -> NewParcel {
    NewParcel {
        carrier: "UPS".to_owned().try_into().unwrap(),
        service: None,
        tracking_number: Some(tracking_number.to_owned().try_into().unwrap()),
        tracking_url: None,
    }
}

impl Depot {
    pub async fn open() -> Self {
        let database = TestDatabase::create();
        let mut connection = database.connect().await;
        Self {
            tenant: new_tenant(&mut connection).await,
            context: FulfilmentContext::new(database.pool(2), oms_testing::PATIENCE),
            connection,
            _database: database,
        }
    }

    /// Opens the fulfilment order of a new order in a warehouse, with these units of the first products.
    pub async fn order(&mut self, warehouse: WarehouseId, quantities: &[i32]) -> FulfilmentOrder {
        let order_id = OrderId::generate();
        let lines = quantities.iter().enumerate();
        let new = NewFulfilmentOrder {
            order_id,
            warehouse_id: warehouse,
            lines: lines
                .map(|(number, quantity)| (product(number), *quantity))
                .collect(),
        };
        let (orders, lines) = open_fulfilment_orders(self.tenant, None, &[new]);
        let opened = transaction(&mut self.connection, async |connection| {
            orders.run(connection).await?;
            lines.run(connection).await
        });
        opened.await.unwrap();
        self.fulfilment_of(order_id).await.0
    }

    /// The only fulfilment order of an order, and its shipments.
    pub async fn fulfilment_of(&mut self, order_id: OrderId) -> (FulfilmentOrder, Vec<Shipment>) {
        let tenant = self.tenant;
        let found = find_fulfilments(&mut self.connection, tenant, None, &[order_id]).await;
        let mut found = found.unwrap().remove(&order_id).unwrap();
        assert_eq!(found.fulfilment_orders.len(), 1);
        (found.fulfilment_orders.remove(0), found.shipments)
    }

    /// The current state of a fulfilment order.
    pub async fn now(&mut self, order: &FulfilmentOrder) -> FulfilmentOrder {
        self.fulfilment_of(order.order_id).await.0
    }

    /// Creates a shipment with these units, or everything.
    pub async fn create(
        &mut self,
        order: &FulfilmentOrder,
        units: Option<Units>,
        status: ShipmentStatus,
    ) -> Result<ShipmentId, FulfilmentError> {
        self.create_draft(draft(order.id, units, status)).await
    }

    /// Creates a shipment.
    pub async fn create_draft(
        &mut self,
        draft: ShipmentDraft,
    ) -> Result<ShipmentId, FulfilmentError> {
        let (id, of) = (draft.id, draft.fulfilment_order_id);
        let tenant = self.tenant;
        transaction(&mut self.connection, async |connection| {
            let ids = [of];
            let mut dispatch = Dispatch::lock(connection, tenant, None, &ids, &[]).await?;
            dispatch.create(draft)?;
            dispatch.write(connection, tenant, None).await?;
            Ok(id)
        })
        .await
    }

    /// Sends a packed shipment.
    pub async fn send(
        &mut self,
        id: ShipmentId,
        parcels: Vec<NewParcel>,
    ) -> Result<bool, FulfilmentError> {
        let tenant = self.tenant;
        let of = self.shipment(id).await.fulfilment_order_id;
        transaction(&mut self.connection, async |connection| {
            let mut dispatch = Dispatch::lock(connection, tenant, None, &[of], &[id]).await?;
            let is_sent = dispatch.send(id, &ExpectedVersion::Any, parcels)?;
            dispatch.write(connection, tenant, None).await?;
            Ok(is_sent)
        })
        .await
    }

    pub async fn shipment(&mut self, id: ShipmentId) -> Shipment {
        let found = find_shipments(&mut self.connection, self.tenant, &[id]).await;
        found.unwrap().remove(0)
    }

    pub async fn execute(&mut self, sql: &str) {
        self.connection.batch_execute(sql).await.unwrap();
    }
}

pub fn draft(id: FulfilmentOrderId, units: Option<Units>, status: ShipmentStatus) -> ShipmentDraft {
    ShipmentDraft {
        id: ShipmentId::generate(),
        fulfilment_order_id: id,
        warehouse_id: None,
        expected: ExpectedVersion::Any,
        units,
        parcels: vec![parcel("1Z1")],
        status,
        destination: Some(json!("191 Peachtree St NE, Atlanta, GA")),
    }
}
