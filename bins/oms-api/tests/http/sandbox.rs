//! One running `payment-sandbox`: the gateway, and what it knows and does.

use std::process::Command;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::SECRET_KEY;
use crate::eventually::until;
use crate::process::{Process, program};

/// One running `payment-sandbox`.
pub struct Sandbox {
    process: Process,
    pub url: String,
    client: Client,
    folder: TempDir,
}

impl Sandbox {
    /// Starts it and waits until it listens.
    pub async fn start(client: Client) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Process::start(command(&folder, "0"));
        let url = listening(&mut process).await;
        Self {
            process,
            url,
            client,
            folder,
        }
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, with the same state and at the same port. Tried again while somebody else's connection
    /// happens to come from that port.
    pub async fn restart(&mut self) {
        let port = self.url.rsplit_once(':').unwrap().1.to_owned();
        until("the sandbox listens again", async || {
            self.process = Process::start(command(&self.folder, &port));
            until("the sandbox listens or ends", async || {
                !self.process.lines().is_empty() || !self.process.is_running()
            })
            .await;
            self.process.is_running()
        })
        .await;
    }

    /// Puts a fault plan into force.
    pub async fn plan(&self, rules: Value) {
        let plan = json!({ "rules": rules });
        self.control(Method::POST, "faults", Some(plan)).await;
    }

    /// Every call of an operation meets this from now on.
    pub async fn always(&self, operation: &str, action: Value) {
        self.plan(json!([{ "operation": operation, "action": action, "times": null }]))
            .await;
    }

    /// The next call of an operation meets this.
    pub async fn once(&self, operation: &str, action: Value) {
        self.plan(json!([{ "operation": operation, "action": action }]))
            .await;
    }

    /// Holds the next calls of an operation until [`Sandbox::release`].
    pub async fn hold(&self, operation: &str) {
        self.always(operation, json!({ "type": "hold" })).await;
    }

    /// No more faults; what was held goes on.
    pub async fn release(&self) {
        self.control(Method::DELETE, "faults", None).await;
    }

    /// Everything that it has counted.
    pub async fn stats(&self) -> Value {
        self.control(Method::GET, "stats", None).await
    }

    /// How often an operation was called since the process started.
    pub async fn calls(&self, operation: &str) -> u64 {
        let stats = self.stats().await;
        stats["calls"][operation].as_u64().unwrap()
    }

    /// Returns once so many calls of an operation have come in.
    pub async fn called(&self, operation: &str, times: u64) {
        let what = format!("{times} calls of {operation}");
        until(&what, async || self.calls(operation).await >= times).await;
    }

    /// All charges, and those of one order.
    pub async fn charges(&self) -> u64 {
        let stats = self.stats().await;
        stats["effects"]["charges"].as_u64().unwrap()
    }

    /// The payments of one order.
    pub async fn order(&self, order_id: &str) -> Value {
        self.control(Method::GET, &format!("orders/{order_id}"), None)
            .await
    }

    /// What an order was charged, in minor units, each charge by itself; nothing may have been refunded.
    pub async fn charged(&self, order_id: &str) -> (u64, u64) {
        let order = self.order(order_id).await;
        assert_eq!(order["refundedMinor"], 0, "{order}");
        let number = |name: &str| order[name].as_u64().unwrap();
        (number("charges"), number("capturedMinor"))
    }

    /// What was taken for an order, and what was given back of it, in minor units.
    pub async fn money(&self, order_id: &str) -> (i64, i64) {
        let order = self.order(order_id).await;
        let number = |name: &str| order[name].as_i64().unwrap();
        (number("capturedMinor"), number("refundedMinor"))
    }

    /// How many refunds there are.
    pub async fn refunds(&self) -> u64 {
        let stats = self.stats().await;
        stats["effects"]["refunds"].as_u64().unwrap()
    }

    /// Gives money of an order's one payment back past us, as somebody does in the gateway's dashboard.
    pub async fn refund_in_dashboard(&self, order_id: &str, amount_minor: i64) {
        let order = self.order(order_id).await;
        let intent = order["intents"][0]["id"].as_str().unwrap();
        let refund = format!("payment_intent={intent}&amount={amount_minor}");
        let request = self
            .client
            .post(format!("{}/v1/refunds", self.url))
            .bearer_auth(SECRET_KEY)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(refund);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{response:?}");
    }

    /// Something happens to a payment long after it was taken: its refund fails, or it is disputed.
    pub async fn happens(&self, path: &str, what: Value) -> Value {
        self.control(Method::POST, path, Some(what)).await
    }

    /// A charge that nobody asked for.
    pub async fn charge(&self, amount_minor: u64) -> Value {
        let charge = json!({ "amount": amount_minor, "currency": "usd" });
        self.control(Method::POST, "charges", Some(charge)).await
    }

    /// A charge that nobody asked for, with metadata.
    pub async fn charge_for(&self, amount_minor: u64, metadata: Value) -> Value {
        let charge = json!({ "amount": amount_minor, "currency": "usd", "metadata": metadata });
        self.control(Method::POST, "charges", Some(charge)).await
    }

