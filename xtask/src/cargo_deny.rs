//! cargo-deny, which enforces the dependency table between crates. It is installed if it is missing.

use std::process::{Child, Command};

use anyhow::{Context, Result, bail};

use crate::command;
use crate::report;
use crate::workspace::Workspace;

/// The version that `deny.toml` was written for.
const VERSION: &str = "0.20.2";

/// The arguments that check `deny.toml`. Advisories are not included: they need a database from the network, and change
/// independently of the code. See [`check_advisories`]. Warnings, such as two versions of one library, appear only in a
/// manual `cargo deny check`.
pub(crate) const CHECK: [&str; 10] = [
    "deny",
    "--offline",
    "--log-level",
    "error",
    "check",
    "-D",
    "unused-wrapper",
    "bans",
    "licenses",
    "sources",
];

/// The arguments that check advisories.
fn advisories(network: Network) -> Vec<&'static str> {
    let offline = match network {
        Network::Used => None,
        Network::Unused => Some("--offline"),
    };
    let words = ["deny"].into_iter().chain(offline);
    words.chain(["check", "advisories"]).collect()
}

/// Whether the network may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    Used,
    /// Only the advisories that were fetched before are used.
    Unused,
}

/// Compares the dependencies with the RustSec advisory database.
pub(crate) fn check_advisories(workspace: &Workspace, network: Network) -> Result<()> {
    ensure(workspace)?;
    report::loud_step("security advisories", || {
        command::show(&mut workspace.cargo(advisories(network)))
    })
    .context("docs/operating/advisories.md says what to do")
}

/// Installs cargo-deny unless this version or a later patch of it is installed.
fn ensure(workspace: &Workspace) -> Result<()> {
    match Installation::start(workspace)? {
        Some(installation) => installation.finish(),
        None => Ok(()),
    }
}

/// cargo-deny while it is being built and installed. Dropping it stops it.
pub(crate) struct Installation(Child);

impl Installation {
    /// Starts it unless this version or a later patch of it is installed.
    pub(crate) fn start(workspace: &Workspace) -> Result<Option<Self>> {
        if is_installed(workspace) {
            return Ok(None);
        }
        let package = format!("cargo-deny@{VERSION}");
        let mut install = workspace.cargo(["install", "--quiet", "--locked", "--debug", &package]);
        // Without optimisation and debug information it builds in half the time, and is fast enough.
        install
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_INCREMENTAL", "0");
        let child = install.spawn();
        let child = child.map_err(|error| command::not_started(&install, error))?;
        report::line(&format!("· cargo-deny {VERSION} is being installed"));
        Ok(Some(Self(child)))
    }

