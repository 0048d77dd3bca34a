//! The actions of the page of an order. Each calls the use case of the API's endpoint, in the operator's name, and leads
//! back to the page. A refusal is shown on it.

use oms_errors::{Problem, invalid_field};
use oms_fulfilment::{
    CarrierName, FulfilmentOrderId, HoldHandle, NewParcel, ShipmentDraft, ShipmentId,
    ShipmentStatus, TrackingNumber, TrackingUrl, Units, fulfilment_order_id_of,
    get_fulfilment_order,
};
use oms_inventory::SourceStock;
use oms_orders::{
    MoveRequest, Target, cancel_order, cancel_unshipped, create_dead_letter, create_shipment,
    get_order, move_fulfilment_order, release_hold, try_now,
};
use oms_validation::OrderId;

use super::{order_id_of, refused};
use crate::http::form::Form;
use crate::http::page::{Answer, see};
use crate::http::page_request::PageRequest;
use crate::http::webhooks::actions::resolve_event;

/// Leads back to the page of an order after an action, or shows its refusal there.
async fn answer(
    done: Result<(), Problem>,
    request: &PageRequest,
    id: OrderId,
    word: &str,
) -> Answer {
    match done {
        Ok(()) => see(&format!("/console/orders/{id}?done={word}")),
        Err(problem) => refused(request, id, problem).await,
    }
}

/// `POST /console/orders/{id}/cancel`.
pub(in crate::http) async fn cancel(request: Box<PageRequest>) -> Answer {
    let (form, id) = (request.form()?, order_id_of(request.id())?);
    let (orders, operator) = (&request.console.orders, request.operator()?);
    let (tenant, actor) = (operator.tenant(), operator.actor());
    let done = async {
        let (key, reason) = (form.key()?, form.reason()?);
        let (key, reason) = (Some(&key), Some(&reason));
        match form.text("scope") {
            None => cancel_order(orders, tenant, id, key, reason, &actor).await?,
            Some("unshipped") => cancel_unshipped(orders, tenant, id, key, reason, &actor).await?,
            Some(_) => return Err(invalid_field("scope", "must be unshipped or omitted")),
        };
        Ok(())
    };
    answer(done.await, &request, id, "cancelled").await
}

/// `POST /console/orders/{id}/try`.
pub(in crate::http) async fn try_again(request: Box<PageRequest>) -> Answer {
    let (form, id) = (request.form()?, order_id_of(request.id())?);
    let (orders, operator) = (&request.console.orders, request.operator()?);
    let done = async {
        let key = form.key()?;
        try_now(orders, operator.tenant(), id, &key, &operator.name).await?;
        Ok(())
    };
    answer(done.await, &request, id, "tried").await
}

/// `POST /console/orders/{id}/take`: takes the order from the sweeper.
pub(in crate::http) async fn take(request: Box<PageRequest>) -> Answer {
    let (form, id) = (request.form()?, order_id_of(request.id())?);
    let (orders, operator) = (&request.console.orders, request.operator()?);
    let (tenant, name) = (operator.tenant(), &operator.name);
    let done = async {
        let (key, reason) = (form.key()?, form.reason()?);
        create_dead_letter(orders, tenant, id, Some(&key), name, &reason).await?;
        Ok(())
    };
    answer(done.await, &request, id, "taken").await
}

/// `POST /console/fulfilment-orders/{id}/ship`.
pub(in crate::http) async fn ship(request: Box<PageRequest>) -> Answer {
    let (form, id) = (request.form()?, fulfilment_order_id_of(request.id())?);
    let order = order_of(&request, id).await?;
    let (orders, operator) = (&request.console.orders, request.operator()?);
    let (tenant, actor) = (operator.tenant(), operator.actor());
    let done = async {
        let (key, draft) = (form.key()?, draft(form, id)?);
        create_shipment(orders, tenant, &key, draft, &actor).await?;
        Ok(())
    };
    answer(done.await, &request, order, "shipped").await
}

