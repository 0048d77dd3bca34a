//! `GET /console/assets/{file}`: the files of the pages.

use actix_web::http::{StatusCode, header};
use actix_web::web::Bytes;
use oms_errors::{Problem, ROUTE_NOT_FOUND};

use super::files;
use super::page::{Answer, PageResponse};
use super::page_request::PageRequest;

/// `GET /console/assets/{file}`.
pub(super) async fn asset(request: Box<PageRequest>) -> Answer {
    let address = format!("/console/assets/{}", request.segment("file"));
    let file = files::at(&address).ok_or_else(|| Problem::of(&ROUTE_NOT_FOUND))?;
    let caching = "public, max-age=31536000, immutable";
    Ok(
        PageResponse::new(StatusCode::OK, Bytes::from_static(file.bytes))
            .with_static(header::CONTENT_TYPE, file.content_type)
            .with_static(header::CONTENT_ENCODING, files::CODING)
            .with_static(header::CACHE_CONTROL, caching),
    )
}
