//! One running `payment-sandbox` and a client for it.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::Once,
};

use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use tempfile::TempDir;

/// A sandbox process, killed when dropped.
pub(crate) struct Sandbox {
    process: Child,
    pub(crate) url: String,
    pub(crate) client: Client,
    folder: TempDir,
}

/// The parts of an answer that tests look at.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) text: String,
    pub(crate) replayed: bool,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let status = response.status().as_u16();
        assert!(response.headers().contains_key("request-id") || status == 200);
        let replayed = response
            .headers()
            .get("idempotent-replayed")
            .is_some_and(|v| v == "true");
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap();
        Self {
            status,
            body,
            text,
            replayed,
        }
    }

    pub(crate) fn id(&self) -> &str {
        self.body["id"].as_str().unwrap()
    }

    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

/// The binary, with a clean environment.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_payment-sandbox"));
    command.env_clear().args(arguments);
    command
}

/// Runs the binary to its end.
pub(crate) fn output(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn start(state_file: &Path, arguments: &[&str]) -> (Child, String) {
    let mut process = command(&["--port", "0", "--state-file", state_file.to_str().unwrap()])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    let url = line
        .trim()
        .strip_prefix("payment-sandbox listening on ")
        .unwrap()
        .to_owned();
    (process, url)
}

impl Sandbox {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // reqwest needs a crypto provider even without HTTPS.
            rustls::crypto::ring::default_provider()
                .install_default()
                .unwrap();
        });
        let folder = tempfile::tempdir().unwrap();
        let (process, url) = start(&folder.path().join("journal"), arguments);
        let client = Client::builder().no_proxy().build().unwrap();
        Self {
            process,
            url,
            client,
            folder,
        }
    }

    pub(crate) fn state_file(&self) -> std::path::PathBuf {
        self.folder.path().join("journal")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Kills the process (SIGKILL) and starts another on the same state file, without arguments.
    pub(crate) fn kill_and_restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        (self.process, self.url) = start(&self.state_file(), &[]);
    }

    /// Waits for the process to end by itself.
    pub(crate) fn wait(&mut self) -> std::process::ExitStatus {
        self.process.wait().unwrap()
    }

    pub(crate) fn post_request(&self, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        let url = format!("{}{path}", self.url);
        self.client.post(url).bearer_auth("sk_test_oms").form(form)
    }

    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        Answer::of(self.post_request(path, form).send().await.unwrap()).await
    }

    pub(crate) async fn post_keyed(&self, key: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        let request = self.post_request(path, form).header("Idempotency-Key", key);
        Answer::of(request.send().await.unwrap()).await
    }

    /// Makes a call that gets no answer, and abandons it as soon as it has arrived.
    pub(crate) async fn unanswered(&self, key: &str, path: &str, form: &[(&str, &str)]) {
        let request = self.post_request(path, form).header("Idempotency-Key", key);
        tokio::select! {
            answer = request.send() => panic!("answered: {answer:?}"),
            () = self.arrived("create", 1) => {}
        }
    }

    /// Repeats the call until the first one with the key has ended.
    pub(crate) async fn post_again(&self, key: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        loop {
            let answer = self.post_keyed(key, path, form).await;
            if answer.status != 409 {
                return answer;
            }
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = self
            .client
            .get(format!("{}{path}", self.url))
            .bearer_auth("sk_test_oms");
        Answer::of(request.send().await.unwrap()).await
    }

    pub(crate) async fn control(&self, path: &str, body: &str) -> Answer {
        let url = format!("{}/_sandbox/{path}", self.url);
        let response = self
            .client
            .post(url)
            .body(body.to_owned())
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap();
        Answer {
            status,
            body,
            text,
            replayed: false,
        }
    }

    /// Activates one rule, given as the content of a JSON object.
    pub(crate) async fn fault(&self, rule: &str) {
        let answer = self
            .control("faults", &format!("{{\"rules\":[{{{rule}}}]}}"))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    pub(crate) async fn clear_faults(&self) {
        let url = format!("{}/_sandbox/faults", self.url);
        assert_eq!(self.client.delete(url).send().await.unwrap().status(), 200);
    }

    pub(crate) async fn order(&self, order_id: &str) -> Value {
        self.get(&format!("/_sandbox/orders/{order_id}")).await.body
    }

    /// Creates an intent of 1200 cents for order `o1`.
    pub(crate) async fn intent(&self, extra: &[(&str, &str)]) -> Answer {
        let mut form = vec![
            ("amount", "1200"),
            ("currency", "eur"),
            ("metadata[order_id]", "o1"),
        ];
        form.extend_from_slice(extra);
        self.post("/v1/payment_intents", &form).await
    }

    pub(crate) async fn confirm(&self, intent: &str, method: &str) -> Answer {
        let path = format!("/v1/payment_intents/{intent}/confirm");
        self.post(&path, &[("payment_method", method)]).await
    }

    /// Waits until this many calls of an operation have arrived.
    pub(crate) async fn arrived(&self, operation: &str, number: u64) {
        while self.get("/_sandbox/stats").await.body["calls"][operation].as_u64() < Some(number) {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
