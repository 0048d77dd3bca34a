//! The relay: gives the events in the outbox their positions in the feed.

use std::error::Error;

use oms_database::{Connection, DbError, LockWait, Transaction};
use oms_validation::TenantId;
use tokio_util::sync::CancellationToken;

use crate::context::EventsContext;
use crate::domain::batch::{self, Batch, segments};
use crate::service::bump::BUMP;
use crate::store::webhooks::endpoints;
use crate::store::{heads, outbox, segments as stored, sinks};

/// Maximum number of outbox rows in one transaction.
const ROWS: usize = 1000;
/// Maximum number of transactions of one tenant in a turn, so that each tenant gets its turn.
const BATCHES: usize = 16;

/// The result of a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relayed {
    /// Events that got a position.
    pub events: u64,
    /// Tenants whose events could not be relayed.
    pub failed: u64,
    /// Whether more events are waiting.
    pub more: bool,
}

/// Relays what is in the outbox, tenant by tenant, and wakes the requests that wait for it. Any number of instances may
/// do so together: of one tenant, only one relays at a time.
///
/// # Errors
/// If the tenants can't be found. A failure of one tenant is logged, and the others are relayed.
pub async fn relay(
    context: &EventsContext,
    stopping: &CancellationToken,
) -> Result<Relayed, DbError> {
    let connection = &mut *context.database.acquire().await?;
    let mut relayed = Relayed::default();
    let tenants = outbox::find_tenants(connection).await?;
    let history = match tenants.is_empty() {
        true => None,
        false => history(connection).await,
    };
    for tenant in tenants {
        let mut before = batch::Relayed::default();
        for batch in 1..=BATCHES {
            if stopping.is_cancelled() {
                return Ok(relayed);
            }
            match relay_batch(context, connection, tenant, history.as_deref(), &mut before).await {
                Ok(done) => {
                    relayed.events += done.events;
                    if let Some(position) = done.position {
                        context.waiting.published(tenant.as_uuid(), position);
                    }
                    relayed.more |= done.more && batch == BATCHES;
                    if !done.more {
                        break;
                    }
                }
                Err(error) => {
                    let cause: &dyn Error = &error;
                    tracing::warn!(cause, %tenant, "the events of a tenant could not be relayed");
                    relayed.failed += 1;
                    break;
                }
            }
        }
    }
    wake_waiting(context, connection).await?;
    Ok(relayed)
}

/// Wakes the requests that wait for events which another instance has relayed.
async fn wake_waiting(context: &EventsContext, connection: &mut Connection) -> Result<(), DbError> {
    let tenants = context.waiting.tenants();
    if tenants.is_empty() {
        return Ok(());
    }
    for (tenant, position) in heads::find_positions(connection, tenants).await? {
        context.waiting.published(tenant, position);
    }
    Ok(())
}

/// `None` if the server does not tell. Then a restore needs `oms-api events bump`.
async fn history(connection: &mut Connection) -> Option<String> {
    let history = heads::find_history(connection).await;
    let unknown =
        |error: &DbError| tracing::debug!(%error, "the server does not tell its timeline");
    history.inspect_err(unknown).ok()
}

/// The result of one transaction.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    events: u64,
    /// The new end of the feed.
    position: Option<i64>,
    more: bool,
}

/// Relays up to [`ROWS`] rows of a tenant. The relay that has locked the feed's end is the only one that relays this tenant.
async fn relay_batch(
    context: &EventsContext,
    connection: &mut Connection,
    tenant: TenantId,
    history: Option<&str>,
    before: &mut batch::Relayed,
) -> Result<Done, DbError> {
    let mut transaction = Transaction::new(connection, LockWait::Session);
    let steps = (heads::lock(tenant), outbox::first(tenant, ROWS));
    let (head, rows) = match transaction.send(steps).await {
        Ok(found) => found,
        Err(error) => {
            transaction.roll_back().await;
            return Err(error);
        }
    };
    let Some(head) = head else {
        transaction.roll_back().await;
        // The first events of a tenant. Otherwise another relay is at work.
        let more = heads::insert(connection, tenant).await?;
        if more {
            for sink in &context.sinks {
                let only_records = sink.record_types().is_some();
                sinks::add(connection, tenant, sink.name(), only_records).await?;
            }
        }
        return Ok(Done {
            more,
            ..Done::default()
        });
    };
    let mut batch = Batch::new(rows);
    if batch.is_empty() {
        transaction.roll_back().await;
        return Ok(Done::default());
    }
    let more = batch.len() >= ROWS;
    if more && let Err(error) = add_earlier(&mut transaction, tenant, &mut batch, before).await {
        transaction.roll_back().await;
        return Err(error);
    }
    let from = match (&head.history, history) {
        (Some(before), Some(now)) if before != now => head.position + BUMP,
        _ => head.position,
    };
    let ids = batch.ids();
    let keys = batch.in_order();
    let made = segments(&keys, from);
    let inserts = made.iter().map(|segment| stored::insert(tenant, segment));
    let insert = inserts.reduce(|before, next| before.then(next));
    let to = made.last().map_or(from, |it| it.last_position);
    let history = history.map(str::to_owned).or(head.history);
    let advance = heads::advance(tenant, head.position, to, history);
    oms_failpoints::reached("events.relaying");
    let has_records = keys.iter().any(|key| key.is_record());
    let wake = (
        endpoints::wake(tenant),
        sinks::wake(tenant, from, has_records),
    );
    let steps = (outbox::delete(tenant, ids), insert, advance, wake.0, wake.1);
    transaction.commit_with(steps).await?;
    oms_failpoints::reached("events.relayed");
    before.add(&keys);
    Ok(Done {
        events: keys.len() as u64,
        position: Some(to),
        more,
    })
}

/// Adds the rows with earlier events of the batch's orders. An instance whose clock is behind gives a later event a
/// lower ID, and then the limit may fall between the two.
async fn add_earlier(
    transaction: &mut Transaction<'_>,
    tenant: TenantId,
    batch: &mut Batch,
    before: &batch::Relayed,
) -> Result<(), DbError> {
    loop {
        let latest = batch.latest(before);
        if latest.is_empty() {
            return Ok(());
        }
        let (earlier,) = transaction.send((outbox::earlier(tenant, latest),)).await?;
        if !batch.add(earlier) {
            return Ok(());
        }
    }
}
