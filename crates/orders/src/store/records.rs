//! What the feed tells about dead letters and findings, in the commit of their changes.

use oms_database::{Connection, DbError, send_in_transaction};
use oms_events::{NewRecord, Subject, record};
use oms_validation::TenantId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::clock::Now;

/// Appends that dead letters were opened or resolved. Each has its ID, its order, and the members of `facts`.
pub(crate) async fn of_dead_letters(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    event_type: &'static str,
    changed: &[(Uuid, Uuid)],
    facts: &Value,
) -> Result<(), DbError> {
    let records = changed.iter().map(|(id, order_id)| {
        let mut data = json!({
            "deadLetterId": id,
            "orderId": order_id,
            "href": format!("/operations/dead-letters/{id}"),
        });
        add(&mut data, facts);
        (Subject::new("dead_letter", *id), data)
    });
    append(connection, tenant, now, event_type, records.collect()).await
}

/// Appends that findings were opened or resolved. Each has its ID, its kind, its order if it has one, and the members
/// of `facts`.
pub(crate) async fn of_findings(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    event_type: &'static str,
    changed: &[(Uuid, String, Option<Uuid>)],
    facts: &Value,
) -> Result<(), DbError> {
    let records = changed.iter().map(|(id, kind, order_id)| {
        let mut data =
            json!({ "findingId": id, "kind": kind, "href": format!("/operations/findings/{id}") });
        if let Some(order_id) = order_id {
            data["orderId"] = json!(order_id);
        }
        add(&mut data, facts);
        (Subject::new("finding", *id), data)
    });
    append(connection, tenant, now, event_type, records.collect()).await
}

fn add(data: &mut Value, facts: &Value) {
    for (name, value) in facts.as_object().into_iter().flatten() {
        data[name.as_str()] = value.clone();
    }
}

async fn append(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    event_type: &'static str,
    changed: Vec<(Subject, Value)>,
) -> Result<(), DbError> {
    if changed.is_empty() {
        return Ok(());
    }
    let new = |(subject, data)| NewRecord {
        occurred_at: now,
        ..NewRecord::new(event_type, subject, data)
    };
    let records: Vec<NewRecord> = changed.into_iter().map(new).collect();
    send_in_transaction(connection, (record(tenant, &records),)).await?;
    Ok(())
}
