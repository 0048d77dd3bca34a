//! What can happen long after a payment: failed refunds, and disputes.

use actix_web::{
    HttpResponse,
    web::{self, Bytes, Data, Path, ServiceConfig},
};
use serde::Deserialize;

use super::{parse, respond};
use crate::{
    disputes::{DisputeStatus, NewDispute},
    gateway::Gateway,
    refunds::RefundSettlement,
};

/// Adds the endpoints.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .route("/refunds/{id}/settle", web::post().to(settle_refund))
        .route("/disputes", web::post().to(open_dispute))
        .route("/disputes/{id}/settle", web::post().to(settle_dispute));
}

async fn settle_refund(id: Path<String>, body: Bytes, gateway: Data<Gateway>) -> HttpResponse {
    match parse::<RefundSettlement>(&body) {
        Ok(settlement) => respond(gateway.settle_refund(&id, &settlement)),
        Err(error) => respond(error.answer()),
    }
}

async fn open_dispute(body: Bytes, gateway: Data<Gateway>) -> HttpResponse {
    match parse::<NewDispute>(&body) {
        Ok(new) => respond(gateway.open_dispute(&new)),
        Err(error) => respond(error.answer()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settle {
    status: DisputeStatus,
}

async fn settle_dispute(id: Path<String>, body: Bytes, gateway: Data<Gateway>) -> HttpResponse {
    match parse::<Settle>(&body) {
        Ok(settle) => respond(gateway.settle_dispute(&id, settle.status)),
        Err(error) => respond(error.answer()),
    }
}
