//! Tests of starting the logs, in a separate process, because a process has only one subscriber.

use oms_monitoring::logs::{self, LogFormat};

#[test]
fn starting_twice_does_not_panic() {
    logs::init(LogFormat::Json, "off", None);
    logs::init(LogFormat::Pretty, "info", None);
}
