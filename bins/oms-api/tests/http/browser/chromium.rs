//! The Chromium process and its DevTools protocol: JSON objects that end in a zero byte, over two pipes.
//!
//! Pipes are used instead of a port, because Chromium ends when they close, however the test process ends.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::record::Record;
use crate::eventually::DEADLINE;

/// Path of the program, if it is not [`USUAL`] on the `PATH`.
const PROGRAM: &str = "OMS_TEST_BROWSER";
const USUAL: &str = "chromium-headless-shell";

/// The DevTools protocol uses these two file descriptors. The shell duplicates the standard ones.
const PIPES_TO_3_AND_4: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#;

const ARGUMENTS: [&str; 22] = [
    "--headless",
    "--remote-debugging-pipe",
    // The sandbox does not work for root and in many containers. Only our own pages are opened.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-breakpad",
    // A page that the cache of pages keeps is frozen, and a script that waits in it may never answer.
    "--disable-features=Translate,OptimizationHints,MediaRouter,BackForwardCache",
    "--metrics-recording-only",
    "--hide-scrollbars",
    "--mute-audio",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-proxy-server",
    "--password-store=basic",
    "--window-size=1280,900",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
];

/// Maximum time for Chromium to end after a request to close.
const PATIENCE: Duration = Duration::from_secs(30);

static SHARED: Mutex<Weak<Chromium>> = Mutex::new(Weak::new());

/// A running Chromium. It ends with the last page.
pub struct Chromium {
    child: Mutex<Child>,
    input: Mutex<ChildStdin>,
    calls: Arc<Calls>,
    last_id: AtomicU64,
    has_ended: Mutex<Receiver<()>>,
    folder: TempDir,
}

type Answer = Result<Value, String>;

/// The callers that wait for an answer, and the records that collect events.
#[derive(Default)]
struct Calls {
    waiting: Mutex<HashMap<u64, oneshot::Sender<Answer>>>,
    records: Mutex<HashMap<String, Arc<Mutex<Record>>>>,
}

impl Chromium {
    /// Returns the running instance, or starts one.
    pub fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap();
        let running = shared.upgrade().filter(|chromium| chromium.is_running());
        running.unwrap_or_else(|| {
            let started = Arc::new(Self::start());
            *shared = Arc::downgrade(&started);
            started
        })
    }

    fn start() -> Self {
        let program = std::env::var(PROGRAM).unwrap_or_else(|_| USUAL.to_owned());
        let folder = tempfile::tempdir().unwrap();
        let errors = File::create(folder.path().join("stderr")).unwrap();
        let mut child = Command::new("sh")
            .args(["-c", PIPES_TO_3_AND_4, &program])
            .args(ARGUMENTS)
            .arg(format!("--user-data-dir={}", folder.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = child.stdout.take().unwrap();
        let calls = Arc::new(Calls::default());
        let (ended, has_ended) = mpsc::channel();
        let listener = calls.clone();
        thread::spawn(move || listener.listen(output, &ended));
        Self {
            child: Mutex::new(child),
            input: Mutex::new(input),
            calls,
            last_id: AtomicU64::new(0),
            has_ended: Mutex::new(has_ended),
            folder,
        }
    }

    fn is_running(&self) -> bool {
        self.child.lock().unwrap().try_wait().unwrap().is_none()
    }

    /// Adds the events of a session to a record from now on.
    pub fn record(&self, session: &str, record: Arc<Mutex<Record>>) {
        let mut records = self.calls.records.lock().unwrap();
        records.insert(session.to_owned(), record);
    }

    /// Calls a method of the protocol, on the browser or on one session.
    ///
    /// # Errors
    /// The error that Chromium reports.
    ///
    /// # Panics
    /// If Chromium ends, or has not answered when a test would stop to wait for anything else.
    pub async fn call(&self, session: Option<&str>, method: &str, parameters: Value) -> Answer {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, answer) = oneshot::channel();
        self.calls.waiting.lock().unwrap().insert(id, sender);
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        if self.send(&message).is_err() {
            panic!("{}", self.obituary(method));
        }
        let answer = timeout(DEADLINE, answer).await;
        let answer = answer.unwrap_or_else(|_| panic!("Chromium never answered {method}"));
        answer.unwrap_or_else(|_| panic!("{}", self.obituary(method)))
    }

    /// Closes a test's session without waiting for the answer.
    pub fn close(&self, session: &str, context: &Value) {
        self.calls.records.lock().unwrap().remove(session);
        let parameters = json!({ "browserContextId": context });
        let close =
            json!({ "id": 0, "method": "Target.disposeBrowserContext", "params": parameters });
        // If Chromium has ended, nothing is left to close.
        let _ = self.send(&close);
    }

    fn send(&self, message: &Value) -> std::io::Result<()> {
        let mut bytes = serde_json::to_vec(message).unwrap();
        bytes.push(0);
        self.input.lock().unwrap().write_all(&bytes)
    }

    fn obituary(&self, method: &str) -> String {
        let said = fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default();
        format!(
            "Chromium ended before it answered {method}. `cargo xtask test` installs Chromium; {PROGRAM} names another one.\n{said}"
        )
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Closing comes first, so that no process still writes into the folder, which is removed afterwards.
        let _ = self.send(&json!({ "id": 0, "method": "Browser.close" }));
        let _ = self.has_ended.lock().unwrap().recv_timeout(PATIENCE);
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Calls {
    fn listen(&self, output: impl Read, ended: &Sender<()>) {
        let messages = BufReader::new(output).split(0).map_while(Result::ok);
        messages.for_each(|message| self.take(serde_json::from_slice(&message).unwrap()));
        // Waiting callers learn of it because their sender is dropped.
        self.waiting.lock().unwrap().clear();
        let _ = ended.send(());
    }

    fn take(&self, mut message: Value) {
        if let Some(id) = message["id"].as_u64() {
            let waiting = self.waiting.lock().unwrap().remove(&id);
            let answer = match message.get("error") {
                Some(error) => Err(error["message"].as_str().unwrap_or_default().to_owned()),
                None => Ok(message["result"].take()),
            };
            // A test that has failed meanwhile no longer waits.
            let _ = waiting.map(|waiting| waiting.send(answer));
            return;
        }
        let session = message["sessionId"].as_str().unwrap_or_default();
        let record = self.records.lock().unwrap().get(session).cloned();
        if let Some(record) = record {
            let method = message["method"].as_str().unwrap_or_default();
            record.lock().unwrap().add(method, &message["params"]);
        }
    }
}
