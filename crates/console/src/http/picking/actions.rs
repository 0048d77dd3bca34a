//! `POST /console/picking/{id}/work` and `…/shipments`: begins work on a fulfilment order, and packs or sends it.

use oms_errors::{Problem, invalid_field};
use oms_fulfilment::{ShipmentDraft, ShipmentStatus, Work, fulfilment_order_id_of};
use oms_orders::{change_work, create_shipment};
use oms_validation::Scope;

use super::answer;
use crate::http::form::Form;
use crate::http::listing::{address, explained};
use crate::http::notice::Notice;
use crate::http::order::actions::draft;
use crate::http::page::{Answer, see};
use crate::http::page_request::PageRequest;

/// `POST /console/picking/{id}/work`.
pub(in crate::http) async fn work(request: Box<PageRequest>) -> Answer {
    let (form, id) = (request.form()?, fulfilment_order_id_of(request.id())?);
    let (orders, operator) = (&request.console.orders, request.operator()?);
    let (tenant, actor) = (operator.tenant(), operator.actor());
    let word = form.text("work").unwrap_or_default();
    let done = async {
        let work = match word {
            "start" => Work::Start,
            "stop" => Work::Stop,
            _ => return Err(invalid_field("work", "must be `start` or `stop`")),
        };
        let (key, expected) = (form.key()?, form.version()?);
        change_work(orders, tenant, id, &expected, work, Some(&key), &actor).await?;
        Ok(())
    };
    leave(done.await, &request, form, word).await
}

/// `POST /console/picking/{id}/shipments`.
pub(in crate::http) async fn ship(request: Box<PageRequest>) -> Answer {
    let (form, id) = (request.form()?, fulfilment_order_id_of(request.id())?);
    let (orders, operator) = (&request.console.orders, request.operator()?);
    let (tenant, actor) = (operator.tenant(), operator.actor());
    let word = form.text("step").unwrap_or_default();
    let done = async {
        let status = match word {
            "pack" => ShipmentStatus::Packed,
            "ship" => ShipmentStatus::Shipped,
            _ => return Err(invalid_field("step", "must be `pack` or `ship`")),
        };
        let (key, draft) = (form.key()?, draft(form, id)?);
        let draft = ShipmentDraft { status, ..draft };
        create_shipment(orders, tenant, &key, draft, &actor).await?;
        Ok(())
    };
    leave(done.await, &request, form, word).await
}

/// Leads back to the list, or shows on it why the action was refused.
async fn leave(
    done: Result<(), Problem>,
    request: &PageRequest,
    form: &Form,
    word: &str,
) -> Answer {
    let warehouse = form.value("warehouse");
    match done {
        Ok(()) => {
            let fields = [("warehouse", warehouse), ("done", word)];
            see(&address("/console/picking", &fields))
        }
        Err(problem) => {
            request.operator()?.require(Scope::FulfilmentRead)?;
            let (status, problem) = explained(problem)?;
            let notice = Some(Notice::of_problem(&problem));
            answer(request, warehouse, status, notice).await
        }
    }
}
