//! The sandbox's own endpoints under `/_sandbox`: faults, statistics, settling, resetting. Not
//! Stripe's, and without authentication: that is why the sandbox listens on loopback only.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{self, Bytes, Data, Path, ServiceConfig},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    answer::Answer, api_error::ApiError, faults::PlanDraft, gateway::Gateway, intents::Settlement,
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
