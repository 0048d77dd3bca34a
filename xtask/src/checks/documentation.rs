//! Builds the documentation with rustdoc. A broken link is an error.

use std::path::Path;
use std::process::Command;

use crate::workspace::Workspace;

/// Private items are included, so that links inside the crates are checked too.
const DOC: [&str; 8] = [
    "doc",
    "--workspace",
    "--lib",
    "--bins",
    // There are none. With them, cargo gives libraries the features that tests need, as it does for clippy.
    "--examples",
    "--no-deps",
    "--document-private-items",
    "--features",
];

const FLAGS: (&str, &str) = ("RUSTDOCFLAGS", "-D warnings");

/// How `cargo clippy` passes `-D warnings` on.
const CLIPPY_ARGUMENTS: &str = "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__";

/// Returns the command. It reuses what `cargo clippy` has compiled: for that, the features, the compiler and the
/// compiler's arguments are the same.
pub(super) fn command(workspace: &Workspace, features: &str) -> Command {
    let mut cargo = workspace.cargo(DOC);
    cargo.arg(features);
    cargo.env(FLAGS.0, FLAGS.1);
    let clippy = Path::new(cargo.get_program()).with_file_name("clippy-driver");
    if clippy.is_file() {
        cargo.env("RUSTC_WORKSPACE_WRAPPER", clippy);
        cargo.env("CLIPPY_ARGS", CLIPPY_ARGUMENTS);
    }
    cargo
}

/// Returns the command as a user types it.
pub(super) fn as_words(features: &str) -> String {
    let (variable, flags) = FLAGS;
    format!("{variable}='{flags}' cargo {} {features}", DOC.join(" "))
}
