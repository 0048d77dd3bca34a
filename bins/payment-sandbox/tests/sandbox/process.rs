//! The process: what survives it, how it stops, and what it reports when it can't start.

use std::net::TcpListener;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::sandbox::{Sandbox, output};

const PAY: &[(&str, &str)] = &[
    ("amount", "1200"),
    ("currency", "eur"),
    ("metadata[order_id]", "o1"),
    ("payment_method", "pm_card_visa"),
    ("confirm", "true"),
];

#[tokio::test]
async fn a_killed_process_keeps_payments_refunds_and_keys() {
    let mut sandbox = Sandbox::start();
    let paid = sandbox.post_keyed("k", "/v1/payment_intents", PAY).await;
    let refund = sandbox
        .post(
            "/v1/refunds",
            &[("payment_intent", paid.id()), ("amount", "1")],
        )
        .await;
    let journal = std::fs::read(sandbox.state_file()).unwrap();
    sandbox.kill_and_restart();

    let replay = sandbox.post_keyed("k", "/v1/payment_intents", PAY).await;
    assert_eq!((replay.replayed, &replay.text), (true, &paid.text));
    assert_eq!(
        sandbox
            .get(&format!("/v1/refunds/{}", refund.id()))
            .await
            .body,
        refund.body
    );
    assert_eq!(sandbox.order("o1").await["refundedMinor"], 1);

    // Killed in the middle of a write: the change being written was never answered.
    let mut torn = std::fs::read(sandbox.state_file()).unwrap();
    torn.extend_from_slice(&journal[..journal.len() / 3]);
    torn.truncate(torn.iter().rposition(|byte| *byte == b'\n').unwrap() + 20);
    std::fs::write(sandbox.state_file(), torn).unwrap();
    sandbox.kill_and_restart();
    assert_eq!(sandbox.order("o1").await["capturedMinor"], 1200);
    assert_eq!(sandbox.intent(&[]).await.status, 200);
    sandbox.kill_and_restart();
    assert_eq!(
        sandbox.order("o1").await["intents"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn sigterm_ends_it_even_while_calls_wait() {
    let mut sandbox = Sandbox::start();
    sandbox
        .fault(r#""operation":"create","action":{"type":"no_answer_before"}"#)
        .await;
    let waiting = sandbox.post_request("/v1/payment_intents", PAY).send();
    let terminate = async {
        sandbox.arrived("create", 1).await;
        let pid = Pid::from_raw(i32::try_from(sandbox.pid()).unwrap());
        kill(pid, Signal::SIGTERM).unwrap();
    };
    let (waiting, ()) = tokio::join!(waiting, terminate);
    assert!(waiting.is_err());
    assert_eq!(sandbox.wait().code(), Some(0));
}

#[tokio::test]
async fn it_reports_in_one_line_why_it_cannot_start() {
    let sandbox = Sandbox::start();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let free = folder.path().join("journal");
    let (free, used) = (free.to_str().unwrap(), sandbox.state_file());
    let cases: [(&[&str], &str); 4] = [
        (&["--port", &port, "--state-file", free], "cannot listen on"),
        (
            &["--port", "0", "--state-file", "/proc/nowhere/journal"],
            "state file /proc/nowhere/journal",
        ),
        (
            &["--port", "0", "--state-file", used.to_str().unwrap()],
            "in use by another",
        ),
        (
            &["--port", "0", "--host", "0.0.0.0", "--state-file", free],
            "refusing to listen on 0.0.0.0",
        ),
    ];
    for (arguments, reason) in cases {
        let output = output(arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(
            message.contains(reason) && message.lines().count() == 1,
            "{message}"
        );
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test]
async fn the_help_says_that_it_is_a_development_tool() {
    let help = String::from_utf8(output(&["--help"]).stdout).unwrap();
    assert!(help.contains("development tool") && help.contains("never be exposed"));
    let sandbox = Sandbox::start();
    assert_eq!(
        sandbox.get("/_sandbox/health").await.body,
        json!({ "status": "ok" })
    );
}
