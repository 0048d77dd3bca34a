//! Bodies as bytes, read within limits. The caller interprets the bytes.

use std::io::ErrorKind;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::{self, Bytes, BytesMut};
use futures_util::StreamExt;
use oms_errors::{BODY_TIMEOUT, BODY_TOO_LARGE, INVALID_REQUEST, Problem};
use tokio::time::Instant;

/// The maximum size of a body, and how long it may take to arrive. Registered as `web::Data`.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// In bytes.
    pub max_bytes: usize,
    /// From the end of the head to the end of the body. actix-web's own time-out covers only the head.
    pub deadline: Duration,
    /// Minimum average rate after the first ten seconds, in bytes per second: a long deadline is meant for large
    /// bodies, not for slow clients. 0 disables the check.
    pub min_bytes_per_s: u32,
}

/// Time for which the minimum rate does not apply yet.
const GRACE: Duration = Duration::from_secs(10);

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            max_bytes: 100 * 1024,
            deadline: Duration::from_secs(10),
            min_bytes_per_s: 0,
        }
    }
}

impl BodyLimits {
    /// The limits of the server that serves a request, or the defaults.
    pub fn of(request: &HttpRequest) -> Self {
        let limits = request.app_data::<web::Data<Self>>();
        limits.map(|limits| ***limits).unwrap_or_default()
    }

    /// Time by which the next piece must arrive after `bytes` were received, measured from the end of the head.
    fn patience(self, bytes: usize) -> Duration {
        let paid_for = match self.min_bytes_per_s {
            0 => return self.deadline,
            rate => Duration::from_secs_f64(bytes as f64 / f64::from(rate)),
        };
        self.deadline.min(GRACE.saturating_add(paid_for))
    }
}

/// Reads a body to its end, unless it is too large or too slow.
///
/// # Errors
/// 413, 408, or 400 if the connection delivered something other than a body.
pub async fn read_body(payload: Payload, limits: BodyLimits) -> Result<Bytes, Problem> {
    let mut body = BytesMut::new();
    for_each_piece(payload, limits, async |piece| {
        body.extend_from_slice(&piece);
        Ok(())
    })
    .await?;
    Ok(body.freeze())
}

/// Passes a body on piece by piece as it arrives, unless it is too large or too slow.
///
/// # Errors
/// Those of [`read_body`] and of `take`.
pub async fn for_each_piece(
    payload: Payload,
    limits: BodyLimits,
    take: impl AsyncFnMut(Bytes) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let started = Instant::now();
    let (mut payload, mut take, mut bytes) = (payload, take, 0);
    loop {
        let due = started + limits.patience(bytes);
        let piece = tokio::time::timeout_at(due, payload.next()).await;
        let Some(piece) = piece.map_err(|_| Problem::of(&BODY_TIMEOUT))? else {
            return Ok(());
        };
        let piece = piece.map_err(|error| unreadable(&error))?;
        bytes += piece.len();
        if bytes > limits.max_bytes {
            let detail = format!("the body may have at most {} bytes", limits.max_bytes);
            return Err(Problem::new(&BODY_TOO_LARGE, detail));
        }
        take(piece).await?;
    }
}

/// A time-out error comes from the server's connection, which stopped waiting for the client.
fn unreadable(error: &PayloadError) -> Problem {
    match error {
        PayloadError::Io(cause) if cause.kind() == ErrorKind::TimedOut => {
            Problem::of(&BODY_TIMEOUT).with_source(error.to_string())
        }
        _ => Problem::new(&INVALID_REQUEST, "the body could not be read")
            .with_source(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_arrives_too_slowly_is_refused_before_its_deadline() {
        let limits = BodyLimits {
            max_bytes: 1 << 20,
            deadline: Duration::from_secs(100),
            min_bytes_per_s: 1000,
        };
        let patience = |bytes| limits.patience(bytes).as_secs();
        assert_eq!([0, 1000, 50_000, 1 << 20].map(patience), [10, 11, 60, 100]);
        let any_rate = BodyLimits {
            min_bytes_per_s: 0,
            ..limits
        };
        assert_eq!(any_rate.patience(0), limits.deadline);
    }
}
