//! The warehouse of that month: once a day it packs, ships and delivers a part of what was paid, and some parcels turn
//! out never to have left.

use futures_util::future::join_all;
use oms_fulfilment::{FulfilmentOrder, ShipmentId, ShipmentStatus};
use oms_orders::{
    Reason, cancel_shipment, create_shipment, deliver_shipment, order_fulfilments, ship_shipment,
};
use oms_validation::{Once, OrderId};
use rand::RngExt;

use super::Month;
use crate::shipping::{ANY, draft, key};
use crate::shop::tenant;

/// What the warehouse does with a fulfilment order on one day.
#[derive(Clone, Copy, Debug)]
enum Day {
    Nothing,
    ShipsOne,
    ShipsAll,
    PacksOneAndShipsIt,
    PacksOne,
    LosesTheParcelAtTheDoor,
}

impl Month {
    pub async fn send_and_deliver(&mut self) {
        let open = "SELECT DISTINCT order_id::text FROM fulfilment.fulfilment_orders WHERE closed_at IS NULL";
        let orders = self.words(open).await;
        let days: Vec<(OrderId, Day)> = orders
            .into_iter()
            .map(|id| (id.parse().unwrap(), self.day()))
            .collect();
        let sending = days
            .iter()
            .map(|(order_id, day)| self.spend(*order_id, *day));
        join_all(sending).await;
        let sent = "SELECT id::text FROM fulfilment.shipments WHERE status = 'SHIPPED' ORDER BY id";
        let mut sent = self.words(sent).await;
        sent.retain(|_| self.random.random_bool(0.5));
        let delivering = sent.iter().map(|id| {
            let id: ShipmentId = id.parse().unwrap();
            deliver_shipment(&self.context, tenant(), id, ANY, None, None, "api:ups")
        });
        for delivered in join_all(delivering).await {
            delivered.unwrap();
        }
    }

    fn day(&mut self) -> Day {
        match self.random.random_range(0..10) {
            0..2 => Day::Nothing,
            2..4 => Day::ShipsOne,
            4..7 => Day::ShipsAll,
            7 => Day::PacksOneAndShipsIt,
            8 => Day::PacksOne,
            _ => Day::LosesTheParcelAtTheDoor,
        }
    }

    /// Packed units of days before may leave less than wanted, which is refused.
    async fn spend(&self, order_id: OrderId, day: Day) {
        let found = order_fulfilments(&self.context, tenant(), order_id).await;
        let work = found.unwrap().fulfilment_orders.remove(0);
        match day {
            Day::Nothing => {}
            Day::ShipsOne => _ = self.make(&work, Some(1), ShipmentStatus::Shipped).await,
            Day::ShipsAll => _ = self.make(&work, None, ShipmentStatus::Shipped).await,
            Day::PacksOne => _ = self.make(&work, Some(1), ShipmentStatus::Packed).await,
            Day::PacksOneAndShipsIt => {
                if let Some(id) = self.make(&work, Some(1), ShipmentStatus::Packed).await {
                    let sent = ship_shipment(&self.context, tenant(), id, ANY, vec![], None, "api");
                    sent.await.unwrap();
                }
            }
            Day::LosesTheParcelAtTheDoor => {
                if let Some(id) = self.make(&work, Some(1), ShipmentStatus::Shipped).await {
                    let why = Reason::parse("it never left").unwrap();
                    let undone =
                        cancel_shipment(&self.context, tenant(), id, &ANY, &why, None, "api");
                    undone.await.unwrap();
                }
            }
        }
    }

    async fn make(
        &self,
        work: &FulfilmentOrder,
        units: Option<i64>,
        status: ShipmentStatus,
    ) -> Option<ShipmentId> {
        let draft = draft(work, units, status);
        let key = key(&draft.id.to_string());
        let made = create_shipment(&self.context, tenant(), &key, draft, "api").await;
        made.ok().map(|it| Once::into_inner(it).id)
    }
}
