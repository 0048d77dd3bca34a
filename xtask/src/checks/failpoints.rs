//! The places where a test can kill the program: in the build of the tests, and in no other.

use anyhow::{Result, bail};

use crate::command;
use crate::workspace::Workspace;

/// What switches them on.
pub(super) const FEATURE: &str = "oms-api/failpoints";

/// Lists what is in the programs of a plain build, a crate on each line.
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

/// Checks that a plain build of the workspace has nothing of it.
pub(super) fn check_plain_build(workspace: &Workspace) -> Result<()> {
    let tree = command::capture(&mut workspace.cargo(TREE))?;
    if contains(&tree, CRATE) {
        bail!(
            "{CRATE} is in a build without {FEATURE}: a feature that is on by default, or an edge that is not optional, brings it in"
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
