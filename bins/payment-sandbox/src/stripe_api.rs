//! Stripe's side of the HTTP server: reads a call, has the gateway execute it, and sends the answer, or fails as the
//! fault plan says.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{Method, StatusCode, header::AUTHORIZATION},
    rt,
    web::{Bytes, Data},
};
use uuid::Uuid;

use crate::{
    answer::Answer,
    api_error::ApiError,
    authentication, connection,
    endpoint::Endpoint,
    faults::Action,
    gateway::{Admission, Admitted, Call, Gateway, Reply},
    idempotency::{KEY_CHARS, KeyUse},
    params::Params,
    requests, slow_body,
};

/// Answers every call that is not for the control API.
pub(crate) async fn handle(
    request: HttpRequest,
    body: Result<Bytes, actix_web::Error>,
    gateway: Data<Gateway>,
) -> HttpResponse {
    let request_id = format!("req_{}", Uuid::new_v4().simple());
    let call = match read(&request, body, &gateway, &request_id) {
        Ok(call) => call,
        Err(error) => return respond(&request, &request_id, Reply::first(error.answer())),
    };
    match gateway.admit(call) {
        Admission::Answered(answer) => respond(&request, &request_id, Reply::first(answer)),
        Admission::Admitted(admitted) => deliver(&request, &request_id, gateway, admitted).await,
    }
}

/// Parses a call, before anything is looked up or executed.
fn read(
    request: &HttpRequest,
    body: Result<Bytes, actix_web::Error>,
    gateway: &Gateway,
    request_id: &str,
) -> Result<Call, ApiError> {
    let (method, path) = (request.method().as_str(), request.path());
    let endpoint = Endpoint::find(method, path).ok_or_else(|| {
        let message = format!("Unrecognized request URL ({method}: {path}).");
        ApiError::invalid_request(404, message)
    })?;
    authentication::check(header(request, AUTHORIZATION.as_str()))?;
    let body = body.map_err(|error| {
        let status = error.as_response_error().status_code().as_u16();
        ApiError::invalid_request(
            status,
            "The request body could not be read, or is too large.",
        )
    })?;
    let form = if request.method() == Method::GET {
        request.query_string().as_bytes()
    } else {
        body.as_ref()
    };
    let params = Params::parse(form);
    let key = match header(request, "idempotency-key").filter(|key| !key.is_empty()) {
        Some(key) if endpoint.is_write() => Some(key_use(key, path, &params)?),
        _ => None,
    };
    Ok(Call {
        operation: endpoint.operation(),
        request: requests::decode(&endpoint, params, &origin(request), gateway.now()),
        key,
        request_id: request_id.to_owned(),
    })
}

fn key_use(key: &str, path: &str, params: &Params) -> Result<KeyUse, ApiError> {
    if key.chars().count() > KEY_CHARS {
        let message = "Idempotency keys can be up to 255 characters long.";
        return Err(ApiError::invalid_request(400, message));
    }
    let fingerprint = params.fingerprint();
    Ok(KeyUse {
        key: key.to_owned(),
        path: path.to_owned(),
        fingerprint,
    })
}

/// Executes the call under its fault.
async fn deliver(
    request: &HttpRequest,
    request_id: &str,
    gateway: Data<Gateway>,
    admitted: Box<Admitted>,
) -> HttpResponse {
    let gate = admitted.gate;
    match admitted.fault {
        Some(Action::Refuse) => cut_off(request),
        Some(Action::NoAnswerBefore) => {
            gateway.abandoned(gate).await;
            cut_off(request)
        }
        Some(Action::NoAnswerAfter) => {
            gateway.run(admitted);
            gateway.abandoned(gate).await;
            cut_off(request)
        }
        Some(Action::LateEffect { ms }) => {
            rt::spawn(run_later(gateway.clone(), admitted));
            tokio::select! {
                () = wait(ms) => {
                    let error = ApiError::injected(502).answer();
                    respond(request, request_id, Reply::first(error))
                }
                () = gateway.abandoned(gate) => cut_off(request),
            }
        }
        Some(Action::Delay { .. } | Action::Hold) => {
            // In a task of its own: actix drops this future when the client disconnects, but the effect must still
            // happen.
            let late = rt::spawn(run_later(gateway, admitted));
            finish(request, request_id, late.await.ok().flatten())
        }
        Some(Action::Truncate) => match run(&gateway, admitted).await {
            Some(reply) => truncate(request, request_id, &reply),
            None => cut_off(request),
        },
        Some(Action::Drip { bytes_per_second }) => match run(&gateway, admitted).await {
            Some(reply) => drip(request, request_id, &reply, bytes_per_second),
            None => cut_off(request),
        },
        Some(Action::ErrorBefore { .. } | Action::ErrorAfter { .. } | Action::Decline { .. })
        | None => finish(request, request_id, run(&gateway, admitted).await),
    }
}

