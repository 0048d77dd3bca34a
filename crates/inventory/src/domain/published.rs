//! What the feed tells about changes of stock.

use std::collections::BTreeMap;

use oms_events::{EventType, NewRecord, Subject};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::stock_change::PlannedMovement;
use crate::domain::stock_movement::ChangeRecord;

/// Maximum number of movements in an event, which must not exceed 8 kB.
const MOVEMENTS: usize = 30;

/// The types of events that inventory publishes.
pub const EVENT_TYPES: &[EventType] = &[EventType {
    name: "stock.moved",
    summary: "Units entered or left warehouses, or were set aside. A change of more than 30 stock levels has several events.",
    subject: "stock_change",
    needs_operator: false,
    data: moved_schema,
}];

fn moved_schema() -> Value {
    let id = json!({ "type": "string", "format": "uuid" });
    json!({
        "type": "object",
        "required": ["changeId", "actor", "movements"],
        "properties": {
            "changeId": id,
            "actor": { "type": "string" },
            "movements": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["warehouseId", "productId", "kind", "quantity", "quarantined"],
                    "properties": {
                        "warehouseId": id,
                        "productId": id,
                        "kind": { "type": "string" },
                        "quantity": { "type": "integer" },
                        "quarantined": { "type": "integer" },
                    },
                },
            },
        },
    })
}

/// The events of movements, in the order of their changes.
pub(crate) fn of_movements(movements: &[(PlannedMovement, ChangeRecord<'_>)]) -> Vec<NewRecord> {
    let mut changes: BTreeMap<Uuid, (&str, Vec<Value>)> = BTreeMap::new();
    for (movement, record) in movements {
        let change = changes.entry(record.change_id.as_uuid());
        let (_, moved) = change.or_insert_with(|| (record.actor, Vec::new()));
        moved.push(json!({
            "warehouseId": movement.level.0,
            "productId": movement.level.1,
            "kind": movement.kind,
            "quantity": movement.quantity,
            "quarantined": movement.quarantined,
        }));
    }
    let events = |(id, (actor, moved)): (Uuid, (&str, Vec<Value>))| {
        let event = |part: &[Value]| {
            let data = json!({ "changeId": id, "actor": actor, "movements": part });
            NewRecord::new("stock.moved", Subject::new("stock_change", id), data)
        };
        moved.chunks(MOVEMENTS).map(event).collect::<Vec<_>>()
    };
    changes.into_iter().flat_map(events).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::stock_movement::MovementKind;

    #[test]
    fn a_large_change_is_told_in_events_of_limited_size() {
        let change = |id| ChangeRecord {
            change_id: Uuid::from_u128(id).into(),
            reason: "a count",
            actor: "operator:ann",
        };
        let movement = |product: u128| PlannedMovement {
            level: (
                Uuid::from_u128(u128::MAX).into(),
                Uuid::from_u128(u128::MAX - product).into(),
            ),
            kind: MovementKind::QuarantineRelease,
            quantity: i32::MIN,
            quarantined: i32::MIN,
        };
        let first = (0..61).map(|product| (movement(product), change(1)));
        let movements: Vec<_> = first.chain([(movement(0), change(2))]).collect();
        let events = of_movements(&movements);
        let told = |event: &NewRecord| event.data["movements"].as_array().unwrap().len();
        assert_eq!(events.iter().map(told).collect::<Vec<_>>(), [30, 30, 1, 1]);
        assert!(events.iter().all(|it| it.data.to_string().len() < 7500));
    }
}
