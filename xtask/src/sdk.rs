//! The client in TypeScript: its packages, the files that are generated for it, and its checks.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::command;
use crate::programs::Programs;
use crate::report;
use crate::workspace::Workspace;

/// Where the packages are recorded that are installed.
const INSTALLED: &str = "node_modules/.package-lock.json";

/// Compares the generated files with the document of the API, checks the types, runs the tests, and builds the package.
pub(crate) fn verify(workspace: &Workspace, programs: &Programs) -> Result<()> {
    let npm = |words: &[&str]| {
        let mut npm = npm(workspace, words);
        programs.lend(&mut npm);
        command::show(&mut npm)
    };
    install(workspace, npm)?;
    npm(&["run", "verify"])
}

/// Writes the generated files, if npm is there. Otherwise says so.
pub(crate) fn generate(workspace: &Workspace) -> Result<()> {
    if !command::succeeds(Command::new("npm").arg("--version")) {
        report::line("npm is missing: the files of sdk/typescript were not written");
        return Ok(());
    }
    let npm = |words: &[&str]| command::show(&mut npm(workspace, words));
    install(workspace, npm)?;
    npm(&["run", "generate"])
}

/// Installs the packages, unless they are those of the lock file.
fn install(workspace: &Workspace, npm: impl Fn(&[&str]) -> Result<()>) -> Result<()> {
    let modified =
        |name| fs::metadata(folder(workspace).join(name)).and_then(|metadata| metadata.modified());
    match (modified(INSTALLED), modified("package-lock.json")) {
        (Ok(installed), Ok(locked)) if installed >= locked => Ok(()),
        _ => npm(&["ci", "--no-audit", "--no-fund"]),
    }
}

fn npm(workspace: &Workspace, words: &[&str]) -> Command {
    let mut npm = Command::new("npm");
    npm.args(words).current_dir(folder(workspace));
    npm
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root.join("sdk/typescript")
}
