//! Where the goods are.

use oms_fulfilment::{FulfilmentOrder, ReturnLine, Shipment, ShipmentStatus};
use oms_validation::WarehouseId;

use super::Facts;
use super::words::{count_of, units};

/// Where the goods are.
pub(super) fn goods(facts: &Facts<'_>) -> String {
    let orders = &facts.goods.fulfilment_orders;
    let mut parts = Vec::new();
    match orders.is_empty() {
        true => parts.push(reserved(facts)),
        false => parts.extend(sending(facts, orders)),
    }
    parts.extend(returned(facts));
    parts.join(" ")
}

/// The goods of an order that nothing was to be sent of.
fn reserved(facts: &Facts<'_>) -> String {
    let lines = facts.order.lines.iter();
    let ordered = units(lines.map(|line| i64::from(line.quantity)).sum());
    match facts.order.status.holds_stock() {
        true => format!(
            "{ordered} reserved{}.",
            at_warehouse(facts, facts.order.warehouse_id)
        ),
        false => format!("{ordered} released; nothing was sent."),
    }
}

fn sending(facts: &Facts<'_>, orders: &[FulfilmentOrder]) -> Vec<String> {
    let mut parts = Vec::new();
    let shipped = facts.goods.shipped();
    let outstanding: i64 = orders.iter().map(FulfilmentOrder::outstanding).sum();
    let lines = || orders.iter().flat_map(|order| &order.lines);
    let cancelled: i64 = lines().map(|line| i64::from(line.cancelled)).sum();
    let (packed, frozen): (i64, i64) = (
        lines().map(|line| i64::from(line.packed)).sum(),
        lines().map(|line| i64::from(line.frozen)).sum(),
    );
    if shipped > 0 {
        parts.push(sent(facts, shipped));
    }
    if outstanding > 0 {
        let open = facts.open_work();
        let mut warehouses: Vec<_> = open.map(|order| order.warehouse_id).collect();
        warehouses.sort_unstable();
        warehouses.dedup();
        let place = match warehouses.as_slice() {
            [only] => at_warehouse(facts, *only),
            all => format!(" in {} warehouses", all.len()),
        };
        let detail = match (packed, frozen) {
            (0, 0) => String::new(),
            (packed, 0) => format!(", {packed} of them packed"),
            (_, frozen) => {
                format!(", {frozen} of them kept back until it is known whether they are refunded")
            }
        };
        parts.push(format!(
            "{} left to send, reserved{place}{detail}.",
            units(outstanding)
        ));
    }
    if cancelled > 0 {
        parts.push(format!("{} cancelled.", units(cancelled)));
    }
    parts
}

fn sent(facts: &Facts<'_>, shipped: i64) -> String {
    let left = |status| move |it: &&Shipment| it.status == status;
    let shipments = || facts.goods.shipments.iter();
    let under_way = shipments().filter(left(ShipmentStatus::Shipped)).count();
    let delivered = shipments().filter(left(ShipmentStatus::Delivered)).count();
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let what = units(shipped);
    match (under_way, delivered) {
        (_, 0) => format!("{what} sent in {}.", count_of(count(under_way), "shipment")),
        (0, _) => format!(
            "{what} delivered in {}.",
            count_of(count(delivered), "shipment")
        ),
        (_, _) => format!(
            "{what} sent in {}, of which {delivered} arrived.",
            count_of(count(under_way + delivered), "shipment")
        ),
    }
}

fn returned(facts: &Facts<'_>) -> Option<String> {
    let lines = || facts.goods.returns.iter().flat_map(|it| &it.lines);
    let sum = |of: fn(&ReturnLine) -> i32| -> i64 { lines().map(|line| i64::from(of(line))).sum() };
    let restocked = sum(|line| line.restocked);
    let quarantined = sum(|line| line.quarantined);
    let discarded = sum(|line| line.discarded);
    let back = restocked + quarantined + discarded;
    let fates = [
        (restocked, "for sale again"),
        (quarantined, "in quarantine"),
        (discarded, "discarded"),
    ];
    let fates = fates.into_iter().filter(|(count, _)| *count > 0);
    let fates: Vec<String> = fates
        .map(|(count, fate)| format!("{count} {fate}"))
        .collect();
    (back > 0).then(|| format!("{} came back: {}.", units(back), fates.join(", ")))
}

/// ` in Atlanta`: a warehouse, by its name when the order was routed, or now if its goods were moved there.
fn at_warehouse(facts: &Facts<'_>, id: WarehouseId) -> String {
    let mut candidates = facts.order.routing.candidates.iter();
    let routed = candidates.find(|entry| entry.warehouse_id == id);
    let routed = routed.map(|known| &known.warehouse_name);
    match routed.or_else(|| facts.warehouses.get(&id)) {
        Some(name) => format!(" in {name}"),
        None => format!(" in warehouse {id}"),
    }
}