/// Executes the call, and waits for the webhooks that must arrive before its answer.
async fn run(gateway: &Gateway, admitted: Box<Admitted>) -> Option<Reply> {
    let reply = gateway.run(admitted)?;
    gateway.early_webhooks(&reply).await;
    Some(reply)
}

/// Waits this long; forever if `None`.
async fn wait(ms: Option<u64>) {
    match ms {
        Some(ms) => rt::time::sleep(Duration::from_millis(ms)).await,
        None => std::future::pending().await,
    }
}

async fn run_later(gateway: Data<Gateway>, admitted: Box<Admitted>) -> Option<Reply> {
    let goes_on = match admitted.fault {
        Some(Action::Delay { ms }) => tokio::select! {
            () = rt::time::sleep(Duration::from_millis(ms)) => true,
            () = gateway.abandoned(admitted.gate) => false,
        },
        _ => gateway.released(admitted.gate).await,
    };
    if goes_on {
        run(&gateway, admitted).await
    } else {
        None
    }
}

/// Returns the answer, or closes the connection if the call was abandoned.
fn finish(request: &HttpRequest, request_id: &str, reply: Option<Reply>) -> HttpResponse {
    match reply {
        Some(reply) => respond(request, request_id, reply),
        None => cut_off(request),
    }
}

fn respond(request: &HttpRequest, request_id: &str, reply: Reply) -> HttpResponse {
    head(request, request_id, &reply).body(reply.answer.body)
}

/// Sends the head immediately and the body at this rate.
fn drip(
    request: &HttpRequest,
    request_id: &str,
    reply: &Reply,
    bytes_per_second: u32,
) -> HttpResponse {
    let body = slow_body::drip(reply.answer.body.clone(), bytes_per_second);
    head(request, request_id, reply).body(body)
}

fn head(request: &HttpRequest, request_id: &str, reply: &Reply) -> HttpResponseBuilder {
    let mut response = HttpResponseBuilder::new(status(&reply.answer));
    for (name, value) in headers(request, request_id, reply) {
        response.insert_header((name, value));
    }
    response.content_type("application/json");
    response
}

/// Sends the head and the first half of the body, then closes the connection.
fn truncate(request: &HttpRequest, request_id: &str, reply: &Reply) -> HttpResponse {
    let body = reply.answer.body.as_bytes();
    let mut bytes = format!(
        "HTTP/1.1 {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
        status(&reply.answer),
        body.len()
    );
    for (name, value) in headers(request, request_id, reply) {
        bytes.push_str(&format!("{name}: {value}\r\n"));
    }
    bytes.push_str("\r\n");
    let mut bytes = bytes.into_bytes();
    bytes.extend_from_slice(&body[..body.len() / 2]);
    connection::send_and_cut(request, &bytes);
    HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Closes the connection. actix-web needs a response, but can no longer send it.
fn cut_off(request: &HttpRequest) -> HttpResponse {
    connection::cut(request);
    HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The headers that Stripe sends: <https://docs.stripe.com/api/request_ids> and
/// <https://docs.stripe.com/error-low-level#idempotency>.
fn headers<'a>(
    request: &'a HttpRequest,
    request_id: &'a str,
    reply: &'a Reply,
) -> Vec<(&'static str, &'a str)> {
    let mut headers = vec![("request-id", request_id)];
    for (sent, name) in [
        ("idempotency-key", "idempotency-key"),
        ("stripe-version", "stripe-version"),
    ] {
        headers.extend(header(request, sent).map(|value| (name, value)));
    }
    if let Some(original) = &reply.original_request {
        headers.push(("idempotent-replayed", "true"));
        headers.push(("original-request", original));
    }
    headers
}

fn status(answer: &Answer) -> StatusCode {
    StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The address at which the client called the sandbox, where the customer's browser can reach it too.
fn origin(request: &HttpRequest) -> String {
    let host = header(request, "host").unwrap_or("127.0.0.1");
    format!("http://{host}")
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}
