//! A running `oms-api`.

use std::process::Command;

use serde_json::Value;

use crate::process::{Process, program};

/// The key that the API and the sandbox share.
pub const SECRET_KEY: &str = "sk_test_hushHushKey";

/// Quiet and small: the sweeper looks once, before any order exists, and nothing is due for an hour. Gateway events are
/// applied only by the process that receives them.
///
/// No time-out of these settings expires on a slow machine unless the test wants that. A test about a time-out sets its
/// own.
const SETTINGS: [(&str, &str); 23] = [
    ("OMS_PORT", "0"),
    ("OMS_METRICS_PORT", "0"),
    ("OMS_LOG_FORMAT", "json"),
    ("OMS_DATABASE_MAX_CONNECTIONS", "8"),
    ("OMS_STRIPE_SECRET_KEY", SECRET_KEY),
    ("OMS_DATABASE_ACQUIRE_TIMEOUT_MS", "120000"),
    ("OMS_DATABASE_LOCK_TIMEOUT_MS", "120000"),
    ("OMS_DATABASE_STATEMENT_TIMEOUT_MS", "240000"),
    ("OMS_DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS", "240000"),
    ("OMS_DATABASE_PING_TIMEOUT_MS", "120000"),
    ("OMS_INTAKE_TIMEOUT_MS", "120000"),
    ("OMS_INTAKE_OVERDUE_MS", "120000"),
    ("OMS_STRIPE_CONNECT_TIMEOUT_MS", "60000"),
    ("OMS_STRIPE_TIMEOUT_MS", "60000"),
    ("OMS_HEAD_TIMEOUT_MS", "60000"),
    ("OMS_BODY_TIMEOUT_MS", "60000"),
    ("OMS_SHUTDOWN_TIMEOUT_MS", "120000"),
    ("OMS_SWEEP_INTERVAL_MS", "3600000"),
    ("OMS_SWEEP_AFTER_MS", "3600000"),
    ("OMS_GATEWAY_EVENTS_INTERVAL_MS", "3600000"),
    ("OMS_EVENTS_INTERVAL_MS", "3600000"),
    ("OMS_FULFILMENT_INTERVAL_MS", "3600000"),
    ("OMS_RECONCILE_INTERVAL_MS", "0"),
];

/// Lets the sweeper look often, but not so often that looking is most of what the processor does. The test decides what
/// is due.
pub const SWEEPING: (&str, &str) = ("OMS_SWEEP_INTERVAL_MS", "100");

/// Lets the worker for gateway events look often. The test decides what is due.
pub const APPLYING: (&str, &str) = ("OMS_GATEWAY_EVENTS_INTERVAL_MS", "100");

/// The variable that makes the API act at its failpoints.
pub const FAILPOINTS: &str = "FAILPOINTS";

/// The value that makes the API kill itself, like `kill -9`, when it first reaches a failpoint.
pub fn dies_at(place: &str) -> String {
    format!("{place}=return")
}

/// Environment variables of the program.
pub type Settings<'a> = &'a [(&'a str, &'a str)];

/// A running `oms-api`.
pub struct Api {
    pub process: Process,
    pub url: String,
    pub metrics_url: String,
}

/// The program with the settings of most tests. `settings` override them.
pub fn command(database_url: &str, gateway_url: &str, settings: Settings<'_>) -> Command {
    let has_failpoints = cfg!(feature = "failpoints");
    let wants_failpoints = settings.iter().any(|(name, _)| *name == FAILPOINTS);
    assert!(
        has_failpoints || !wants_failpoints,
        "this oms-api has no failpoints: build it and the tests with `--features oms-api/failpoints`"
    );
    let mut command = program("oms-api");
    command
        .env("DATABASE_URL", database_url)
        .env("OMS_STRIPE_API_URL", gateway_url)
        .envs(SETTINGS)
        .envs(settings.iter().copied());
    command
}

impl Api {
    /// Starts the API and waits until it listens.
    pub async fn start(command: Command) -> Self {
        let mut process = Process::start(command);
        let url = listening(&mut process, "API").await;
        let metrics_url = listening(&mut process, "metrics").await;
        Self {
            process,
            url,
            metrics_url,
        }
    }

    /// The lines of the log so far.
    pub fn log(&self) -> Vec<Value> {
        parse(&self.process.lines())
    }

    /// Waits for a log line with this message.
    pub async fn logged(&mut self, message: &str) -> Value {
        let is_it = |line: &str| parse_line(line).filter(|line| line["message"] == message);
        let what = format!("the API logs {message:?}");
        self.process.said(&what, is_it).await
    }
}

async fn listening(process: &mut Process, server: &str) -> String {
    let address = |line: &str| {
        let line = parse_line(line)?;
        let is_it = line["message"] == "listening" && line["server"] == server;
        let address = line["address"].as_str()?;
        is_it.then(|| format!("http://{address}"))
    };
    let what = format!("the {server} server listens");
    process.said(&what, address).await
}

fn parse_line(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok()
}

/// Parses the lines of a log, all of which must be JSON.
pub fn parse(lines: &[String]) -> Vec<Value> {
    let parsed = lines.iter().map(|line| serde_json::from_str(line));
    parsed.map(Result::unwrap).collect()
}
