//! A body that arrives drop by drop, as over a bad connection. Its length is announced correctly.

use std::{convert::Infallible, time::Duration};

use actix_web::{
    body::{MessageBody, SizedStream},
    rt::time::sleep,
    web::Bytes,
};
use futures_util::stream;

/// At a high rate a drop is more than one byte.
const DROPS_PER_SECOND: u32 = 20;

/// Sends this text at this rate.
pub(crate) fn drip(text: String, bytes_per_second: u32) -> impl MessageBody + 'static {
    let length = text.len() as u64;
    let drop_bytes = bytes_per_second.div_ceil(DROPS_PER_SECOND);
    let pause = Duration::from_secs(1) * drop_bytes / bytes_per_second;
    let drops = stream::unfold(Bytes::from(text), move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        sleep(pause).await;
        let size = usize::try_from(drop_bytes).map_or(rest.len(), |bytes| bytes.min(rest.len()));
        let next = rest.split_to(size);
        Some((Ok::<_, Infallible>(next), rest))
    });
    SizedStream::new(length, Box::pin(drops))
}
