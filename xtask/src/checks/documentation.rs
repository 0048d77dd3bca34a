//! Builds the documentation with rustdoc. A broken link is an error.

use std::process::Command;

use crate::workspace::Workspace;

/// Private items are included, so that links inside the crates are checked too. The features are those of clippy, so
/// that its output is reused.
pub(super) const DOC: [&str; 5] = [
    "doc",
    "--workspace",
    "--no-deps",
    "--all-features",
    "--document-private-items",
];

const FLAGS: (&str, &str) = ("RUSTDOCFLAGS", "-D warnings");

/// Returns the command.
pub(super) fn command(workspace: &Workspace) -> Command {
    let mut cargo = workspace.cargo(DOC);
    cargo.env(FLAGS.0, FLAGS.1);
    cargo
}

/// Returns the command as a user types it.
pub(super) fn as_words() -> String {
    format!("{}='{}' cargo {}", FLAGS.0, FLAGS.1, DOC.join(" "))
}