    /// Forgets everything.
    pub async fn reset(&self) {
        self.control(Method::POST, "reset", None).await;
    }

    /// Calls Stripe's side, as a program beside ours does that shares the account.
    pub async fn call(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let request = self.client.post(format!("{}/v1/{path}", self.url));
        let request = request.basic_auth(SECRET_KEY, Some("")).form(form);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let answer: Value = response.json().await.unwrap();
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Reads something of Stripe's side.
    pub async fn read(&self, path: &str) -> Value {
        let request = self.client.get(format!("{}/v1/{path}", self.url));
        let request = request.basic_auth(SECRET_KEY, Some(""));
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Reports what happens from now on to an API, signed with this secret.
    pub async fn report_to(&self, api_url: &str, secret: &str) {
        let url = format!("{api_url}/webhooks/stripe");
        let endpoint = json!({ "url": url, "secret": secret, "backoffMs": 10 });
        self.control(Method::POST, "webhooks", Some(endpoint)).await;
    }

    /// The same, and tries for a minute or more before it gives up.
    pub async fn report_patiently_to(&self, api_url: &str, secret: &str) {
        let url = format!("{api_url}/webhooks/stripe");
        let endpoint = json!({ "url": url, "secret": secret, "backoffMs": 10, "tries": 100 });
        self.control(Method::POST, "webhooks", Some(endpoint)).await;
    }

    /// What becomes of a payment that waits for the bank, unless somebody was faster.
    pub async fn settle_if_open(&self, payment: &str, outcome: &str) {
        let path = format!("payment_intents/{payment}/settle");
        let body = json!({ "outcome": outcome });
        let (status, answer) = self.ask(Method::POST, &path, Some(body)).await;
        assert!(matches!(status, 200 | 400), "{answer}");
    }

    /// How many webhooks have yet to be delivered.
    pub async fn undelivered(&self) -> u64 {
        let stats = self.stats().await;
        stats["webhooks"]["pending"].as_u64().unwrap()
    }

    /// The deliveries until now, the oldest first.
    pub async fn deliveries(&self) -> Vec<Value> {
        let webhooks = self.control(Method::GET, "webhooks", None).await;
        webhooks["deliveries"].as_array().unwrap().clone()
    }

    /// Sends an event that was made by hand, once; returns the status of the answer. `signature` is `valid`, `wrong` or
    /// `stale`.
    pub async fn send_event(&self, event: &Value, signature: &str) -> Value {
        let sent = json!({ "event": event, "signature": signature });
        let answer = self
            .control(Method::POST, "webhooks/send", Some(sent))
            .await;
        answer["status"].clone()
    }

    /// Sends an event that happened once more.
    pub async fn send_again(&self, event_id: &Value) -> Value {
        let sent = json!({ "eventId": event_id });
        let answer = self
            .control(Method::POST, "webhooks/send", Some(sent))
            .await;
        answer["status"].clone()
    }

    /// All payments, whatever became of them.
    pub async fn intents(&self) -> u64 {
        let stats = self.stats().await;
        stats["effects"]["intentsCreated"].as_u64().unwrap()
    }

    /// The status of an order's payment; of several, the latest.
    pub async fn last_status(&self, order_id: &str) -> String {
        let order = self.order(order_id).await;
        let last = order["intents"].as_array().unwrap().last().unwrap();
        last["status"].as_str().unwrap().to_owned()
    }

    /// What becomes of a payment that waits for the customer or the bank.
    pub async fn settle(&self, intent: &str, outcome: &str) {
        let path = format!("payment_intents/{intent}/settle");
        let body = json!({ "outcome": outcome });
        self.control(Method::POST, &path, Some(body)).await;
    }

    /// Changes the amounts of an order's one payment behind our back.
    pub async fn tamper(&self, order_id: &str, amounts: Value) {
        let order = self.order(order_id).await;
        let intent = order["intents"][0]["id"].as_str().unwrap();
        let path = format!("payment_intents/{intent}/tamper");
        self.control(Method::POST, &path, Some(amounts)).await;
    }

    /// Forgets the results of all idempotency keys, as if their 24 hours were over. Returns how many there were.
    pub async fn expire_keys(&self) -> u64 {
        let path = "idempotency/expire";
        let expired = self.control(Method::POST, path, Some(json!({}))).await;
        expired["expired"].as_u64().unwrap()
    }

    async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, answer) = self.ask(method, path, body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}/_sandbox/{path}", self.url);
        let mut request = self.client.request(method, url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap())
    }
}

fn command(folder: &TempDir, port: &str) -> Command {
    let mut command = program("payment-sandbox");
    let state_file = folder.path().join("journal");
    command
        .args(["--port", port, "--state-file"])
        .arg(state_file);
    command
}

async fn listening(process: &mut Process) -> String {
    let url = |line: &str| {
        let url = line.strip_prefix("payment-sandbox listening on ")?;
        Some(url.trim().to_owned())
    };
    process.said("the sandbox listens", url).await
}
