//! Builds the documentation with rustdoc. A broken link is an error.

use std::process::Command;

use crate::workspace::Workspace;

/// Private items are included, so that links inside the crates are checked too. The features are those of clippy, so
/// that its output is reused.
const DOC: [&str; 5] = [
    "doc",
    "--workspace",
    "--no-deps",
    "--document-private-items",
    "--features",
];

const FLAGS: (&str, &str) = ("RUSTDOCFLAGS", "-D warnings");

/// Returns the command.
pub(super) fn command(workspace: &Workspace, features: &str) -> Command {
    let mut cargo = workspace.cargo(DOC);
    cargo.arg(features);
    cargo.env(FLAGS.0, FLAGS.1);
    cargo
}

/// Returns the command as a user types it.
pub(super) fn as_words(features: &str) -> String {
    let (variable, flags) = FLAGS;
    format!("{variable}='{flags}' cargo {} {features}", DOC.join(" "))
}