/// `POST /console/fulfilment-orders/{id}/move`.
pub(in crate::http) async fn move_units(request: Box<PageRequest>) -> Answer {
    let (form, id) = (request.form()?, fulfilment_order_id_of(request.id())?);
    let order = order_of(&request, id).await?;
    let (orders, operator) = (&request.console.orders, request.operator()?);
    let (tenant, actor) = (operator.tenant(), operator.actor());
    let done = async {
        let target = match form.text("to") {
            None | Some("nearest") => Target::Nearest,
            Some(text) => {
                let warehouse = text.parse();
                let warehouse = warehouse.map_err(|_| invalid_field("to", "is not a warehouse"))?;
                Target::Given(warehouse)
            }
        };
        let wish = MoveRequest {
            units: None,
            target,
            reason: form.reason()?,
            stock: SourceStock::Keep,
        };
        let (key, expected) = (form.key()?, form.version()?);
        move_fulfilment_order(orders, tenant, id, &expected, &wish, &key, &actor).await?;
        Ok(())
    };
    answer(done.await, &request, order, "moved").await
}

/// `POST /console/fulfilment-orders/{id}/release`.
pub(in crate::http) async fn release(request: Box<PageRequest>) -> Answer {
    let (form, id) = (request.form()?, fulfilment_order_id_of(request.id())?);
    let order = order_of(&request, id).await?;
    let (orders, operator) = (&request.console.orders, request.operator()?);
    let (tenant, actor) = (operator.tenant(), operator.actor());
    let done = async {
        let handle = HoldHandle::parse(form.required("handle")?);
        let handle = handle.map_err(|error| invalid_field("handle", error.to_string()))?;
        release_hold(orders, tenant, id, Some(&handle), &actor).await?;
        Ok(())
    };
    answer(done.await, &request, order, "released").await
}

/// `POST /console/orders/{id}/deliveries`: sends an event again, or gives it up. Needs no idempotency key: an event that the
/// endpoint has received meanwhile is not sent again.
pub(in crate::http) async fn deliver(request: Box<PageRequest>) -> Answer {
    let (form, id) = (request.form()?, order_id_of(request.id())?);
    let (orders, tenant) = (&request.console.orders, request.tenant()?);
    let done = async {
        let endpoint = form.required("endpoint")?.parse();
        let endpoint = endpoint.map_err(|_| invalid_field("endpoint", "is not an endpoint"))?;
        // Only an order of the tenant has a page to come back to.
        get_order(orders, tenant, id).await?;
        resolve_event(&request, endpoint, form).await
    };
    match done.await {
        Ok(word) => answer(Ok(()), &request, id, word).await,
        Err(problem) => refused(&request, id, problem).await,
    }
}

pub(in crate::http) fn draft(form: &Form, id: FulfilmentOrderId) -> Result<ShipmentDraft, Problem> {
    let mut units = Vec::new();
    for (line, quantity) in form.fields("units.") {
        let field = || format!("units.{line}");
        let number = line
            .parse()
            .map_err(|_| invalid_field(field(), "is not a line"))?;
        let quantity: i64 = quantity
            .parse()
            .map_err(|_| invalid_field(field(), "must be a whole number"))?;
        if quantity != 0 {
            units.push((number, quantity));
        }
    }
    let units = Units::new(&units).map_err(|error| invalid_field("units", error.to_string()))?;
    Ok(ShipmentDraft {
        id: ShipmentId::generate(),
        fulfilment_order_id: id,
        expected: form.version()?,
        warehouse_id: None,
        units: Some(units),
        parcels: parcel(form)?.into_iter().collect(),
        status: ShipmentStatus::Shipped,
        destination: None,
    })
}

/// The parcel, if the form names its carrier.
fn parcel(form: &Form) -> Result<Option<NewParcel>, Problem> {
    let (number, url) = (form.text("tracking_number"), form.text("tracking_url"));
    let Some(carrier) = form.text("carrier") else {
        return match number.or(url) {
            Some(_) => Err(invalid_field("carrier", "is required with tracking")),
            None => Ok(None),
        };
    };
    let invalid = |field: &'static str| move |error: String| invalid_field(field, error);
    let carrier = CarrierName::parse(carrier).map_err(|error| error.to_string());
    let number = number.map(TrackingNumber::parse).transpose();
    let number = number.map_err(|error| error.to_string());
    let url = url
        .map(TrackingUrl::parse)
        .transpose()
        .map_err(|error| error.to_string());
    Ok(Some(NewParcel {
        carrier: carrier.map_err(invalid("carrier"))?,
        service: None,
        tracking_number: number.map_err(invalid("tracking_number"))?,
        tracking_url: url.map_err(invalid("tracking_url"))?,
    }))
}

async fn order_of(request: &PageRequest, id: FulfilmentOrderId) -> Result<OrderId, Problem> {
    let (fulfilment, tenant) = (&request.console.fulfilment, request.tenant()?);
    let found = get_fulfilment_order(fulfilment, tenant, id).await?;
    Ok(found.order_id)
}
