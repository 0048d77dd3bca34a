//! The actions of an endpoint: pausing and enabling, sending a test, replacing the secret, and what becomes of an event
//! that it rejects.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web;
use oms_errors::{Problem, invalid_field};
use oms_events::{
    AttemptOutcome, EndpointStatus, EventKey, Resolution, WebhooksError, enable_endpoint,
    get_endpoint, pause_endpoint, resolve_delivery, rotate_secret, test_endpoint,
};
use oms_validation::{Actor, Once, Scope};
use oms_web::ProblemResponse;

use super::endpoint::{Said, Wanted, answer, id_of, leave};
use crate::display;
use crate::http::Console;
use crate::http::form::Form;
use crate::http::frame::View;
use crate::http::notice::Notice;
use crate::http::operator::Operator;
use crate::http::page::Answer;

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
    let word = match form.text("status") {
        Some("paused") => "pause",
        _ => "enable",
    };
    let done = async {
        let wished = match form.required("status")? {
            "paused" => EndpointStatus::Paused,
            "enabled" => EndpointStatus::Enabled,
            _ => return Err(invalid_field("status", "must be `paused` or `enabled`").into()),
        };
        let expected = form.version()?;
        let setting = console.webhooks.run(|context| async move {
            let set = match wished {
                EndpointStatus::Paused => {
                    pause_endpoint(&context, tenant, id, &expected, &actor).await
                }
                _ => enable_endpoint(&context, tenant, id, &expected, None).await,
            };
            match set {
                // The button was pressed twice, or by two operators.
                Err(WebhooksError::Changed { version }) => {
                    let (now, _) = get_endpoint(&context, tenant, id).await?;
                    match now.status == wished {
                        true => Ok(()),
                        false => Err(WebhooksError::Changed { version }),
                    }
                }
                set => set.map(drop),
            }
        });
        setting.await
    };
    leave(done.await, &console, &view, &operator, id, word).await
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
    let (id, tenant) = (id_of(&id)?, operator.tenant());
    let word = match form.text("what") {
        Some("skip") => "skip",
        _ => "retry",
    };
    let done = async {
        let (resolution, event) = resolution(&form)?;
        let resolving = console.webhooks.run(|context| async move {
            match resolve_delivery(&context, tenant, id, event, resolution).await {
                Ok(_) => Ok(true),
                Err(WebhooksError::DeliveryNotFound) => Ok(false),
                Err(error) => Err(error),
            }
        });
        resolving.await
    };
    let done: Result<bool, ProblemResponse> = done.await;
    let word = if matches!(done, Ok(false)) {
        "gone"
    } else {
        word
    };
    leave(done.map(drop), &console, &view, &operator, id, word).await
}

/// Reads what is wished for which event.
///
/// # Errors
/// 400 that names the field.
pub(in crate::http) fn resolution(form: &Form) -> Result<(Resolution, EventKey), Problem> {
    let resolution = match form.required("what")? {
        "skip" => Resolution::Skip,
        "retry" => Resolution::Retry,
        _ => return Err(invalid_field("what", "must be `retry` or `skip`")),
    };
    let event = form.required("event")?.parse();
    let event = event.map_err(|_| invalid_field("event", "is not an event"))?;
    Ok((resolution, event))
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
        Err(problem) => return leave(Err(problem), &console, &view, &operator, id, "").await,
    };
    operator.require(Scope::WebhooksRead)?;
    let took = attempt.duration.as_millis();
    let status = attempt
        .http_status
        .map_or_else(String::new, |it| format!(" with {it}"));
    let notice = match attempt.outcome {
        AttemptOutcome::Delivered => Notice {
            tone: "ok",
            title: "The test event was delivered.",
            text: format!("The endpoint answered{status} in {took} ms."),
        },
        outcome => Notice {
            tone: "bad",
            title: "The test event was not delivered.",
            text: format!(
                "{}{status}, after {took} ms. {}",
                display::sentence(outcome.as_str()),
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
        Err(problem) => return leave(Err(problem), &console, &view, &operator, id, "").await,
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
