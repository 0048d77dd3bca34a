//! Packs, ships and delivers: one transaction may create, send and deliver shipments of many orders.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use oms_database::{Connection, DbError, send_in_transaction};
use oms_validation::{ExpectedVersion, OrderId, ProductId, TenantId, WarehouseId};
use serde_json::Value;

use crate::domain::fulfilment_order::FulfilmentOrder;
use crate::domain::id::{FulfilmentOrderId, ShipmentId};
use crate::domain::limits::MAX_SHIPMENTS;
use crate::domain::line::Units;
use crate::domain::parcel::NewParcel;
use crate::domain::refusal::Refusal;
use crate::domain::shipment::{NewShipment, Shipment, ShipmentLine, ShipmentStatus};
use crate::error::FulfilmentError;
use crate::store::{Now, clock, fulfilment_orders, holds, lines, parcels, shipments};

/// A shipment to create.
#[derive(Clone, Debug)]
pub struct ShipmentDraft {
    /// Its ID.
    pub id: ShipmentId,
    /// The fulfilment order whose units it has.
    pub fulfilment_order_id: FulfilmentOrderId,
    /// The version that the fulfilment order must have.
    pub expected: ExpectedVersion,
    /// The warehouse that it must belong to, if the sender says where it stands.
    pub warehouse_id: Option<WarehouseId>,
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
    shipments: BTreeMap<ShipmentId, Shipment>,
    last_numbers: HashMap<OrderId, i32>,
    changed: BTreeSet<FulfilmentOrderId>,
    created: Vec<NewShipment>,
    sent: Vec<(ShipmentId, Vec<NewParcel>)>,
    delivered: Vec<(ShipmentId, DateTime<Utc>)>,
    departures: Vec<Departure>,
    present: DateTime<Utc>,
}

