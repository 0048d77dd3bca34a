//! The bank's 3-D Secure page, as a person or a test uses it in a browser: it completes or fails the authentication,
//! and sends the customer back to the storefront. It works without scripts.
//!
//! The parameters of the redirect: <https://docs.stripe.com/payments/3d-secure/authentication-flow>.

mod html;

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
    web::{Data, Form, Path, Query, ServiceConfig, get, resource},
};
use serde::Deserialize;

use crate::{
    gateway::Gateway,
    intents::{Intent, Settlement, Status},
};

/// The path of the pages.
const PATH: &str = "/3d-secure";

/// Allows only what is in the page itself. A form may lead to any storefront, so `form-action` is not set.
const CONTENT_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors *";

/// The address of a payment's page, based on the address at which the client called the sandbox.
pub(crate) fn address(origin: &str, intent: &Intent) -> String {
    let (id, secret) = (&intent.id, intent.client_secret());
    format!("{origin}{PATH}/{id}?client_secret={secret}")
}

/// Adds the pages.
pub(crate) fn routes(config: &mut ServiceConfig) {
    let page = resource(format!("{PATH}/{{id}}"));
    config.service(page.route(get().to(show)).post(decide));
}

#[derive(Deserialize)]
struct Visit {
    #[serde(default)]
    client_secret: String,
}

#[derive(Deserialize)]
struct Decision {
    #[serde(default)]
    client_secret: String,
    outcome: Button,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Button {
    Complete,
    Fail,
}

async fn show(id: Path<String>, visit: Query<Visit>, gateway: Data<Gateway>) -> HttpResponse {
    match find(&gateway, &id, &visit.client_secret) {
        None => unknown(),
        Some(intent) if intent.status == Status::RequiresAction => {
            page(StatusCode::OK, &html::challenge(&intent))
        }
        Some(intent) => page(
            StatusCode::OK,
            &html::ended(&intent, back(&intent).as_deref()),
        ),
    }
}

async fn decide(
    id: Path<String>,
    decision: Form<Decision>,
    gateway: Data<Gateway>,
) -> HttpResponse {
    let Decision {
        client_secret,
        outcome,
    } = decision.into_inner();
    if find(&gateway, &id, &client_secret).is_none() {
        return unknown();
    }
    let outcome = match outcome {
        Button::Complete => Settlement::Succeeded,
        Button::Fail => Settlement::Failed,
    };
    // A second or a late click shows the outcome.
    gateway.settle(&id, outcome);
    let Some(intent) = find(&gateway, &id, &client_secret) else {
        return unknown();
    };
    match back(&intent) {
        Some(url) => HttpResponse::SeeOther()
            .insert_header((header::LOCATION, url))
            .finish(),
        None => page(StatusCode::OK, &html::ended(&intent, None)),
    }
}

/// Returns the payment, if the secret matches.
fn find(gateway: &Gateway, id: &str, client_secret: &str) -> Option<Intent> {
    let intent = gateway.intent(id)?;
    (intent.client_secret() == client_secret).then_some(intent)
}

/// Where the customer returns, with parameters for the storefront. They are only a hint: the payment itself is the
/// truth.
fn back(intent: &Intent) -> Option<String> {
    let return_url = intent.return_url.as_deref()?;
    let (url, fragment) = match return_url.split_once('#') {
        Some((url, fragment)) => (url, Some(fragment)),
        None => (return_url, None),
    };
    let status = match intent.status {
        Status::Succeeded | Status::RequiresCapture => "succeeded",
        Status::Processing => "pending",
        _ => "failed",
    };
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("payment_intent", &intent.id)
        .append_pair("payment_intent_client_secret", &intent.client_secret())
        .append_pair("redirect_status", status)
        .finish();
    let separator = if url.contains('?') { '&' } else { '?' };
    let fragment = fragment.map(|it| format!("#{it}")).unwrap_or_default();
    Some(format!("{url}{separator}{query}{fragment}"))
}

fn unknown() -> HttpResponse {
    page(StatusCode::NOT_FOUND, &html::unknown())
}

fn page(status: StatusCode, html: &str) -> HttpResponse {
    HttpResponseBuilder::new(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_POLICY))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .body(html.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{charges::NewId, intents::Draft};

    fn returning_to(url: &str, status: Status) -> Intent {
        let new = NewId {
            id: "pi_1".to_owned(),
            seq: 1,
            now: 0,
        };
        Intent {
            status,
            return_url: Some(url.to_owned()),
            ..Intent::new(new, 500, "eur", None, Draft::default())
        }
    }

    #[test]
    fn the_customer_returns_with_the_outcome() {
        let added = "payment_intent=pi_1&payment_intent_client_secret=pi_1_secret_sandbox";
        for (url, status, expected) in [
            (
                "https://shop.example/done",
                Status::Succeeded,
                format!("https://shop.example/done?{added}&redirect_status=succeeded"),
            ),
            (
                "https://shop.example/done?order=7#end",
                Status::RequiresPaymentMethod,
                format!("https://shop.example/done?order=7&{added}&redirect_status=failed#end"),
            ),
        ] {
            assert_eq!(back(&returning_to(url, status)), Some(expected));
        }
    }
}
