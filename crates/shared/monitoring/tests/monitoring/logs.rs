//! Starting the logs, in a process of its own: there is one subscriber per process.

use oms_monitoring::logs::{self, LogFormat};

#[test]
fn starting_twice_does_not_panic() {
    logs::init(LogFormat::Json, "off", None);
    logs::init(LogFormat::Pretty, "info", None);
}
