#![doc = include_str!("../README.md")]

/// Marks a place. It has no effect unless `FAILPOINTS` configures an action.
#[cfg(feature = "failpoints")]
pub fn reached(name: &'static str) {
    fail::fail_point!(name, |_| kill());
}

/// Marks a place. It has no effect in this build.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub const fn reached(_name: &'static str) {}

/// Reads `FAILPOINTS` for the lifetime of the process. Must be called once, at the start.
///
/// # Panics
/// If an action is malformed.
#[cfg(feature = "failpoints")]
pub fn configure() {
    // Dropping the scenario would disable all failpoints.
    std::mem::forget(fail::FailScenario::setup());
}

/// Does nothing in this build.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub const fn configure() {}

#[cfg(feature = "failpoints")]
fn kill() {
    use nix::sys::signal::{Signal, raise};

    raise(Signal::SIGKILL).expect("a process may kill itself");
}
