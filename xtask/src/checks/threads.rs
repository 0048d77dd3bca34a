//! How many tests run at a time.
//!
//! Most tests wait: for a program to start, for a database, for a time-out to pass. With one thread a core, which is the
//! default of libtest, two cores stand idle for half of a run.

use std::process::Command;
use std::thread;

/// How many threads a core is given while the cores are few.
const PER_CORE: usize = 3;

/// Up to this many. A test of the running program takes some 12 connections of the test server, and a few take 60, so
/// that these many never come near its 500; and each takes up to 200 MB of memory.
const MOST: usize = 8;

/// What libtest and nextest read.
const VARIABLES: [&str; 2] = ["RUST_TEST_THREADS", "NEXTEST_TEST_THREADS"];

/// Has the tests of a command run side by side, unless the environment says already how many of them.
pub(super) fn lend(tests: &mut Command) {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    for variable in VARIABLES {
        if std::env::var_os(variable).is_none() {
            tests.env(variable, on(cores).to_string());
        }
    }
}

/// Never fewer than there are cores, as without us.
fn on(cores: usize) -> usize {
    (PER_CORE * cores).min(MOST).max(cores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_cores_run_more_tests_than_they_are_and_many_cores_one_each() {
        assert_eq!(on(1), 3);
        assert_eq!(on(2), 6);
        assert_eq!(on(4), 8);
        assert_eq!(on(32), 32);
    }
}
