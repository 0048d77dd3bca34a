//! A running `payment-sandbox`: the gateway, its state and its behaviour.

use std::process::Command;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::SECRET_KEY;
use crate::eventually::until;
use crate::process::{Process, program};

/// A running `payment-sandbox`.
pub struct Sandbox {
    process: Process,
    pub url: String,
    client: Client,
    folder: TempDir,
}

impl Sandbox {
    /// Starts the sandbox and waits until it listens.
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

    /// Kills the sandbox.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Restarts the sandbox with the same state on the same port. Retries while another program's connection happens to
    /// use that port.
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

    /// Activates a fault plan.
    pub async fn plan(&self, rules: Value) {
        let plan = json!({ "rules": rules });
        self.control(Method::POST, "faults", Some(plan)).await;
    }

    /// Applies this action to every call of an operation from now on.
    pub async fn always(&self, operation: &str, action: Value) {
        self.plan(json!([{ "operation": operation, "action": action, "times": null }]))
            .await;
    }

    /// Applies this action to the next call of an operation.
    pub async fn once(&self, operation: &str, action: Value) {
        self.plan(json!([{ "operation": operation, "action": action }]))
            .await;
    }

    /// Holds the next calls of an operation until [`Sandbox::release`].
    pub async fn hold(&self, operation: &str) {
        self.always(operation, json!({ "type": "hold" })).await;
    }

    /// Removes all faults and releases held calls.
    pub async fn release(&self) {
        self.control(Method::DELETE, "faults", None).await;
    }

    /// All counters of the sandbox.
    pub async fn stats(&self) -> Value {
        self.control(Method::GET, "stats", None).await
    }

    /// The number of calls of an operation since the process started.
    pub async fn calls(&self, operation: &str) -> u64 {
        let stats = self.stats().await;
        stats["calls"][operation].as_u64().unwrap()
    }

    /// Returns once this many calls of an operation have arrived.
    pub async fn called(&self, operation: &str, times: u64) {
        let what = format!("{times} calls of {operation}");
        until(&what, async || self.calls(operation).await >= times).await;
    }

    /// The number of all charges.
    pub async fn charges(&self) -> u64 {
        let stats = self.stats().await;
        stats["effects"]["charges"].as_u64().unwrap()
    }

    /// The payments of one order.
    pub async fn order(&self, order_id: &str) -> Value {
        self.control(Method::GET, &format!("orders/{order_id}"), None)
            .await
    }

    /// The number of an order's charges and their total in minor units. None may have been refunded.
    pub async fn charged(&self, order_id: &str) -> (u64, u64) {
        let order = self.order(order_id).await;
        assert_eq!(order["refundedMinor"], 0, "{order}");
        let number = |name: &str| order[name].as_u64().unwrap();
        (number("charges"), number("capturedMinor"))
    }

    /// The captured and the refunded amount of an order, in minor units.
    pub async fn money(&self, order_id: &str) -> (i64, i64) {
        let order = self.order(order_id).await;
        let number = |name: &str| order[name].as_i64().unwrap();
        (number("capturedMinor"), number("refundedMinor"))
    }

    /// The number of refunds.
    pub async fn refunds(&self) -> u64 {
        let stats = self.stats().await;
        stats["effects"]["refunds"].as_u64().unwrap()
    }

    /// Refunds a part of an order's only payment without oms, as in the gateway's dashboard.
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

    /// Triggers a later change of a payment: its refund fails, or it is disputed.
    pub async fn happens(&self, path: &str, what: Value) -> Value {
        self.control(Method::POST, path, Some(what)).await
    }

    /// Makes a charge that no order requested.
    pub async fn charge(&self, amount_minor: u64) -> Value {
        let charge = json!({ "amount": amount_minor, "currency": "usd" });
        self.control(Method::POST, "charges", Some(charge)).await
    }

    /// Makes a charge that no order requested, with metadata.
    pub async fn charge_for(&self, amount_minor: u64, metadata: Value) -> Value {
        let charge = json!({ "amount": amount_minor, "currency": "usd", "metadata": metadata });
        self.control(Method::POST, "charges", Some(charge)).await
    }

