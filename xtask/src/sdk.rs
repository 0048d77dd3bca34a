//! The client in TypeScript: its packages, the files that are generated for it, and its checks.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command;
use crate::programs::Programs;
use crate::report;
use crate::workspace::Workspace;

/// Where the packages are recorded that are installed.
const INSTALLED: &str = "node_modules/.package-lock.json";

/// The folder of the programs that the tests start.
const PROGRAMS_VARIABLE: &str = "OMS_TEST_PROGRAMS";

/// Installs the packages of the client, which the browser tests of the console use too.
pub(crate) fn install_packages(workspace: &Workspace, programs: &Programs) -> Result<()> {
    install(workspace, |words| {
        let mut npm = npm(workspace, words);
        programs.lend(&mut npm);
        command::show(&mut npm)
    })
}

/// Compares the generated files with the document of the API, checks the types, builds the package, and runs the tests.
/// Some of them start the programs that are built, on databases of the server, which is a variable and a URL.
pub(crate) fn verify(
    workspace: &Workspace,
    programs: &Programs,
    server: (&str, &str),
) -> Result<()> {
    let built = workspace.program("oms-api");
    let built = built.parent().unwrap_or(&workspace.root);
    let npm = |words: &[&str]| {
        let mut npm = npm(workspace, words);
        programs.lend(&mut npm);
        npm.env(server.0, server.1).env(PROGRAMS_VARIABLE, built);
        command::show(&mut npm)
    };
    install(workspace, npm)?;
    npm(&["run", "verify"])?;
    npm(&["run", "test:server"])
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

/// The variable with the port of the storefront.
pub(crate) const STOREFRONT_PORT: &str = "STOREFRONT_PORT";

/// Builds the package, and returns the command that starts the example storefront with it.
pub(crate) fn storefront(workspace: &Workspace) -> Result<Command> {
    let npm = |words: &[&str]| command::show(&mut npm(workspace, words));
    install(workspace, npm)
        .and_then(|()| npm(&["run", "--silent", "build"]))
        .context("the storefront needs npm (Debian, Ubuntu: apt-get install npm)")?;
    let mut node = Command::new(folder(workspace).join("node_modules/.bin/node"));
    node.arg("examples/storefront/server.ts")
        .current_dir(folder(workspace));
    Ok(node)
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
