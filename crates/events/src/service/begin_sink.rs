//! Begins to publish to a sink that is new.

use oms_database::DbError;

use crate::context::EventsContext;
use crate::ports::EventSink;
use crate::store::sinks;

/// Publishes the feeds of all tenants to a new sink from where the sink `other` is, instead of everything that is kept.
/// Does nothing for tenants that the sink knows. Call it before anything is published to `other`.
///
/// # Errors
/// If the database fails.
pub async fn begin_sink_beside(
    context: &EventsContext,
    sink: &dyn EventSink,
    other: &str,
) -> Result<(), DbError> {
    let only_records = sink.record_types().is_some();
    let mut connection = context.database.acquire().await?;
    let begun = sinks::begin_beside(&mut connection, sink.name(), only_records, other).await?;
    if begun > 0 {
        tracing::info!(sink = sink.name(), tenants = begun, "a sink begins");
    }
    Ok(())
}