impl Dispatch {
    /// Locks fulfilment orders, and shipments of theirs, in two round trips. Their orders must be locked.
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
        let has_shipments = !shipment_ids.is_empty();
        let locks = (
            fulfilment_orders::lock_rows(tenant, now, ids),
            has_shipments.then(|| shipments::lock_rows(tenant, shipment_ids)),
            clock::read(now),
        );
        let (orders, found, present) = send_in_transaction(connection, locks).await?;
        let found = found.unwrap_or_default();
        let (of_orders, of_shipments) = (
            fulfilment_orders::ids_of(&orders),
            shipments::ids_of(&found),
        );
        let order_ids = fulfilment_orders::order_ids_of(&orders);
        let parts = (
            lines::find(tenant, &of_orders),
            holds::find(tenant, &of_orders),
            shipments::last_numbers(tenant, &order_ids),
            has_shipments.then(|| shipments::find_lines(tenant, &of_shipments)),
            has_shipments.then(|| parcels::find(tenant, &of_shipments)),
        );
        let parts = send_in_transaction(connection, parts).await?;
        let (lines, holds, last_numbers, shipped_lines, parcels) = parts;
        let orders = fulfilment_orders::fulfilment_orders_of(orders, lines, holds);
        let (shipped_lines, parcels) = (
            shipped_lines.unwrap_or_default(),
            parcels.unwrap_or_default(),
        );
        let found = shipments::shipments_of(found, shipped_lines, parcels);
        Ok(Self {
            last_numbers,
            orders: orders.into_iter().map(|order| (order.id, order)).collect(),
            shipments: found.into_iter().map(|it| (it.id, it)).collect(),
            changed: BTreeSet::new(),
            created: Vec::new(),
            sent: Vec::new(),
            delivered: Vec::new(),
            departures: Vec::new(),
            present,
        })
    }

    /// Creates a shipment, and returns its number in the order.
    ///
    /// # Errors
    /// `NotFound`, `Changed`, `OtherWarehouse`, or why its units can't be packed or sent. Then nothing of it is written.
    pub fn create(&mut self, draft: ShipmentDraft) -> Result<i32, FulfilmentError> {
        let id = draft.fulfilment_order_id;
        let order = self.orders.get(&id).ok_or(FulfilmentError::NotFound)?;
        // An earlier request of the batch may have raised it.
        draft.expected.check(order.version)?;
        if draft
            .warehouse_id
            .is_some_and(|at| at != order.warehouse_id)
        {
            return Err(Refusal::OtherWarehouse(order.warehouse_id).into());
        }
        let mut after = order.clone();
        let units = draft.units.unwrap_or_else(|| Units::ready_of(&after.lines));
        after.pack(&units)?;
        if draft.status == ShipmentStatus::Shipped {
            after.ship_packed(&units)?;
        }
        after.raise_version();
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
            lines: lines.collect(),
            parcels: storable(draft.parcels, draft.destination.is_none()),
            destination: draft.destination,
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
        let shipment = self.shipments.get_mut(&id);
        let shipment = shipment.ok_or(FulfilmentError::ShipmentNotFound)?;
        if !shipment.may_ship()? {
            return Ok(false);
        }
        expected.check(shipment.version)?;
        if !parcels.is_empty() && !shipment.parcels.is_empty() {
            return Err(Refusal::HasParcels.into());
        }
        let order = self.orders.get_mut(&shipment.fulfilment_order_id);
        let order = order.ok_or(FulfilmentError::NotFound)?;
        let units = shipment.units();
        order.ship_packed(&units)?;
        order.raise_version();
        shipment.status = ShipmentStatus::Shipped;
        shipment.version += 1;
        let parcels = storable(parcels, shipment.is_erased());
        self.departures.push(departure(id, order, &units));
        self.changed.insert(order.id);
        self.sent.push((id, parcels));
        Ok(true)
    }

    /// Records that a shipment was delivered at a time, now if none is given. A time in the future counts as now.
    /// Returns `false` if it was delivered before.
    ///
    /// # Errors
    /// `ShipmentNotFound`, `Changed`, `NotShipped`, `ShipmentCancelled`, or `ImplausibleTime` for a time long before
    /// the shipment. Then nothing of it is written.
    pub fn deliver(
        &mut self,
        id: ShipmentId,
        expected: &ExpectedVersion,
        delivered_at: Option<DateTime<Utc>>,
    ) -> Result<bool, FulfilmentError> {
        let present = self.present;
        let shipment = self.shipments.get_mut(&id);
        let shipment = shipment.ok_or(FulfilmentError::ShipmentNotFound)?;
        if !shipment.may_deliver()? {
            return Ok(false);
        }
        expected.check(shipment.version)?;
        let delivered_at = delivered_at.map_or(present, |at| at.min(present));
        shipment.check_time(delivered_at, present)?;
        shipment.status = ShipmentStatus::Delivered;
        shipment.version += 1;
        self.delivered.push((id, delivered_at));
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
        let sent: Vec<ShipmentId> = self.sent.iter().map(|(id, _)| *id).collect();
        let changed = self.orders.values();
        let changed: Vec<_> = changed.filter(|it| self.changed.contains(&it.id)).collect();
        let (open, closed) = fulfilment_orders::update_rows(tenant, now, &changed);
        // A shipment may be sent and delivered by two requests of one transaction.
        let statements = (
            (!sent.is_empty()).then(|| shipments::mark_shipped(tenant, now, &sent)),
            parcels::insert(tenant, &self.sent),
            (!self.delivered.is_empty())
                .then(|| shipments::mark_delivered(tenant, now, &self.delivered)),
            open,
            closed,
            (!changed.is_empty()).then(|| lines::update(tenant, &changed)),
        );
        let written = send_in_transaction(connection, statements).await?;
        let (shipped, _, delivered, ..) = written;
        let are_all = shipped.unwrap_or_default() == self.sent.len()
            && delivered.unwrap_or_default() == self.delivered.len();
        DbError::unless_changed(are_all, "the shipments are locked")
    }
}

/// Parcels as they may be stored: without their tracking URLs once the personal data of the order is erased.
fn storable(mut parcels: Vec<NewParcel>, is_erased: bool) -> Vec<NewParcel> {
    if is_erased {
        for parcel in &mut parcels {
            parcel.tracking_url = None;
        }
    }
    parcels
}

fn departure(shipment_id: ShipmentId, order: &FulfilmentOrder, units: &Units) -> Departure {
    Departure {
        shipment_id,
        order_id: order.order_id,
        warehouse_id: order.warehouse_id,
        units: units.by_product(&order.lines),
    }
}
