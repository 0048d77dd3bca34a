//! Control of webhooks: the endpoint, the deliveries, and sending an event by hand.

use actix_web::{
    HttpResponse,
    web::{self, Bytes, Data, ServiceConfig},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ok, parse, respond};
use crate::{
    api_error::ApiError,
    gateway::Gateway,
    webhooks::{EndpointDraft, Signing, courier::Courier},
};

/// Adds the endpoints.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/webhooks")
                .get(show)
                .post(replace)
                .delete(remove),
        )
        .route("/webhooks/send", web::post().to(send));
}

async fn show(gateway: Data<Gateway>) -> HttpResponse {
    ok(&gateway.webhooks())
}

async fn replace(body: Bytes, gateway: Data<Gateway>) -> HttpResponse {
    match parse::<EndpointDraft>(&body).and_then(EndpointDraft::endpoint) {
        Ok(endpoint) => ok(&gateway.set_endpoint(Some(endpoint))),
        Err(error) => respond(error.answer()),
    }
}

async fn remove(gateway: Data<Gateway>) -> HttpResponse {
    ok(&gateway.set_endpoint(None))
}

/// An event made by hand, or the ID of one that happened.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Handmade {
    event: Option<Value>,
    event_id: Option<String>,
    #[serde(default)]
    signature: Signing,
}

impl Handmade {
    fn body(self, gateway: &Gateway) -> Result<String, ApiError> {
        let event = match (self.event, self.event_id) {
            (Some(event), None) => event,
            (None, Some(id)) => gateway
                .event(&id)
                .ok_or_else(|| ApiError::no_such("event", &id, "eventId"))?,
            _ => {
                let message = "Exactly one of event and eventId must be given.";
                return Err(ApiError::invalid_request(400, message));
            }
        };
        Ok(event.to_string())
    }
}

async fn send(body: Bytes, gateway: Data<Gateway>, courier: Data<Courier>) -> HttpResponse {
    let ready = parse::<Handmade>(&body).and_then(|handmade| {
        let nowhere = || ApiError::invalid_request(400, "There is no webhook endpoint.");
        let to = gateway.endpoint().ok_or_else(nowhere)?;
        Ok((to, handmade.signature, handmade.body(&gateway)?))
    });
    match ready {
        Ok((to, signature, body)) => {
            let status = courier.send(&to, signature, gateway.now(), body).await;
            ok(&json!({ "status": status }))
        }
        Err(error) => respond(error.answer()),
    }
}
