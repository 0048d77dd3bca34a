//! `cargo xtask test upgrade`: the program of an older commit and that of this one, side by side on one database.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::command;
use crate::report;
use crate::workspace::Workspace;

/// Builds `oms-api` of a commit, in a folder of its own, and returns where it is. A commit that was built before is not built
/// again.
pub(crate) fn build(workspace: &Workspace, revision: &str) -> Result<PathBuf> {
    let mut parse = git(workspace);
    parse.args(["rev-parse", "--verify", &format!("{revision}^{{commit}}")]);
    let commit = command::capture(&mut parse)
        .with_context(|| format!("{revision} is no commit of this repository"))?;
    let commit = commit.trim();
    let folder = workspace.target.join("upgrade");
    let built = folder.join(format!("oms-api-{commit}"));
    if built.exists() {
        return Ok(built);
    }
    let source = folder.join("source");
    report::step(&format!("source of {revision}"), |_| {
        check_out(workspace, commit, &source)
    })?;
    let target = folder.join("target");
    report::loud_step(&format!("oms-api of {revision}"), || {
        let mut cargo = workspace.cargo(["build", "--locked", "--workspace", "--bin", "oms-api"]);
        cargo.current_dir(&source).env("CARGO_TARGET_DIR", &target);
        command::show(&mut cargo)
    })?;
    let program = target.join("debug/oms-api");
    fs::copy(&program, &built).with_context(|| format!("{} can't be copied", program.display()))?;
    Ok(built)
}

/// The files of a commit, and nothing else. They are as new as they are here, not as in the commit: cargo would take what it
/// built of a newer commit for up to date.
fn check_out(workspace: &Workspace, commit: &str, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("{} can't be removed", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("{} can't be made", folder.display()))?;
    let mut archive = git(workspace)
        .args(["archive", commit])
        .stdout(Stdio::piped())
        .spawn()
        .context("git can't be started")?;
    let files = archive.stdout.take().context("git has no output")?;
    let mut tar = Command::new("tar");
    tar.args(["-x", "-m", "-C"]).arg(folder).stdin(files);
    command::show(&mut tar).context("the files of the commit can't be unpacked")?;
    archive.wait().context("waiting for git").map(drop)
}

fn git(workspace: &Workspace) -> Command {
    let mut git = Command::new("git");
    git.current_dir(&workspace.root);
    git
}
