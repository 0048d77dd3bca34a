//! Endpoints of returns that change them, or that read an order's money.

pub(super) mod approve;
pub(super) mod cancel;
pub(super) mod close;
pub(super) mod create;
pub(super) mod decline;
pub(super) mod receive;
pub(super) mod refund;
pub(super) mod returnable;

use actix_web::{HttpResponse, web};
use oms_fulfilment::{return_id_of, written_return};
use oms_web::{
    CurrentActor, CurrentTenant, Disclosure, OptionalIdempotencyKey, OptionalIfMatch,
    ProblemResponse,
};

use super::OrdersApi;
use crate::service::returning::decide_return::{RequestedDecision, decide_return};

async fn decide(
    api: &OrdersApi,
    tenant: CurrentTenant,
    actor: CurrentActor,
    disclosure: Disclosure,
    (key, expected, id): (OptionalIdempotencyKey, OptionalIfMatch, web::Path<String>),
    decision: RequestedDecision,
) -> Result<HttpResponse, ProblemResponse> {
    let id = return_id_of(&id)?;
    let deciding = api.work.run(|context| async move {
        let (tenant, key, actor) = (tenant.0, key.0.as_ref(), actor.0.as_str());
        decide_return(&context, tenant, id, &expected.0, &decision, key, actor).await
    });
    let it = deciding.await?;
    Ok(written_return(HttpResponse::Ok(), it, disclosure))
}
