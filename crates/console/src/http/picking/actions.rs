//! `POST /console/picking/{id}/work` and `…/shipments`: begins work on a fulfilment order, and packs or sends it.

use actix_web::web;
use oms_errors::invalid_field;
use oms_fulfilment::{ShipmentDraft, ShipmentStatus, Work, fulfilment_order_id_of};
use oms_orders::{change_work, create_shipment};
use oms_validation::Scope;
use oms_web::ProblemResponse;

use super::{Wanted, answer};
use crate::http::Console;
use crate::http::form::Form;
use crate::http::frame::View;
use crate::http::listing::{address, explained};
use crate::http::notice::Notice;
use crate::http::operator::Operator;
use crate::http::order::actions::draft;
use crate::http::page::{Answer, see};

/// `POST /console/picking/{id}/work`.
pub(in crate::http) async fn work(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    id: web::Path<String>,
    form: Form,
) -> Answer {
    let id = fulfilment_order_id_of(&id)?;
    let (tenant, actor) = (operator.tenant(), operator.actor());
    let word = form.text("work").unwrap_or_default();
    let done = async {
        let work = match word {
            "start" => Work::Start,
            "stop" => Work::Stop,
            _ => return Err(invalid_field("work", "must be `start` or `stop`").into()),
        };
        let (key, expected) = (form.key()?, form.version()?);
        let changing = console.orders.run(|context| async move {
            let changed = change_work(&context, tenant, id, &expected, work, Some(&key), &actor);
            changed.await.map(drop)
        });
        changing.await
    };
    leave(done.await, &console, &view, &operator, &form, word).await
}

/// `POST /console/picking/{id}/shipments`.
pub(in crate::http) async fn ship(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    id: web::Path<String>,
    form: Form,
) -> Answer {
    let id = fulfilment_order_id_of(&id)?;
    let (tenant, actor) = (operator.tenant(), operator.actor());
    let word = form.text("step").unwrap_or_default();
    let done = async {
        let status = match word {
            "pack" => ShipmentStatus::Packed,
            "ship" => ShipmentStatus::Shipped,
            _ => return Err(invalid_field("step", "must be `pack` or `ship`").into()),
        };
        let (key, draft) = (form.key()?, draft(&form, id)?);
        let draft = ShipmentDraft { status, ..draft };
        let shipping = console.orders.run(|context| async move {
            create_shipment(&context, tenant, &key, draft, &actor)
                .await
                .map(drop)
        });
        shipping.await
    };
    leave(done.await, &console, &view, &operator, &form, word).await
}

/// Leads back to the list, or shows on it why the action was refused.
async fn leave(
    done: Result<(), ProblemResponse>,
    console: &Console,
    view: &View,
    operator: &Operator,
    form: &Form,
    word: &str,
) -> Answer {
    let warehouse = form.text("warehouse").unwrap_or_default();
    match done {
        Ok(()) => {
            let fields = [("warehouse", warehouse), ("done", word)];
            Ok(see(&address("/console/picking", &fields)))
        }
        Err(ProblemResponse(problem)) => {
            operator.require(Scope::FulfilmentRead)?;
            let (status, problem) = explained(problem)?;
            let wanted = Wanted {
                warehouse: warehouse.to_owned(),
                ..Wanted::default()
            };
            let notice = Some(Notice::of_problem(&problem));
            answer(console, view, operator, &wanted, status, notice).await
        }
    }
}