    /// Deletes all state.
    pub async fn reset(&self) {
        self.control(Method::POST, "reset", None).await;
    }

    /// Calls Stripe's API like another program that shares the account.
    pub async fn call(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let request = self.client.post(format!("{}/v1/{path}", self.url));
        let request = request.basic_auth(SECRET_KEY, Some("")).form(form);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let answer: Value = response.json().await.unwrap();
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Reads from Stripe's API.
    pub async fn read(&self, path: &str) -> Value {
        let request = self.client.get(format!("{}/v1/{path}", self.url));
        let request = request.basic_auth(SECRET_KEY, Some(""));
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Sends events from now on to an API, signed with this secret.
    pub async fn report_to(&self, api_url: &str, secret: &str) {
        let url = format!("{api_url}/webhooks/stripe");
        let endpoint = json!({ "url": url, "secret": secret, "backoffMs": 10 });
        self.control(Method::POST, "webhooks", Some(endpoint)).await;
    }

    /// Like [`report_to`](Self::report_to), but retries for a minute or longer.
    pub async fn report_patiently_to(&self, api_url: &str, secret: &str) {
        let url = format!("{api_url}/webhooks/stripe");
        let endpoint = json!({ "url": url, "secret": secret, "backoffMs": 10, "tries": 100 });
        self.control(Method::POST, "webhooks", Some(endpoint)).await;
    }

    /// Decides a payment that waits for the bank, unless it was already decided.
    pub async fn settle_if_open(&self, payment: &str, outcome: &str) {
        let path = format!("payment_intents/{payment}/settle");
        let body = json!({ "outcome": outcome });
        let (status, answer) = self.ask(Method::POST, &path, Some(body)).await;
        assert!(matches!(status, 200 | 400), "{answer}");
    }

    /// The number of webhooks that are not delivered yet.
    pub async fn undelivered(&self) -> u64 {
        let stats = self.stats().await;
        stats["webhooks"]["pending"].as_u64().unwrap()
    }

    /// All deliveries so far, oldest first.
    pub async fn deliveries(&self) -> Vec<Value> {
        let webhooks = self.control(Method::GET, "webhooks", None).await;
        webhooks["deliveries"].as_array().unwrap().clone()
    }

    /// Sends a custom event once, and returns the status of the answer. `signature` is `valid`, `wrong` or `stale`.
    pub async fn send_event(&self, event: &Value, signature: &str) -> Value {
        let sent = json!({ "event": event, "signature": signature });
        let answer = self
            .control(Method::POST, "webhooks/send", Some(sent))
            .await;
        answer["status"].clone()
    }

    /// Sends an earlier event once more.
    pub async fn send_again(&self, event_id: &Value) -> Value {
        let sent = json!({ "eventId": event_id });
        let answer = self
            .control(Method::POST, "webhooks/send", Some(sent))
            .await;
        answer["status"].clone()
    }

    /// The number of all payments, regardless of their outcome.
    pub async fn intents(&self) -> u64 {
        let stats = self.stats().await;
        stats["effects"]["intentsCreated"].as_u64().unwrap()
    }

    /// The status of an order's latest payment.
    pub async fn last_status(&self, order_id: &str) -> String {
        let order = self.order(order_id).await;
        let last = order["intents"].as_array().unwrap().last().unwrap();
        last["status"].as_str().unwrap().to_owned()
    }

    /// Decides a payment that waits for the customer or the bank.
    pub async fn settle(&self, intent: &str, outcome: &str) {
        let path = format!("payment_intents/{intent}/settle");
        let body = json!({ "outcome": outcome });
        self.control(Method::POST, &path, Some(body)).await;
    }

    /// Changes the amounts of an order's only payment without oms.
    pub async fn tamper(&self, order_id: &str, amounts: Value) {
        let order = self.order(order_id).await;
        let intent = order["intents"][0]["id"].as_str().unwrap();
        let path = format!("payment_intents/{intent}/tamper");
        self.control(Method::POST, &path, Some(amounts)).await;
    }

    /// Deletes the results of all idempotency keys, as if 24 hours had passed. Returns how many there were.
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
