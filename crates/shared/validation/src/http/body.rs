//! A body as bytes, read within its limits. What the bytes mean is for the caller to say.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::web::{self, Bytes, BytesMut};
use futures_util::StreamExt;
use oms_errors::{BODY_TIMEOUT, BODY_TOO_LARGE, INVALID_REQUEST, Problem};

/// How large a body may be and how long it may take to arrive. Registered as `web::Data`.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// Bytes.
    pub max_bytes: usize,
    /// From the end of the head to the end of the body: actix-web's own time-out covers only the head.
    pub deadline: Duration,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            max_bytes: 100 * 1024,
            deadline: Duration::from_secs(10),
        }
    }
}

impl BodyLimits {
    /// Those of the server that serves a request, or the defaults.
    pub fn of(request: &HttpRequest) -> Self {
        let limits = request.app_data::<web::Data<Self>>();
        limits.map(|limits| ***limits).unwrap_or_default()
    }
}

/// Reads a body to its end, unless it is too large or too slow.
///
/// # Errors
/// 413, 408, or 400 when the connection brought something else than a body.
pub async fn read_body(payload: Payload, limits: BodyLimits) -> Result<Bytes, Problem> {
    let mut body = BytesMut::new();
    for_each_piece(payload, limits, async |piece| {
        body.extend_from_slice(&piece);
        Ok(())
    })
    .await?;
    Ok(body.freeze())
}

/// Hands a body on as it comes, unless it is too large or too slow.
///
/// # Errors
/// As [`read_body`], or those of `take`.
pub async fn for_each_piece(
    payload: Payload,
    limits: BodyLimits,
    take: impl AsyncFnMut(Bytes) -> Result<(), Problem>,
) -> Result<(), Problem> {
    tokio::time::timeout(limits.deadline, pieces(payload, limits.max_bytes, take))
        .await
        .map_err(|_| Problem::of(&BODY_TIMEOUT))?
}

async fn pieces(
    mut payload: Payload,
    max_bytes: usize,
    mut take: impl AsyncFnMut(Bytes) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut bytes = 0;
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|error| {
            Problem::new(&INVALID_REQUEST, "the body could not be read")
                .with_source(error.to_string())
        })?;
        bytes += piece.len();
        if bytes > max_bytes {
            let detail = format!("the body may have at most {max_bytes} bytes");
            return Err(Problem::new(&BODY_TOO_LARGE, detail));
        }
        take(piece).await?;
    }
    Ok(())
}
