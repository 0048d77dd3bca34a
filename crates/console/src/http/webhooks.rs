//! `GET /console/webhooks`: the endpoints that events are sent to, and whether they receive them.

pub(super) mod actions;
pub(super) mod endpoint;

use askama::Template;
use oms_events::{Endpoint, EndpointStatus, list_endpoints};

use super::frame::{Frame, Section};
use super::page::{Answer, page};
use super::page_request::PageRequest;
use crate::display;

#[derive(Template)]
#[template(path = "webhooks.html")]
struct Webhooks {
    frame: Frame,
    rows: Vec<Row>,
}

/// An endpoint as it is shown.
pub(super) struct Row {
    pub(super) id: String,
    /// Without its query, which may have a secret.
    pub(super) url: String,
    pub(super) description: String,
    pub(super) types: String,
    pub(super) state: &'static str,
    pub(super) tone: &'static str,
    /// Why events are not sent, or since when nothing reaches it.
    pub(super) trouble: String,
}

/// `GET /console/webhooks`.
pub(super) async fn list(request: Box<PageRequest>) -> Answer {
    let (webhooks, tenant) = (&request.console.webhooks, request.tenant()?);
    let found = list_endpoints(webhooks, tenant).await?;
    page(&Webhooks {
        frame: request.frame(Section::Webhooks, "Webhooks"),
        rows: found.iter().map(Row::of).collect(),
    })
}

impl Row {
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        let is_failing = endpoint.failing_since.is_some();
        let (state, tone) = match endpoint.status {
            EndpointStatus::Enabled if is_failing => ("Failing", "bad"),
            EndpointStatus::Enabled => ("Enabled", "ok"),
            EndpointStatus::Paused => ("Paused", "wait"),
            EndpointStatus::Disabled => ("Disabled", "bad"),
            EndpointStatus::Other(_) => ("Unknown", "idle"),
        };
        let failing = endpoint.failing_since.map(|since| {
            let time = display::elapsed(since, display::now());
            format!(
                "Nothing has reached it for {time}; {} tries failed. Events wait in their order.",
                endpoint.failures
            )
        });
        let reason = endpoint.status_reason.as_deref().map(display::capital);
        let description = endpoint.description.as_ref();
        Self {
            id: endpoint.id.to_string(),
            url: without_query(&endpoint.url),
            description: description.map_or_else(String::new, |it| it.as_str().to_owned()),
            types: match endpoint.types.is_empty() {
                true => "All".to_owned(),
                false => endpoint.types.join(", "),
            },
            state,
            tone,
            trouble: reason.or(failing).unwrap_or_default(),
        }
    }
}

fn without_query(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_of_a_url_is_not_shown() {
        assert_eq!(
            without_query("https://a.example/x?token=1#y"),
            "https://a.example/x"
        );
    }
}
