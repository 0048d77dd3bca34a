//! The number of tests that run concurrently.
//!
//! Most tests wait for a program to start, for the database or for a time-out. With libtest's default of one thread per
//! core, the cores would be idle for half of the run.

use std::process::Command;
use std::thread;

/// Threads per core, on machines with few cores.
const PER_CORE: usize = 3;

/// Upper limit of that. A test of the running program uses about 12 connections of the test server, which has 500; a
/// few tests use 60. Each test uses up to 200 MB of memory.
const MOST: usize = 8;

/// The variables of libtest and nextest.
const VARIABLES: [&str; 2] = ["RUST_TEST_THREADS", "NEXTEST_TEST_THREADS"];

/// Sets the number of test threads of a command, unless the environment has set it.
pub(super) fn lend(tests: &mut Command) {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    for variable in VARIABLES {
        if std::env::var_os(variable).is_none() {
            tests.env(variable, on(cores).to_string());
        }
    }
}

/// The number of threads, at least one per core as by default.
fn on(cores: usize) -> usize {
    (PER_CORE * cores).min(MOST).max(cores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_cores_run_several_tests_each_and_many_cores_run_one_each() {
        assert_eq!(on(1), 3);
        assert_eq!(on(2), 6);
        assert_eq!(on(4), 8);
        assert_eq!(on(32), 32);
    }
}
