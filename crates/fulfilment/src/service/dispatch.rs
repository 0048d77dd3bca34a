//! Packs and ships: one transaction may create and send shipments of many orders.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use oms_database::{Connection, DbError};
use oms_validation::{ExpectedVersion, OrderId, ProductId, TenantId, WarehouseId};
use serde_json::Value;

use crate::domain::fulfilment_order::FulfilmentOrder;
use crate::domain::id::{FulfilmentOrderId, ShipmentId};
use crate::domain::line::Units;
use crate::domain::parcel::NewParcel;
use crate::domain::refusal::Refusal;
use crate::domain::shipment::{MAX_SHIPMENTS, NewShipment, Shipment, ShipmentLine, ShipmentStatus};
use crate::error::FulfilmentError;
use crate::store::{Now, fulfilment_orders, parcels, shipments};

/// A shipment to create.
#[derive(Clone, Debug)]
pub struct ShipmentDraft {
    /// Its ID.
    pub id: ShipmentId,
    /// The fulfilment order whose units it has.
    pub fulfilment_order_id: FulfilmentOrderId,
    /// The version that the fulfilment order must have.
    pub expected: ExpectedVersion,
    /// Its units. `None` for all that may be sent now.
    pub units: Option<Units>,
    /// Its parcels.
    pub parcels: Vec<NewParcel>,
    /// `PACKED` or `SHIPPED`.
    pub status: ShipmentStatus,
    /// The order's address.
    pub destination: Option<Value>,
}

/// Units that leave a warehouse, or that are back in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// The shipment.
    pub shipment_id: ShipmentId,
    /// The order that holds the units.
    pub order_id: OrderId,
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// Units by product.
    pub units: BTreeMap<ProductId, i32>,
}

/// Locked fulfilment orders and shipments, and what their transaction is about to change. Nothing is written before
/// [`write`](Self::write), so that a refused request does not spoil the others of its transaction.
#[derive(Debug)]
pub struct Dispatch {
    orders: BTreeMap<FulfilmentOrderId, FulfilmentOrder>,
    packed: BTreeMap<ShipmentId, Shipment>,
    last_numbers: HashMap<OrderId, i32>,
    changed: BTreeSet<FulfilmentOrderId>,
    created: Vec<NewShipment>,
    sent: Vec<(ShipmentId, Vec<NewParcel>)>,
    departures: Vec<Departure>,
}