    /// Waits until it is installed.
    pub(crate) fn finish(mut self) -> Result<()> {
        report::loud_step(&format!("cargo-deny {VERSION} installed"), || {
            let status = self.0.wait()?;
            if !status.success() {
                bail!(
                    "it could not be installed ({}): try cargo install --locked cargo-deny@{VERSION}",
                    command::describe(status)
                );
            }
            Ok(())
        })
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        // If it has ended, there is nothing to stop. Compilers that it has started end by themselves.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_installed(workspace: &Workspace) -> bool {
    let mut version: Command = workspace.cargo(["deny", "--version"]);
    command::capture(&mut version).is_ok_and(|said| is_recent(&said))
}

/// Whether the output of `--version`, such as `cargo-deny 0.20.2`, is recent enough.
fn is_recent(said: &str) -> bool {
    let numbers = |text: &str| -> Vec<u32> {
        text.split('.')
            .filter_map(|part| part.parse().ok())
            .collect()
    };
    let version = said
        .split_whitespace()
        .nth(1)
        .map(numbers)
        .unwrap_or_default();
    let wanted = numbers(VERSION);
    version.get(..2) == wanted.get(..2) && version >= wanted
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use serde::Deserialize;

    use super::*;

    /// A ban of `deny.toml`: only the wrappers may depend on the crate.
    #[derive(Deserialize)]
    struct Ban {
        #[serde(rename = "crate")]
        name: String,
        #[serde(default)]
        wrappers: BTreeSet<String>,
    }

    /// The bans in the text of a `deny.toml`.
    fn bans(text: &str) -> Vec<Ban> {
        #[derive(Deserialize)]
        struct File {
            bans: Bans,
        }
        #[derive(Deserialize)]
        struct Bans {
            deny: Vec<Ban>,
        }
        let file: File = toml::from_str(text).unwrap();
        file.bans.deny
    }

    #[test]
    fn advisories_are_fetched_unless_the_network_is_unused() {
        assert_eq!(advisories(Network::Used), ["deny", "check", "advisories"]);
        let offline = ["deny", "--offline", "check", "advisories"];
        assert_eq!(advisories(Network::Unused), offline);
        assert!(!CHECK.contains(&"advisories"));
    }

    const TESTING: &str = "oms-testing";

    #[test]
    fn only_the_series_that_the_rules_were_written_for_is_accepted() {
        assert!(is_recent("cargo-deny 0.20.2\n"));
        assert!(is_recent("cargo-deny 0.20.10"));
        assert!(!is_recent("cargo-deny 0.20.1"));
        assert!(!is_recent("cargo-deny 0.19.9"));
        assert!(!is_recent("cargo-deny 0.21.0"));
        assert!(!is_recent(""));
    }

    /// Writes empty crates with the names and exactly the edges that our `deny.toml` allows, including libraries.
    fn write_workspace(folder: &Path) {
        let deny = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("deny.toml");
        let text = fs::read_to_string(deny).unwrap();
        fs::write(folder.join("deny.toml"), &text).unwrap();
        let bans = bans(&text);
        let users = bans.iter().flat_map(|ban| &ban.wrappers);
        let names: BTreeSet<&str> = users
            .map(String::as_str)
            .chain(bans.iter().map(|ban| ban.name.as_str()))
            .collect();
        for name in &names {
            let package = format!(
                "[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\npublish = false\n"
            );
            fs::create_dir_all(folder.join(name).join("src")).unwrap();
            fs::write(folder.join(name).join("src/lib.rs"), "").unwrap();
            fs::write(folder.join(name).join("Cargo.toml"), package).unwrap();
        }
        for ban in &bans {
            let kind = if ban.name == TESTING {
                "dev-dependencies"
            } else {
                "dependencies"
            };
            ban.wrappers
                .iter()
                .for_each(|user| add_edge(folder, user, kind, &ban.name, ""));
        }
        let members: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        let manifest = format!(
            "[workspace]\nresolver = \"3\"\nmembers = [{}]\n",
            members.join(", ")
        );
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    }

    fn add_edge(folder: &Path, user: &str, kind: &str, used: &str, more: &str) {
        let path = folder.join(user).join("Cargo.toml");
        let before = fs::read_to_string(&path).unwrap();
        fs::write(
            path,
            format!("{before}\n[{kind}.{used}]\npath = \"../{used}\"\n{more}"),
        )
        .unwrap();
    }

    /// Whether cargo-deny accepts the edges of the crates, and its output.
    fn check_bans(folder: &Path) -> (bool, String) {
        let mut cargo = Command::new("cargo");
        cargo.args(
            CHECK
                .into_iter()
                .filter(|argument| !["licenses", "sources"].contains(argument)),
        );
        let output = cargo.current_dir(folder).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_missing = said.contains("no such command");
        assert!(
            !is_missing,
            "cargo-deny is not installed: cargo xtask test installs it, or cargo install --locked cargo-deny@{VERSION}"
        );
        (output.status.success(), said)
    }

    #[test]
    fn the_edges_of_deny_toml_pass() {
        let folder = tempfile::tempdir().unwrap();
        write_workspace(folder.path());
        let (accepted, said) = check_bans(folder.path());
        assert!(accepted, "{said}");
    }

    #[test]
    fn an_edge_outside_deny_toml_is_refused_in_every_kind_of_dependency() {
        for (kind, more) in [
            ("dependencies", ""),
            ("dependencies", "optional = true\n"),
            ("dev-dependencies", ""),
            ("build-dependencies", ""),
            ("target.'cfg(windows)'.dependencies", ""),
        ] {
            let folder = tempfile::tempdir().unwrap();
            write_workspace(folder.path());
            add_edge(folder.path(), "oms-inventory", kind, "oms-payments", more);
            let (accepted, said) = check_bans(folder.path());
            assert!(!accepted, "{kind} {more} was accepted");
            assert!(
                said.contains("oms-payments") && said.contains("oms-inventory"),
                "{said}"
            );
        }
    }

    #[test]
    fn an_edge_that_no_longer_exists_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        write_workspace(folder.path());
        let manifest = folder.path().join("oms-orders/Cargo.toml");
        let without = fs::read_to_string(&manifest).unwrap().replace(
            "[dependencies.oms-payments]\npath = \"../oms-payments\"\n",
            "",
        );
        fs::write(&manifest, without).unwrap();
        let (accepted, said) = check_bans(folder.path());
        assert!(!accepted && said.contains("unused-wrapper"), "{said}");
    }
}
