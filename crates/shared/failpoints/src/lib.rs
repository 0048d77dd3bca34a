#![doc = include_str!("../README.md")]

/// Marks a place. Nothing happens there, unless `FAILPOINTS` says so.
#[cfg(feature = "failpoints")]
pub fn reached(name: &'static str) {
    fail::fail_point!(name, |_| kill());
}

/// Marks a place. In this build nothing happens there.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub const fn reached(_name: &'static str) {}

/// Reads `FAILPOINTS`, for as long as the process lives. To be called once, at its start.
///
/// # Panics
/// When an action is not written as it should be.
#[cfg(feature = "failpoints")]
pub fn configure() {
    // Dropping it would switch everything off.
    std::mem::forget(fail::FailScenario::setup());
}

/// In this build there is nothing to configure.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub const fn configure() {}

#[cfg(feature = "failpoints")]
fn kill() {
    use nix::sys::signal::{Signal, raise};

    raise(Signal::SIGKILL).expect("a process may kill itself");
}