impl Dispatch {
    /// Locks fulfilment orders, and shipments of theirs. Their orders must be locked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lock(
        connection: &mut Connection,
        tenant: TenantId,
        now: Now,
        ids: &[FulfilmentOrderId],
        shipment_ids: &[ShipmentId],
    ) -> Result<Self, DbError> {
        let orders = fulfilment_orders::lock(connection, tenant, now, ids).await?;
        let packed = match shipment_ids.is_empty() {
            true => Vec::new(),
            false => shipments::lock(connection, tenant, shipment_ids).await?,
        };
        let order_ids: Vec<OrderId> = orders.iter().map(|order| order.order_id).collect();
        Ok(Self {
            last_numbers: shipments::last_numbers(connection, tenant, &order_ids).await?,
            orders: orders.into_iter().map(|order| (order.id, order)).collect(),
            packed: packed.into_iter().map(|it| (it.id, it)).collect(),
            changed: BTreeSet::new(),
            created: Vec::new(),
            sent: Vec::new(),
            departures: Vec::new(),
        })
    }

    /// Creates a shipment, and returns its number in the order.
    ///
    /// # Errors
    /// `NotFound`, `Changed`, or why its units can't be packed or sent. Then nothing of it is written.
    pub fn create(&mut self, draft: ShipmentDraft) -> Result<i32, FulfilmentError> {
        let id = draft.fulfilment_order_id;
        let order = self.orders.get(&id).ok_or(FulfilmentError::NotFound)?;
        // A batch may have changed it already; the version is the one that the client could read.
        if !draft.expected.allows(order.version) {
            let version = order.version;
            return Err(FulfilmentError::Changed { version });
        }
        let mut after = order.clone();
        let units = draft.units.unwrap_or_else(|| Units::ready_of(&after.lines));
        after.pack(&units)?;
        if draft.status == ShipmentStatus::Shipped {
            after.ship_packed(&units)?;
        }
        let last = self.last_numbers.entry(order.order_id).or_default();
        if usize::try_from(*last).is_ok_and(|last| last >= MAX_SHIPMENTS) {
            return Err(Refusal::TooManyShipments.into());
        }
        *last += 1;
        let lines = after.lines.iter().filter(|line| units.of(line.number) > 0);
        let lines = lines.map(|line| ShipmentLine {
            number: line.number,
            product_id: line.product_id,
            quantity: units.of(line.number),
        });
        let shipment = NewShipment {
            id: draft.id,
            fulfilment_order_id: id,
            order_id: after.order_id,
            number: *last,
            warehouse_id: after.warehouse_id,
            status: draft.status,
            destination: draft.destination,
            lines: lines.collect(),
            parcels: draft.parcels,
        };
        if draft.status == ShipmentStatus::Shipped {
            self.departures.push(departure(shipment.id, &after, &units));
        }
        let number = shipment.number;
        self.created.push(shipment);
        self.orders.insert(id, after);
        self.changed.insert(id);
        Ok(number)
    }

    /// Sends a packed shipment. Returns `false` if it was sent before.
    ///
    /// # Errors
    /// `ShipmentNotFound`, `Changed`, or why it can't be sent. Then nothing of it is written.
    pub fn send(
        &mut self,
        id: ShipmentId,
        expected: &ExpectedVersion,
        parcels: Vec<NewParcel>,
    ) -> Result<bool, FulfilmentError> {
        let shipment = self.packed.get_mut(&id);
        let shipment = shipment.ok_or(FulfilmentError::ShipmentNotFound)?;
        if !shipment.may_ship()? {
            return Ok(false);
        }
        if !expected.allows(shipment.version) {
            let version = shipment.version;
            return Err(FulfilmentError::Changed { version });
        }
        if !parcels.is_empty() && !shipment.parcels.is_empty() {
            return Err(Refusal::HasParcels.into());
        }
        let order = self.orders.get_mut(&shipment.fulfilment_order_id);
        let order = order.ok_or(FulfilmentError::NotFound)?;
        let units = shipment.units();
        order.ship_packed(&units)?;
        shipment.status = ShipmentStatus::Shipped;
        self.departures.push(departure(id, order, &units));
        self.changed.insert(order.id);
        self.sent.push((id, parcels));
        Ok(true)
    }

    /// The units that leave, by shipment.
    pub fn departures(&self) -> &[Departure] {
        &self.departures
    }

    /// The locked fulfilment orders as they will be, by ID.
    pub fn fulfilment_order(&self, id: FulfilmentOrderId) -> Option<&FulfilmentOrder> {
        self.orders.get(&id)
    }

    /// A locked shipment.
    pub fn shipment(&self, id: ShipmentId) -> Option<&Shipment> {
        self.packed.get(&id)
    }

    /// Writes everything.
    ///
    /// # Errors
    /// When the database fails. The transaction must then be rolled back.
    pub async fn write(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        now: Now,
    ) -> Result<(), DbError> {
        if !self.created.is_empty() {
            shipments::insert(connection, tenant, now, &self.created).await?;
        }
        if !self.sent.is_empty() {
            let ids: Vec<ShipmentId> = self.sent.iter().map(|(id, _)| *id).collect();
            shipments::mark_shipped(connection, tenant, now, &ids).await?;
            parcels::insert(connection, tenant, &self.sent).await?;
        }
        let changed = self.orders.values();
        let changed: Vec<_> = changed.filter(|it| self.changed.contains(&it.id)).collect();
        if changed.is_empty() {
            return Ok(());
        }
        fulfilment_orders::update(connection, tenant, now, &changed).await
    }
}

fn departure(shipment_id: ShipmentId, order: &FulfilmentOrder, units: &Units) -> Departure {
    Departure {
        shipment_id,
        order_id: order.order_id,
        warehouse_id: order.warehouse_id,
        units: units.by_product(&order.lines),
    }
}
