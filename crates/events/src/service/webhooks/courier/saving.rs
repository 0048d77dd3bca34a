//! Stores what a courier has done.

use oms_database::{LockWait, Transaction};

use super::Courier;
use crate::domain::webhooks::endpoint::EndpointStatus;
use crate::domain::webhooks::pending::{Delivery, DeliveryState};
use crate::domain::webhooks::window::{LeftAs, WINDOW};
use crate::error::WebhooksError;
use crate::store::heads;
use crate::store::outbox::APPENDED;
use crate::store::records::record;
use crate::store::webhooks::leases::{self, Progress, Then};
use crate::store::webhooks::{attempts, deliveries, replays};

impl Courier<'_> {
    /// Moves the position past what is finished, and takes over what the window leaves behind.
    pub(super) fn settle(&mut self) {
        let now = self.time.now();
        if let Some(replaying) = &mut self.replaying {
            replaying.settle(now);
        }
        let moved = self.window.advance();
        self.position = moved.position.unwrap_or(self.position);
        if self.window.room() == WINDOW {
            self.position = self.position.max(self.feed_end);
        }
        for left in moved.left {
            let rejection = self.rejections.remove(&left.position);
            let Some(event) = self.events.remove(&left.position) else {
                continue;
            };
            let state = match left.why {
                LeftAs::Rejected => DeliveryState::Retrying,
                LeftAs::Behind => DeliveryState::Behind,
            };
            let row = Delivery {
                position: left.position,
                key: event.key,
                subject_id: event.subject_id,
                state,
                tries: i32::from(rejection.is_some()),
                due_at: rejection.as_ref().map_or(now, |it| it.next),
                last_outcome: rejection.as_ref().map(|it| it.outcome),
                last_status: rejection.and_then(|it| it.status),
            };
            self.pending.add(row, now);
        }
    }

    /// Stores what happened since the last time.
    pub(super) async fn save(&mut self, then: Then) -> Result<(), WebhooksError> {
        self.unsaved = 0;
        self.settle();
        let then = match then {
            // What was left behind just now may be due earlier.
            Then::Release(_) => Then::Release(self.pending.next_due()),
            then => then,
        };
        let (tenant, id) = (self.tenant, self.endpoint.id);
        let health = &self.health;
        let progress = Progress {
            position: self.position,
            failing_since: health.failing_since(),
            failures: health.failures(),
            errors_in_a_row: health.errors_in_a_row(),
            reported_at: health.reported_at(),
            status: match health.disabled() {
                Some(_) => EndpointStatus::Disabled,
                None => EndpointStatus::Enabled,
            },
            status_reason: health.disabled().map(str::to_owned),
        };
        let changes = self.pending.changes();
        let replay = self.replaying.as_ref().map(|it| it.replay.clone());
        if !self.is_replaying() {
            self.replaying = None;
        }
        let attempts = std::mem::take(&mut self.attempts);
        let records = std::mem::take(&mut self.records);
        let connection = &mut *self.context.database.acquire().await?;
        let mut transaction = Transaction::new(connection, LockWait::Session);
        let held = matches!(then, Then::Release(_)).then(|| heads::hold(tenant));
        let saved = leases::save(tenant, id, self.claim, progress, then, self.time.now());
        if let Err(error) = transaction.send((held, saved)).await {
            transaction.roll_back().await;
            return Err(error.into());
        }
        let now = self.context.now();
        let (written, deleted) = (changes.written, changes.deleted);
        let steps = (
            (!written.is_empty()).then(|| deliveries::write(tenant, id, now, &written)),
            (!deleted.is_empty()).then(|| deliveries::delete(tenant, id, deleted)),
            (!attempts.is_empty()).then(|| attempts::insert(tenant, id, &attempts)),
            (!records.is_empty()).then(|| record(tenant, &records)),
            replay.map(|replay| replays::save(tenant, id, &replay)),
        );
        oms_failpoints::reached("webhooks.saving");
        transaction.commit_with(steps).await?;
        oms_failpoints::reached("webhooks.saved");
        if matches!(then, Then::Release(_)) {
            // The relay may have passed over the tenant meanwhile.
            APPENDED.notify_one();
        }
        Ok(())
    }
}
