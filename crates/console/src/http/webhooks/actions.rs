//! The actions of an endpoint: pausing and enabling, sending a test, replacing the secret, and what becomes of an event
//! that it rejects.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web;
use oms_errors::{Problem, invalid_field};
use oms_events::{
    AttemptOutcome, EndpointId, EndpointStatus, EventKey, FeedStart, Resolution, WebhooksError,
    enable_endpoint, get_endpoint, pause_endpoint, resolve_delivery, rotate_secret, test_endpoint,
};
use oms_validation::{Actor, Once, Scope};
use oms_web::ProblemResponse;

use super::endpoint::{Said, Wanted, answer, id_of, leave};
use crate::http::Console;
use crate::http::form::Form;
use crate::http::frame::View;
use crate::http::notice::Notice;
use crate::http::operator::Operator;
use crate::http::page::Answer;
use crate::words;

/// How long the previous secret still signs.
const OVERLAP: Duration = Duration::from_secs(24 * 3600);

/// `POST /console/webhooks/{id}/status`. Needs no idempotency key: an endpoint that has the status already keeps it.
pub(in crate::http) async fn set_status(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    id: web::Path<String>,
    form: Form,
) -> Answer {
    let (id, tenant) = (id_of(&id)?, operator.tenant());
    let actor = Actor::of_operator(&operator.name);
    let done = async {
        let (wished, word) = match form.required("status")? {
            "paused" => (EndpointStatus::Paused, "pause"),
            "enabled" => (EndpointStatus::Enabled, "enable"),
            _ => return Err(invalid_field("status", "must be `paused` or `enabled`").into()),
        };
        let (expected, start) = (form.version()?, start(&form)?);
        let setting = console.webhooks.run(|context| async move {
            let set = match wished {
                EndpointStatus::Paused => {
                    pause_endpoint(&context, tenant, id, &expected, &actor).await
                }
                _ => enable_endpoint(&context, tenant, id, &expected, start).await,
            };
            match set {
                // The button was pressed twice, or by two operators.
                Err(WebhooksError::Changed { version }) => {
                    let (now, _) = get_endpoint(&context, tenant, id).await?;
                    match now.status == wished {
                        true => Ok(word),
                        false => Err(WebhooksError::Changed { version }),
                    }
                }
                set => set.map(|_| word),
            }
        });
        setting.await
    };
    leave(done.await, &console, &view, &operator, id).await
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
pub(in crate::http) async fn resolve(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    id: web::Path<String>,
    form: Form,
) -> Answer {
    let id = id_of(&id)?;
    let done = resolve_event(&console, &operator, id, &form).await;
    leave(done, &console, &view, &operator, id).await
}

/// Sends an event again that an endpoint has not received, or gives it up, as a form says. Returns `retry` or `skip`, or
/// `gone` if the event does not wait any more.
///
/// # Errors
/// 400 that names the field; 404 if the tenant has no such endpoint; or the failure.
pub(in crate::http) async fn resolve_event(
    console: &Console,
    operator: &Operator,
    endpoint: EndpointId,
    form: &Form,
) -> Result<&'static str, ProblemResponse> {
    let tenant = operator.tenant();
    let (resolution, word) = match form.required("what")? {
        "skip" => (Resolution::Skip, "skip"),
        "retry" => (Resolution::Retry, "retry"),
        _ => return Err(invalid_field("what", "must be `retry` or `skip`").into()),
    };
    let event: EventKey = form
        .required("event")?
        .parse()
        .map_err(|_| invalid_field("event", "is not an event"))?;
    let resolving = console.webhooks.run(|context| async move {
        match resolve_delivery(&context, tenant, endpoint, event, resolution).await {
            Ok(_) => Ok(word),
            Err(WebhooksError::DeliveryNotFound) => Ok("gone"),
            Err(error) => Err(error),
        }
    });
    resolving.await
}

/// `POST /console/webhooks/{id}/test`. Needs no idempotency key: no feed contains a test event, so a second one changes
/// nothing at the receiver.
pub(in crate::http) async fn test(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    id: web::Path<String>,
    _form: Form,
) -> Answer {
    let (id, tenant) = (id_of(&id)?, operator.tenant());
    let testing = console
        .webhooks
        .run(|context| async move { test_endpoint(&context, tenant, id).await });
    let attempt = match testing.await {
        Ok(attempt) => attempt,
        Err(problem) => return leave(Err(problem), &console, &view, &operator, id).await,
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
    answer(&console, &view, &operator, id, &Wanted::default(), said).await
}

/// `POST /console/webhooks/{id}/secret`: replaces the secret, and shows the new one once.
pub(in crate::http) async fn rotate(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    id: web::Path<String>,
    form: Form,
) -> Answer {
    let (id, tenant) = (id_of(&id)?, operator.tenant());
    let rotated = async {
        let (key, expected) = (form.key()?, form.version()?);
        let rotating = console.webhooks.run(|context| async move {
            let rotated = rotate_secret(&context, tenant, id, &key, &expected, OVERLAP).await;
            Ok::<_, Problem>(match rotated? {
                Once::Now(it) | Once::Before(it) => it.verification_key,
            })
        });
        rotating.await
    };
    let rotated: Result<String, ProblemResponse> = rotated.await;
    let secret = match rotated {
        Ok(secret) => secret,
        Err(problem) => return leave(Err(problem), &console, &view, &operator, id).await,
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
    answer(&console, &view, &operator, id, &Wanted::default(), said).await
}
