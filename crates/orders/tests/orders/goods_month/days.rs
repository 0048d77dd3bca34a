//! What happens to orders on a day, and what it does to the books.

use std::collections::BTreeMap;

use oms_fulfilment::{
    FulfilmentOrder, ReceiptDraft, ReceiptId, Received, Shipment, ShipmentStatus, find_shipments,
};
use oms_inventory::SourceStock;
use oms_orders::{
    OrderStatus, Reason, ReroutedOrder, ReversingError, Target, cancel_order, cancel_shipment,
    cancel_unshipped, create_shipment, decide_return, deliver_shipment, get_order,
    move_fulfilment_order, order_fulfilments, receive_return, reject_fulfilment_order,
    request_return, ship_shipment,
};
use oms_validation::Once;
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::{GoodsMonth, WAREHOUSES, at};
use crate::rerouting::{rejection, to};
use crate::returning::{APPROVE, units};
use crate::shipping::{ANY, draft, key};
use crate::shop::tenant;

/// Events of a day.
const EVENTS: usize = 24;

impl GoodsMonth {
    /// Refusals are a part of the day: they change nothing.
    pub async fn work(&mut self) {
        for _ in 0..EVENTS {
            match self.random.random_range(0..12) {
                0..3 => self.ship().await,
                3 => self.pack().await,
                4 => self.undo().await,
                5..7 => self.reroute().await,
                7..9 => self.reject().await,
                9 => self.cancel().await,
                _ => self.send_back().await,
            }
        }
    }

    /// Units leave a warehouse (`-1`), or are back in it (`1`). An order that has ended holds none.
    fn book(&mut self, shipment: &Shipment, sign: i64, is_held: bool) {
        for line in &shipment.lines {
            let units = sign * i64::from(line.quantity);
            let level = self.books.level(shipment.warehouse_id, line.product_id);
            level.on_hand += units;
            level.reserved += if is_held { units } else { 0 };
        }
    }

    async fn create(
        &mut self,
        work: &FulfilmentOrder,
        units: Option<i64>,
        status: ShipmentStatus,
    ) -> Option<Shipment> {
        let draft = draft(work, units, status);
        let key = key(&draft.id.to_string());
        let made = create_shipment(&self.shop.context, tenant(), &key, draft, "api").await;
        let shipment = made.ok()?.into_inner();
        self.shipments.push(shipment.id);
        Some(shipment)
    }

    async fn ship(&mut self) {
        let Some(work) = self.any_work().await else {
            return;
        };
        let first = work.lines[0].number;
        let units = Some(1).filter(|_| first == 1 && self.random.random_bool(0.6));
        if let Some(sent) = self.create(&work, units, ShipmentStatus::Shipped).await {
            self.book(&sent, -1, true);
            self.note("shipped");
        }
    }

    /// Packs everything, and sends it half of the time.
    async fn pack(&mut self) {
        let Some(work) = self.any_work().await else {
            return;
        };
        let Some(packed) = self.create(&work, None, ShipmentStatus::Packed).await else {
            return;
        };
        self.note("packed");
        if self.random.random_bool(0.5) {
            let id = packed.id;
            let sent = ship_shipment(&self.shop.context, tenant(), id, ANY, vec![], None, "api");
            self.book(&sent.await.unwrap(), -1, true);
        }
    }

    async fn any_shipment(&mut self) -> Option<Shipment> {
        let id = *self.shipments.choose(&mut self.random)?;
        let mut connection = self.shop.database.connect().await;
        let found = find_shipments(&mut connection, tenant(), &[id]).await;
        found.unwrap().pop()
    }

    async fn undo(&mut self) {
        let Some(before) = self.any_shipment().await else {
            return;
        };
        let (context, why) = (&self.shop.context, Reason::parse("it never left").unwrap());
        let order = get_order(context, tenant(), before.order_id).await.unwrap();
        let is_held = order.order.status == OrderStatus::Paid;
        let undone = cancel_shipment(context, tenant(), before.id, &ANY, &why, None, "api").await;
        if undone.is_ok() && before.status == ShipmentStatus::Shipped {
            self.book(&before, 1, is_held);
            self.note("undone");
        }
    }

    fn any_stock(&mut self) -> SourceStock {
        match self.random.random_range(0..6) {
            0 => SourceStock::WriteOff,
            1 => SourceStock::WriteOffAll,
            2 => SourceStock::Quarantine,
            _ => SourceStock::Keep,
        }
    }

