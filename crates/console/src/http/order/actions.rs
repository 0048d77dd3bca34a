//! The actions of the page of an order. Each calls the use case of the API's endpoint, in the operator's name, and leads
//! back to the page. A refusal is shown on it.

use actix_web::web;
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
use oms_web::ProblemResponse;

use super::{order_id_of, refused};
use crate::http::Console;
use crate::http::form::Form;
use crate::http::frame::View;
use crate::http::operator::Operator;
use crate::http::page::{Answer, see};
use crate::http::webhooks::actions::resolve_event;

/// Leads back to the page of an order after an action, or shows its refusal there.
async fn answer(
    done: Result<(), ProblemResponse>,
    console: &Console,
    view: &View,
    operator: &Operator,
    id: OrderId,
    word: &str,
) -> Answer {
    match done {
        Ok(()) => Ok(see(&format!("/console/orders/{id}?done={word}"))),
        Err(ProblemResponse(problem)) => refused(console, view, operator, id, problem).await,
    }
}

/// `POST /console/orders/{id}/cancel`.
pub(in crate::http) async fn cancel(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    id: web::Path<String>,
    form: Form,
) -> Answer {
    let id = order_id_of(&id)?;
    let (tenant, actor) = (operator.tenant(), operator.actor());
    let done = async {
        let (key, reason) = (form.key()?, form.reason()?);
        let only_unshipped = match form.text("scope") {
            None => false,
            Some("unshipped") => true,
            Some(_) => return Err(invalid_field("scope", "must be unshipped or omitted").into()),
        };
        let cancelling = console.orders.run(|context| async move {
            let (key, reason) = (Some(&key), Some(&reason));
            let cancelled = match only_unshipped {
                true => cancel_unshipped(&context, tenant, id, key, reason, &actor).await,
                false => cancel_order(&context, tenant, id, key, reason, &actor).await,
            };
            cancelled.map(drop)
        });
        cancelling.await
    };
    answer(done.await, &console, &view, &operator, id, "cancelled").await
}

/// `POST /console/orders/{id}/try`.
pub(in crate::http) async fn try_again(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    id: web::Path<String>,
    form: Form,
) -> Answer {
    let id = order_id_of(&id)?;
    let (tenant, name) = (operator.tenant(), operator.name.clone());
    let done = async {
        let key = form.key()?;
        let trying = console.orders.run(|context| async move {
            try_now(&context, tenant, id, &key, &name).await.map(drop)
        });
        trying.await
    };
    answer(done.await, &console, &view, &operator, id, "tried").await
}

/// `POST /console/orders/{id}/take`: takes the order from the sweeper.
pub(in crate::http) async fn take(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    id: web::Path<String>,
    form: Form,
) -> Answer {
    let id = order_id_of(&id)?;
    let (tenant, name) = (operator.tenant(), operator.name.clone());
    let done = async {
        let (key, reason) = (form.key()?, form.reason()?);
        let taking = console.orders.run(|context| async move {
            let taken = create_dead_letter(&context, tenant, id, Some(&key), &name, &reason).await;
            taken.map(drop)
        });
        taking.await
    };
    answer(done.await, &console, &view, &operator, id, "taken").await
}

/// `POST /console/fulfilment-orders/{id}/ship`.
pub(in crate::http) async fn ship(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    id: web::Path<String>,
    form: Form,
) -> Answer {
    let id = fulfilment_order_id_of(&id)?;
    let order = order_of(&console, &operator, id).await?;
    let (tenant, actor) = (operator.tenant(), operator.actor());
    let done = async {
        let (key, draft) = (form.key()?, draft(&form, id)?);
        let shipping = console.orders.run(|context| async move {
            create_shipment(&context, tenant, &key, draft, &actor)
                .await
                .map(drop)
        });
        shipping.await
    };
    answer(done.await, &console, &view, &operator, order, "shipped").await
}

/// `POST /console/fulfilment-orders/{id}/move`.
pub(in crate::http) async fn move_units(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    id: web::Path<String>,
    form: Form,
) -> Answer {
    let id = fulfilment_order_id_of(&id)?;
    let order = order_of(&console, &operator, id).await?;
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
        let request = MoveRequest {
            units: None,
            target,
            reason: form.reason()?,
            stock: SourceStock::Keep,
        };
        let (key, expected) = (form.key()?, form.version()?);
        let moving = console.orders.run(|context| async move {
            let moved =
                move_fulfilment_order(&context, tenant, id, &expected, &request, &key, &actor)
                    .await;
            moved.map(drop)
        });
        moving.await
    };
    answer(done.await, &console, &view, &operator, order, "moved").await
}

/// `POST /console/fulfilment-orders/{id}/release`.
pub(in crate::http) async fn release(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    id: web::Path<String>,
    form: Form,
) -> Answer {
    let id = fulfilment_order_id_of(&id)?;
    let order = order_of(&console, &operator, id).await?;
    let (tenant, actor) = (operator.tenant(), operator.actor());
    let done = async {
        let handle = HoldHandle::parse(form.required("handle")?);
        let handle = handle.map_err(|error| invalid_field("handle", error.to_string()))?;
        let releasing = console.orders.run(|context| async move {
            release_hold(&context, tenant, id, Some(&handle), &actor).await
        });
        releasing.await
    };
    answer(done.await, &console, &view, &operator, order, "released").await
}

/// `POST /console/orders/{id}/deliveries`: sends an event again, or gives it up. Needs no idempotency key: an event that the
/// endpoint has received meanwhile is not sent again.
pub(in crate::http) async fn deliver(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    id: web::Path<String>,
    form: Form,
) -> Answer {
    let (id, tenant) = (order_id_of(&id)?, operator.tenant());
    let done = async {
        let endpoint = form.required("endpoint")?.parse();
        let endpoint = endpoint.map_err(|_| invalid_field("endpoint", "is not an endpoint"))?;
        // Only an order of the tenant has a page to come back to.
        let reading = console
            .orders
            .run(|context| async move { get_order(&context, tenant, id).await.map(drop) });
        reading.await?;
        resolve_event(&console, &operator, endpoint, &form).await
    };
    let done: Result<_, ProblemResponse> = done.await;
    let word = done.as_ref().copied().unwrap_or_default();
    answer(done.map(drop), &console, &view, &operator, id, word).await
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

async fn order_of(
    console: &Console,
    operator: &Operator,
    id: FulfilmentOrderId,
) -> Result<OrderId, ProblemResponse> {
    let tenant = operator.tenant();
    let finding = console
        .fulfilment
        .run(|context| async move { get_fulfilment_order(&context, tenant, id).await });
    Ok(finding.await?.order_id)
}
