//! Records what a carrier reports about a parcel.

use std::sync::Arc;

use oms_fulfilment::{
    Shipment, ShipmentId, ShipmentStatus, TrackingReport, record_tracking as record,
};
use oms_validation::{ExpectedVersion, TenantId};

use crate::context::OrderContext;
use crate::error::ShippingError;
use crate::service::fulfilling::deliver_shipment::deliver_shipment;
use crate::service::transitions::patience::Patience;

/// Records a report, once however often the carrier repeats it, and returns the shipment. A shipment whose parcels are
/// all delivered is delivered. If the program dies in between, the carrier's next report, or a repeated one, makes up
/// for it.
///
/// # Errors
/// `ShipmentNotFound`, `UnknownParcel`, `Contended`, or the database's error.
pub async fn record_tracking(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    id: ShipmentId,
    report: &TrackingReport,
    actor: &str,
) -> Result<Shipment, ShippingError> {
    let mut patience = Patience::new(context, tenant, id.as_uuid());
    let shipment = loop {
        let tried = patience.attempt(async |connection| {
            let recorded = record(connection, tenant, context.now(), id, report, actor).await;
            recorded.map_err(ShippingError::from)
        });
        if let Some(recorded) = tried.await {
            break recorded?;
        }
    };
    if shipment.status != ShipmentStatus::Shipped || !shipment.is_all_delivered() {
        return Ok(shipment);
    }
    oms_failpoints::reached("orders.tracked");
    let delivered = shipment
        .parcels
        .iter()
        .filter_map(|it| it.delivered_at)
        .max();
    let any = ExpectedVersion::Any;
    deliver_shipment(context, tenant, id, any, delivered, None, actor).await
}
