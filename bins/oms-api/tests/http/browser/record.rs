//! The record of a page: its requests and errors.

use serde_json::Value;

/// A request of a page, including that for its own document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    id: String,
    pub method: String,
    pub url: String,
    pub outcome: Outcome,
}

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Pending,
    Answered(u16),
    Failed(String),
}

/// The record of a page.
#[derive(Debug, Default)]
pub struct Record {
    pub requests: Vec<Request>,
    /// Uncaught exceptions, `console.error`, policy violations, and failed loads.
    pub errors: Vec<String>,
}

impl Record {
    /// Records an event of the DevTools protocol.
    pub fn add(&mut self, method: &str, event: &Value) {
        match method {
            "Network.requestWillBeSent" => self.begin(event),
            "Network.responseReceived" => self.answered(event, &event["response"]),
            "Network.loadingFailed" => {
                let reason = text(&event["blockedReason"]).or(text(&event["errorText"]));
                self.end(event, Outcome::Failed(reason.unwrap_or_default()));
            }
            "Runtime.exceptionThrown" => {
                let details = &event["exceptionDetails"];
                let said = text(&details["exception"]["description"]).or(text(&details["text"]));
                self.errors.push(said.unwrap_or_default());
            }
            "Runtime.consoleAPICalled"
                if ["error", "assert"].map(Into::into).contains(&event["type"]) =>
            {
                self.errors.push(arguments(&event["args"]));
            }
            "Log.entryAdded" if event["entry"]["level"] == "error" => {
                let entry = &event["entry"];
                let place = text(&entry["url"]).unwrap_or_default();
                let said = text(&entry["text"]).unwrap_or_default();
                self.errors.push(format!("{said} ({place})"));
            }
            "Inspector.targetCrashed" => self.errors.push("the page crashed".to_owned()),
            _ => {}
        }
    }

    /// Whether all requests have ended.
    pub fn is_quiet(&self) -> bool {
        let pending = |request: &Request| request.outcome == Outcome::Pending;
        !self.requests.iter().any(pending)
    }

    fn begin(&mut self, event: &Value) {
        // A redirect continues under the same ID.
        if event.get("redirectResponse").is_some() {
            self.answered(event, &event["redirectResponse"]);
        }
        let url = text(&event["request"]["url"]).unwrap_or_default();
        // These URLs contain their data, so no server answers them.
        if url.starts_with("data:") || url.starts_with("blob:") {
            return;
        }
        self.requests.push(Request {
            id: text(&event["requestId"]).unwrap_or_default(),
            method: text(&event["request"]["method"]).unwrap_or_default(),
            url,
            outcome: Outcome::Pending,
        });
    }

    fn answered(&mut self, event: &Value, response: &Value) {
        let status = response["status"].as_u64().unwrap_or_default();
        let status = u16::try_from(status).unwrap_or_default();
        self.end(event, Outcome::Answered(status));
    }

    /// A failure after the head of an answer counts as a failure.
    fn end(&mut self, event: &Value, outcome: Outcome) {
        let id = text(&event["requestId"]);
        let mut latest_first = self.requests.iter_mut().rev();
        if let Some(request) = latest_first.find(|request| Some(&request.id) == id.as_ref()) {
            request.outcome = outcome;
        }
    }
}

fn arguments(arguments: &Value) -> String {
    let arguments = arguments.as_array().into_iter().flatten();
    let words = arguments.map(|argument| match &argument["value"] {
        Value::Null => text(&argument["description"]).unwrap_or_default(),
        Value::String(word) => word.clone(),
        other => other.to_string(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