    async fn reroute(&mut self) {
        let Some(work) = self.any_work().await else {
            return;
        };
        let first = work.lines[0].number;
        let units = Some(1).filter(|_| first == 1 && self.random.random_bool(0.5));
        let target = match self.random.random_bool(0.5) {
            true => Target::Nearest,
            false => Target::Given(at(self.random.random_range(0..WAREHOUSES))),
        };
        let mut request = to(target, units);
        request.stock = self.any_stock();
        let key = key(&self.name());
        let (context, id) = (&self.shop.context, work.id);
        let moved = move_fulfilment_order(context, tenant(), id, &ANY, &request, &key, "api").await;
        if let Ok(done) = moved {
            self.book_move(&work, done.into_inner(), request.stock);
            self.note("moved");
        }
    }

    async fn reject(&mut self) {
        let Some(work) = self.any_work().await else {
            return;
        };
        let first = work.lines[0].number;
        let units = Some(1).filter(|_| first == 1 && self.random.random_bool(0.5));
        let request = rejection(units, self.any_stock());
        let key = key(&self.name());
        let (context, id) = (&self.shop.context, work.id);
        let done =
            reject_fulfilment_order(context, tenant(), id, &ANY, &request, &key, "api").await;
        let Ok(done) = done.map(Once::into_inner) else {
            return;
        };
        if done.moved.is_some() {
            self.book_move(&work, done, request.stock);
            self.note("rejected");
            return;
        }
        self.note("held");
        if request.stock == SourceStock::WriteOffAll {
            let units = work.movable(request.units.as_ref()).unwrap();
            for product in units.by_product(&work.lines).into_keys() {
                let level = self.books.level(work.warehouse_id, product);
                level.on_hand = level.reserved + level.quarantined;
            }
        }
    }

    fn book_move(&mut self, work: &FulfilmentOrder, done: ReroutedOrder, stock: SourceStock) {
        let made = done.moved.unwrap().made;
        let (from, to) = (made.from_warehouse_id, made.to_warehouse_id);
        for (product, units) in made.units.by_product(&work.lines) {
            let units = i64::from(units);
            self.books.reserve_elsewhere(product, from, to, units);
            let level = self.books.level(from, product);
            match stock {
                SourceStock::WriteOff => level.on_hand -= units,
                SourceStock::WriteOffAll => level.on_hand = level.reserved + level.quarantined,
                SourceStock::Quarantine => level.quarantined += units,
                SourceStock::Keep | SourceStock::Count(_) => {}
            }
        }
    }

    /// Cancels an order, or what is not sent of it: the rest is for sale again.
    async fn cancel(&mut self) {
        let Some(order_id) = self.any_order() else {
            return;
        };
        let context = &self.shop.context;
        let found = order_fulfilments(context, tenant(), order_id)
            .await
            .unwrap();
        let cancelled = match cancel_order(context, tenant(), order_id, None, None, "api").await {
            Err(ReversingError::PartlyShipped { .. }) => {
                let rest = cancel_unshipped(context, tenant(), order_id, None, None, "api").await;
                rest.is_ok()
            }
            done => done.is_ok(),
        };
        if !cancelled {
            return;
        }
        for order in &found.fulfilment_orders {
            for line in &order.lines {
                let level = self.books.level(order.warehouse_id, line.product_id);
                level.reserved -= i64::from(line.outstanding());
            }
        }
        self.note("cancelled");
    }

    /// The customer gets a shipment and returns a unit of its first line, which arrives in any warehouse.
    async fn send_back(&mut self) {
        let Some(sent) = self.any_shipment().await else {
            return;
        };
        let (order_id, line) = (sent.order_id, sent.lines[0]);
        let requesting = key(&self.name());
        let receiving = key(&self.name());
        let context = self.shop.context.clone();
        let delivered = deliver_shipment(&context, tenant(), sent.id, ANY, None, None, "api").await;
        if delivered.is_err() {
            return;
        }
        self.note("delivered");
        let requested = units(line.number, 1);
        let made =
            request_return(&context, tenant(), order_id, &requesting, &requested, "api").await;
        let Ok(made) = made.map(Once::into_inner) else {
            return;
        };
        let approved =
            decide_return(&context, tenant(), made.id, &ANY, &APPROVE, None, "api").await;
        approved.unwrap();
        let mut received = Received::default();
        match self.random.random_range(0..4) {
            0 => received.quarantine = 1,
            1 => received.discard = 1,
            2 => received.missing = 1,
            _ => received.restock = 1,
        }
        let warehouse_id = at(self.random.random_range(0..WAREHOUSES));
        let draft = ReceiptDraft {
            id: ReceiptId::generate(),
            warehouse_id,
            lines: BTreeMap::from([(line.number, received)]),
        };
        let (id, key) = (made.id, &receiving);
        let done = receive_return(&context, tenant(), id, &ANY, &draft, key, "api:dock").await;
        if done.is_ok() {
            let level = self.books.level(warehouse_id, line.product_id);
            level.on_hand += i64::from(received.restock + received.quarantine);
            level.quarantined += i64::from(received.quarantine);
            self.note("received");
        }
    }
}
