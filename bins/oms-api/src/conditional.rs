//! `If-None-Match`, on every route whose answers have an `ETag`.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use oms_web::EntityTags;

/// Middleware: answers 304 without a body when the client already has the answer (RFC 9110, section 13.1.2). A header
/// that is not a list of tags is ignored, because the full answer is always correct.
pub(crate) async fn spare_known(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let reads = request.method() == Method::GET;
    let response = next.call(request).await?.map_into_boxed_body();
    match reads && response.status() == StatusCode::OK && is_known(&response) {
        true => Ok(not_modified(response)),
        false => Ok(response),
    }
}

fn is_known(response: &ServiceResponse) -> bool {
    let Some(tag) = response.headers().get(ETAG) else {
        return false;
    };
    let known = EntityTags::read(response.request().headers().get_all(IF_NONE_MATCH));
    known.flatten().is_some_and(|known| known.have(tag))
}

fn not_modified(mut response: ServiceResponse) -> ServiceResponse {
    *response.response_mut().status_mut() = StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    headers.remove(CONTENT_TYPE);
    headers.remove(CONTENT_LENGTH);
    response.map_body(|_, _| BoxBody::new(()))
}
