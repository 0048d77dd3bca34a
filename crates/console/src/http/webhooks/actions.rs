//! The actions of an endpoint: pausing and enabling, sending a test, replacing the secret, and what becomes of an event
//! that it rejects.

use std::time::Duration;

use actix_web::http::StatusCode;
use oms_errors::{Problem, invalid_field};
use oms_events::{
    AttemptOutcome, EndpointId, EndpointStatus, EventKey, FeedStart, Resolution, WebhooksError,
    enable_endpoint, get_endpoint, pause_endpoint, resolve_delivery, rotate_secret, test_endpoint,
};
use oms_validation::{Actor, Scope};

use super::endpoint::{Said, answer, id_of, leave};
use crate::http::form::Form;
use crate::http::notice::Notice;
use crate::http::page::Answer;
use crate::http::page_request::PageRequest;
use crate::words;

/// How long the previous secret still signs.
const OVERLAP: Duration = Duration::from_secs(24 * 3600);

/// `POST /console/webhooks/{id}/status`. Needs no idempotency key: an endpoint that has the status already keeps it.
pub(in crate::http) async fn set_status(request: Box<PageRequest>) -> Answer {
    let (form, id) = (request.form()?, id_of(request.id())?);
    let (webhooks, operator) = (&request.console.webhooks, request.operator()?);
    let (tenant, actor) = (operator.tenant(), Actor::of_operator(&operator.name));
    let done = async {
        let (wished, word) = match form.required("status")? {
            "paused" => (EndpointStatus::Paused, "pause"),
            "enabled" => (EndpointStatus::Enabled, "enable"),
            _ => return Err(invalid_field("status", "must be `paused` or `enabled`")),
        };
        let (expected, start) = (form.version()?, start(form)?);
        let set = match wished {
            EndpointStatus::Paused => pause_endpoint(webhooks, tenant, id, &expected, &actor).await,
            _ => enable_endpoint(webhooks, tenant, id, &expected, start).await,
        };
        if let Err(WebhooksError::Changed { version }) = set {
            // The button was pressed twice, or by two operators.
            let (now, _) = get_endpoint(webhooks, tenant, id).await?;
            if now.status != wished {
                return Err(WebhooksError::Changed { version }.into());
            }
        } else {
            set?;
        }
        Ok(word)
    };
    leave(done.await, &request, id).await
}

/// Where an endpoint that is enabled continues. `None` for its place.
fn start(form: &Form) -> Result<Option<FeedStart>, Problem> {
    match form.text("from") {
        None | Some("place") => Ok(None),
        Some("earliest") => Ok(Some(FeedStart::Earliest)),
        Some("latest") => Ok(Some(FeedStart::Latest)),
        Some(_) => Err(invalid_field(
            "from",
            "must be `place`, `earliest` or `latest`",
        )),
    }
}

/// `POST /console/webhooks/{id}/deliveries`: sends an event again, or gives it up. Needs no idempotency key: an event that
/// the endpoint has received meanwhile is not sent again.
pub(in crate::http) async fn resolve(request: Box<PageRequest>) -> Answer {
    let (form, id) = (request.form()?, id_of(request.id())?);
    let done = resolve_event(&request, id, form).await;
    leave(done, &request, id).await
}

/// Sends an event again that an endpoint has not received, or gives it up, as a form says. Returns `retry` or `skip`, or
/// `gone` if the event does not wait any more.
///
/// # Errors
/// 400 that names the field; 404 if the tenant has no such endpoint; or the failure.
pub(in crate::http) async fn resolve_event(
    request: &PageRequest,
    endpoint: EndpointId,
    form: &Form,
) -> Result<&'static str, Problem> {
    let (webhooks, tenant) = (&request.console.webhooks, request.tenant()?);
    let (resolution, word) = match form.required("what")? {
        "skip" => (Resolution::Skip, "skip"),
        "retry" => (Resolution::Retry, "retry"),
        _ => return Err(invalid_field("what", "must be `retry` or `skip`")),
    };
    let event: EventKey = form
        .required("event")?
        .parse()
        .map_err(|_| invalid_field("event", "is not an event"))?;
    match resolve_delivery(webhooks, tenant, endpoint, event, resolution).await {
        Ok(_) => Ok(word),
        Err(WebhooksError::DeliveryNotFound) => Ok("gone"),
        Err(error) => Err(error.into()),
    }
}

/// `POST /console/webhooks/{id}/test`. Needs no idempotency key: no feed contains a test event, so a second one changes
/// nothing at the receiver.
pub(in crate::http) async fn test(request: Box<PageRequest>) -> Answer {
    request.form()?;
    let id = id_of(request.id())?;
    let (webhooks, operator) = (&request.console.webhooks, request.operator()?);
    let attempt = match test_endpoint(webhooks, operator.tenant(), id).await {
        Ok(attempt) => attempt,
        Err(error) => return leave(Err(error.into()), &request, id).await,
    };
    operator.require(Scope::WebhooksRead)?;
    let took = attempt.duration.as_millis();
    let notice = match attempt.outcome {
        AttemptOutcome::Delivered => Notice {
            tone: "ok",
            title: "The test event was delivered.",
            text: format!(
                "{} after {took} ms.",
                words::outcome(attempt.outcome, attempt.http_status)
            ),
        },
        outcome => Notice {
            tone: "bad",
            title: "The test event was not delivered.",
            text: format!(
                "{} after {took} ms. {}",
                words::outcome(outcome, attempt.http_status),
                attempt.answer_start
            ),
        },
    };
    let said = Said {
        status: StatusCode::OK,
        notice: Some(notice),
        secret: None,
    };
    answer(&request, id, said).await
}

/// `POST /console/webhooks/{id}/secret`: replaces the secret, and shows the new one once.
pub(in crate::http) async fn rotate(request: Box<PageRequest>) -> Answer {
    let (form, id) = (request.form()?, id_of(request.id())?);
    let (webhooks, operator) = (&request.console.webhooks, request.operator()?);
    let rotating = async {
        let (key, expected, tenant) = (form.key()?, form.version()?, operator.tenant());
        let rotated = rotate_secret(webhooks, tenant, id, &key, &expected, OVERLAP).await?;
        Ok(rotated.into_inner().verification_key)
    };
    let secret: String = match rotating.await {
        Ok(secret) => secret,
        Err(problem) => return leave(Err(problem), &request, id).await,
    };
    operator.require(Scope::WebhooksRead)?;
    let said = Said {
        status: StatusCode::OK,
        notice: Some(Notice {
            tone: "ok",
            title: "The secret was replaced.",
            text: "The previous one still signs for 24 hours.".to_owned(),
        }),
        secret: Some(secret),
    };
    answer(&request, id, said).await
}
