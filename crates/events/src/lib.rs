#![doc = include_str!("../README.md")]

mod adapters;
mod context;
mod domain;
mod error;
pub mod http;
mod ports;
mod service;
mod store;
mod waiting;

// For the contexts, which append what they change, in its commit.
pub use __append_sql as append_sql;
pub use domain::event::{EventFacts, Subject};
pub use domain::event_type::EventType;
pub use domain::key::EventKey;
pub use domain::record::NewRecord;
pub use store::outbox::append;
pub use store::records::record;

// For the program, which wires the context and runs the workers.
#[cfg(feature = "kafka")]
pub use adapters::kafka::{KafkaConfig, KafkaError, KafkaSink};
pub use adapters::nats::{NatsConfig, NatsError, NatsSink, ServerAddr as NatsAddress};
pub use adapters::resolver::{LookUp, SystemLookUp};
pub use adapters::sealing::{KeysError, SealingKeys};
pub use adapters::sender::{Sender, SenderConfig};
pub use context::EventsContext;
pub use context::webhooks::{DatabaseClock, WebhooksContext};
pub use domain::publishing::{Message, PublishError, Published};
pub use domain::webhooks::address_rules::AddressRules;
pub use domain::webhooks::reporting::{WEBHOOK_EVENT_TYPES, endpoint_alert};
pub use error::PROBLEM_TYPES;
pub use error::{WEBHOOK_PROBLEM_TYPES, WebhooksError};
pub use ports::{Clock, WebhookSender};
pub use ports::{EventSink, EventSource};
pub use service::begin_sink::begin_sink_beside;
pub use service::bump::{BUMP, bump_positions};
pub use service::measure_outbox::{OutboxBacklog, measure_outbox};
pub use service::publish::Publisher;
pub use service::purge_feed::purge_feed;
pub use service::relay::{Relayed, relay};
pub use service::webhooks::deliver::{Couriers, Dispatched};
pub use service::webhooks::measure_webhooks::{
    DELIVERY_STATES, ENDPOINT_STATES, WebhookBacklog, measure_webhooks,
};
pub use service::webhooks::purge_attempts::{
    purge_attempts, purge_deliveries, purge_replays, purge_webhook_keys,
};
pub use store::outbox::APPENDED;
pub use store::sinks::PUBLISHABLE;
pub use store::webhooks::endpoints::DELIVERABLE;

// For the console, which shows what endpoints have not received.
pub use domain::webhooks::endpoint::{Endpoint, EndpointId, EndpointStatus, Ordering, Signing};
pub use domain::webhooks::pending::{Delivery, DeliveryState};
pub use service::webhooks::list_deliveries_of::list_deliveries_of;
pub use service::webhooks::list_endpoints::list_endpoints;
pub use service::webhooks::resolve_delivery::{Resolution, resolve_delivery};

// For the console.
pub use domain::event::Event;
pub use domain::feed::{FeedFilter, FeedPage, FeedPosition, FeedStart};
pub use domain::webhooks::attempt::{Attempt, AttemptCursor, AttemptOutcome, AttemptTrigger};
pub use domain::webhooks::pending::DeliveryCursor;
pub use error::EventsError;
pub use service::list_events::list_events;
pub use service::webhooks::get_endpoint::get_endpoint;
pub use service::webhooks::list_attempts::list_attempts;
pub use service::webhooks::list_deliveries::list_deliveries;
pub use service::webhooks::rotate_secret::rotate_secret;
pub use service::webhooks::set_status::{enable_endpoint, pause_endpoint};
pub use service::webhooks::test_endpoint::test_endpoint;

// For `oms-api grants`, which prints the privileges of the serving role.
pub use store::grants::GRANTS;

// Only this crate's tests call these without HTTP.
#[doc(hidden)]
pub use service::get_event::get_event;
#[doc(hidden)]
pub use store::sinks::find_due as find_due_of_sink;
#[doc(hidden)]
pub use {
    domain::webhooks::endpoint::{EndpointChange, MaxInFlight, NewEndpoint},
    domain::webhooks::endpoint_url::EndpointUrl,
    domain::webhooks::outcome::{Failure, Outcome},
    domain::webhooks::replay::{NewReplay, Replay, ReplayPoint, ReplayState},
    domain::webhooks::sending::{Sent, Webhook},
    service::webhooks::cancel_replay::cancel_replay,
    service::webhooks::change_endpoint::change_endpoint,
    service::webhooks::create_endpoint::create_endpoint,
    service::webhooks::get_replay::get_replay,
    service::webhooks::start_replay::start_replay,
};
