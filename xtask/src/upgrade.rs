//! `cargo xtask test upgrade`, which runs the programs of an older commit and of this one side by side on one database.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::command;
use crate::report;
use crate::workspace::Workspace;

/// Builds `oms-api` of a commit in a separate folder, and returns its path. A commit is built only once.
pub(crate) fn build(workspace: &Workspace, revision: &str) -> Result<PathBuf> {
    let mut parse = git(workspace);
    parse.args(["rev-parse", "--verify", &format!("{revision}^{{commit}}")]);
    let commit = command::capture(&mut parse)
        .with_context(|| format!("{revision} is not a commit of this repository"))?;
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

/// Replaces the folder's content with the files of a commit. Their modification time is now, not the time of the
/// commit: otherwise cargo would consider the build of a newer commit up to date.
fn check_out(workspace: &Workspace, commit: &str, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("{} can't be removed", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("{} can't be created", folder.display()))?;
    let mut archive = git(workspace)
        .args(["archive", commit])
        .stdout(Stdio::piped())
        .spawn()
        .context("can't start git")?;
    let files = archive.stdout.take().context("git has no output")?;
    let mut tar = Command::new("tar");
    tar.args(["-x", "-m", "-C"]).arg(folder).stdin(files);
    command::show(&mut tar).context("can't unpack the files of the commit")?;
    archive.wait().context("waiting for git").map(drop)
}

fn git(workspace: &Workspace) -> Command {
    let mut git = Command::new("git");
    git.current_dir(&workspace.root);
    git
}
