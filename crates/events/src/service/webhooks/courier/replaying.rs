//! The replay of an endpoint: events that it is sent again while there is nothing else to send.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::Courier;
use super::job::Outgoing;
use crate::domain::feed::FeedFilter;
use crate::domain::key::EventKey;
use crate::domain::webhooks::endpoint::Endpoint;
use crate::domain::webhooks::replay::{Replay, ReplayState};
use crate::domain::webhooks::window::{WINDOW, Window};
use crate::error::WebhooksError;
use crate::service::load_events::load_events;
use crate::store::segments;

/// A replay that is running.
pub(super) struct Replaying {
    pub(super) replay: Replay,
    filter: FeedFilter,
    /// Events of one subject are sent one after the other, as those of the endpoint. It begins after the replay's position.
    window: Window,
    events: HashMap<i64, Outgoing>,
    read_to: i64,
}

impl Replaying {
    /// Continues a replay at its position.
    pub(super) fn new(endpoint: &Endpoint, replay: Replay) -> Self {
        let in_flight = usize::try_from(endpoint.max_in_flight).unwrap_or(1);
        // The other half stays free for events that happen meanwhile.
        let in_flight = in_flight.div_ceil(2);
        Self {
            filter: FeedFilter::stored(&replay.types),
            window: Window::new(endpoint.ordering, in_flight, HashSet::new()),
            events: HashMap::new(),
            read_to: replay.position,
            replay,
        }
    }

    /// Whether something is left to read or to send.
    pub(super) fn is_running(&self) -> bool {
        self.replay.state == ReplayState::Running
    }

    fn is_read(&self) -> bool {
        self.read_to >= self.replay.to
    }

    /// Takes an event that may be sent now. Its outcome must be reported.
    pub(super) fn take(&mut self, skipped: usize) -> Option<(i64, Outgoing)> {
        let position = self.window.take_after(skipped)?;
        let event = self.events.get(&position).cloned()?;
        Some((position, event))
    }

    pub(super) fn event(&self, position: i64) -> Option<&Outgoing> {
        self.events.get(&position)
    }

    /// The event was accepted or rejected. It is not sent again.
    pub(super) fn sent(&mut self, position: i64, is_accepted: bool) {
        let count = match is_accepted {
            true => &mut self.replay.delivered,
            false => &mut self.replay.rejected,
        };
        *count = count.saturating_add(1);
        self.events.remove(&position);
        self.window.delivered(position);
    }

    /// The endpoint could not be reached: the event is sent again.
    pub(super) fn not_sent(&mut self, position: i64) {
        self.window.not_sent(position);
    }

    /// Moves the position past what was sent, and ends the replay when nothing is left.
    pub(super) fn settle(&mut self, now: DateTime<Utc>) {
        let moved = self.window.advance().position;
        self.replay.position = moved.unwrap_or(self.replay.position);
        if self.is_running() && self.is_read() && self.window.room() == WINDOW {
            self.replay.position = self.replay.to;
            self.replay.state = ReplayState::Finished;
            self.replay.ended_at = Some(now);
        }
    }
}

impl Courier<'_> {
    /// Reads events of the replay into its window.
    pub(super) async fn fill_replay(&mut self) -> Result<(), WebhooksError> {
        let Some(replaying) = &self.replaying else {
            return Ok(());
        };
        let room = replaying.window.room();
        let (after, to) = (replaying.read_to, replaying.replay.to);
        if replaying.is_read() || room < WINDOW / 2 {
            return Ok(());
        }
        let connection = &mut *self.context.database.acquire().await?;
        let feed = segments::read(connection, self.tenant, Some(after), room).await?;
        let (events, is_all) = feed.after(after.max(feed.purged_to), room);
        let is_last = is_all && feed.segments.is_empty();
        let events: Vec<_> = events.into_iter().take_while(|(it, _)| *it <= to).collect();
        let is_last = is_last || events.is_empty();
        let keys: Vec<EventKey> = events.iter().map(|(_, key)| *key).collect();
        let context = &self.context.events;
        let mut loaded = load_events(context, connection, self.tenant, &keys).await?;
        let mut wanted = HashMap::new();
        for (position, key) in &events {
            // What the endpoint has not received yet comes anyway, and in its order.
            let event = loaded
                .remove(key)
                .filter(|_| !self.pending.has_at(*position));
            let event = event.filter(|event| self.is_wanted(event));
            wanted.extend(event.map(|event| (*position, event)));
        }
        let Some(replaying) = &mut self.replaying else {
            return Ok(());
        };
        for (position, key) in events {
            replaying.read_to = position;
            let event = wanted.remove(&position);
            let event = event.filter(|event| replaying.filter.selects(event));
            let subject = event
                .as_ref()
                .map_or(key.subject_id, |event| event.subject().id);
            replaying.window.push(position, subject, event.is_some());
            if let Some(event) = event {
                replaying.events.insert(position, Outgoing::of(&event));
            }
        }
        if is_last {
            replaying.read_to = to;
        }
        Ok(())
    }
}
