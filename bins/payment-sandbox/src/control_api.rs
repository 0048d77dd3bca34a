//! The sandbox's own endpoints under `/_sandbox`: faults, statistics, webhooks, settling, resetting. They are not
//! Stripe's and have no authentication, which is why the sandbox listens on loopback only.

mod aftermath;
mod webhooks;

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{self, Bytes, Data, Path, ServiceConfig},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    api_error::ApiError,
    faults::PlanDraft,
    gateway::Gateway,
    idempotency::Expired,
    intents::{Settlement, Tampering},
    ledger::StrayCharge,
};

/// Adds the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::scope("/_sandbox")
            .service(
                web::resource("/faults")
                    .get(show_plan)
                    .post(replace_plan)
                    .delete(clear_plan),
            )
            .route("/stats", web::get().to(show_stats))
            .route("/orders/{order_id}", web::get().to(show_order))
            .route("/payment_intents/{id}/settle", web::post().to(settle))
            .route("/payment_intents/{id}/tamper", web::post().to(tamper))
            .route("/charges", web::post().to(stray_charge))
            .route("/idempotency/expire", web::post().to(expire_keys))
            .route("/limits", web::post().to(set_limit))
            .configure(webhooks::routes)
            .configure(aftermath::routes)
            .route("/reset", web::post().to(reset))
            .route("/health", web::get().to(health)),
    );
}

async fn show_plan(gateway: Data<Gateway>) -> HttpResponse {
    ok(&gateway.plan())
}

async fn replace_plan(body: Bytes, gateway: Data<Gateway>) -> HttpResponse {
    match parse::<PlanDraft>(&body).and_then(|draft| gateway.set_plan(draft)) {
        Ok(plan) => ok(&plan),
        Err(error) => respond(error.answer()),
    }
}

async fn clear_plan(gateway: Data<Gateway>) -> HttpResponse {
    ok(&gateway.clear_plan())
}

async fn show_stats(gateway: Data<Gateway>) -> HttpResponse {
    ok(&gateway.stats())
}

async fn show_order(order_id: Path<String>, gateway: Data<Gateway>) -> HttpResponse {
    ok(&gateway.order(&order_id))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settle {
    outcome: Settlement,
}

async fn settle(id: Path<String>, body: Bytes, gateway: Data<Gateway>) -> HttpResponse {
    match parse::<Settle>(&body) {
        Ok(settle) => respond(gateway.settle(&id, settle.outcome)),
        Err(error) => respond(error.answer()),
    }
}

async fn tamper(id: Path<String>, body: Bytes, gateway: Data<Gateway>) -> HttpResponse {
    match parse::<Tampering>(&body) {
        Ok(with) => respond(gateway.tamper(&id, &with)),
        Err(error) => respond(error.answer()),
    }
}

async fn stray_charge(body: Bytes, gateway: Data<Gateway>) -> HttpResponse {
    match parse::<StrayCharge>(&body) {
        Ok(stray) => respond(gateway.stray_charge(stray)),
        Err(error) => respond(error.answer()),
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expire {
    key: Option<String>,
}

async fn expire_keys(body: Bytes, gateway: Data<Gateway>) -> HttpResponse {
    let expire = if body.is_empty() {
        Ok(Expire::default())
    } else {
        parse::<Expire>(&body)
    };
    match expire {
        Ok(expire) => respond(gateway.expire_keys(expire.key.map_or(Expired::All, Expired::Key))),
        Err(error) => respond(error.answer()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Limits {
    per_second: Option<u64>,
}

async fn set_limit(body: Bytes, gateway: Data<Gateway>) -> HttpResponse {
    match parse::<Limits>(&body) {
        Ok(limits) => ok(&gateway.set_limit(limits.per_second)),
        Err(error) => respond(error.answer()),
    }
}

async fn reset(gateway: Data<Gateway>) -> HttpResponse {
    match gateway.reset() {
        Ok(()) => ok(&json!({ "status": "reset" })),
        Err(error) => respond(ApiError::internal(500, format!("{error:#}")).answer()),
    }
}

async fn health() -> HttpResponse {
    ok(&json!({ "status": "ok" }))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body)
        .map_err(|error| ApiError::invalid_request(400, format!("Invalid request body: {error}")))
}

fn ok(document: &Value) -> HttpResponse {
    respond(Answer::ok(document))
}

fn respond(answer: Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status)
        .content_type("application/json")
        .body(answer.body)
}
