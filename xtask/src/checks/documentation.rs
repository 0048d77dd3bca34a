//! The documentation of the code, as rustdoc makes it: a link to nothing is an error.

use std::process::Command;

use crate::workspace::Workspace;

/// Private items too, so that links inside the crates are looked at. With the features of the lints, whose work it uses.
pub(super) const DOC: [&str; 5] = [
    "doc",
    "--workspace",
    "--no-deps",
    "--all-features",
    "--document-private-items",
];

const FLAGS: (&str, &str) = ("RUSTDOCFLAGS", "-D warnings");

/// The command of the step.
pub(super) fn command(workspace: &Workspace) -> Command {
    let mut cargo = workspace.cargo(DOC);
    cargo.env(FLAGS.0, FLAGS.1);
    cargo
}

/// The same for a shell.
pub(super) fn as_words() -> String {
    format!("{}='{}' cargo {}", FLAGS.0, FLAGS.1, DOC.join(" "))
}
