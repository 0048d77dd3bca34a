//! Failpoints, with which a test can kill the program, are only in builds for tests.

use anyhow::{Result, bail};

use crate::command;
use crate::workspace::Workspace;

/// The feature that enables failpoints.
pub(super) const FEATURE: &str = "oms-api/failpoints";

/// Lists the crates in the programs of a plain build, one per line.
pub(super) const TREE: [&str; 6] = [
    "tree",
    "--workspace",
    "--edges",
    "no-dev",
    "--prefix",
    "none",
];

/// The crate that reads `FAILPOINTS`.
const CRATE: &str = "fail";

/// Checks that a plain build of the workspace does not contain that crate.
pub(super) fn check_plain_build(workspace: &Workspace) -> Result<()> {
    let tree = command::capture(&mut workspace.cargo(TREE))?;
    if contains(&tree, CRATE) {
        bail!(
            "{CRATE} is in a build without {FEATURE}: a default feature, or a dependency that is not optional, includes it"
        );
    }
    Ok(())
}

fn contains(tree: &str, name: &str) -> bool {
    tree.lines()
        .any(|line| line.split(' ').next() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_found_by_its_whole_name() {
        let tree = "oms-failpoints v0.1.0 (/oms)\nfailsafe v1.3.0\nfail v0.5.1 (*)\n";
        assert!(contains(tree, "fail"));
        assert!(contains(tree, "failsafe"));
        let plain = tree.replace("fail v0.5.1 (*)\n", "");
        assert!(!contains(&plain, "fail"));
    }
}
