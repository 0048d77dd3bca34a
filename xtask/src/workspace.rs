//! The location and the metadata of this workspace, and the folder for files that xtask creates.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::command;

/// The workspace on disk.
pub(crate) struct Workspace {
    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Cargo's output folder, according to `CARGO_TARGET_DIR` and configuration files.
    pub(crate) target: PathBuf,
    /// The workspace's crates and their declared dependencies.
    pub(crate) packages: Vec<Package>,
}

/// A crate of the workspace, as `cargo metadata` reports it.
#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    /// Its features, with what each enables.
    pub(crate) features: BTreeMap<String, Vec<String>>,
}

/// A declared dependency. `name` is the crate's own name, even if the manifest renames it.
#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// The name in the manifest, if it differs.
    pub(crate) rename: Option<String>,
    /// `None` for a normal dependency, otherwise `dev` or `build`.
    pub(crate) kind: Option<String>,
    /// Set for crates of the workspace.
    pub(crate) path: Option<PathBuf>,
}

impl Dependency {
    /// The name in the manifest.
    pub(crate) fn key(&self) -> &str {
        self.rename.as_deref().unwrap_or(&self.name)
    }
}

#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    target_directory: PathBuf,
    packages: Vec<Package>,
}

impl Workspace {
    /// Reads the workspace for which this program was started.
    pub(crate) fn find() -> Result<Self> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|| OsString::from(env!("CARGO_MANIFEST_DIR")));
        Self::read(Path::new(&manifest))
    }

    /// Reads the workspace that contains `folder`.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let mut metadata = cargo();
        metadata
            .args(["metadata", "--no-deps", "--format-version=1"])
            .current_dir(folder);
        let said = command::capture(&mut metadata).context("cargo cannot read the workspace")?;
        let metadata: Metadata =
            serde_json::from_str(&said).context("the output of cargo metadata is unexpected")?;
        Ok(Self {
            root: metadata.workspace_root,
            target: metadata.target_directory,
            packages: metadata.packages,
        })
    }

    /// A path relative to the root, with `/` as the separator.
    pub(crate) fn relative(&self, path: &Path) -> String {
        let inside = path.strip_prefix(&self.root).unwrap_or(path);
        inside.to_string_lossy().replace('\\', "/")
    }

    /// A cargo command that runs in the workspace.
    pub(crate) fn cargo<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut cargo = cargo();
        cargo.args(arguments).current_dir(&self.root);
        cargo
    }

    /// The built program `name` of the workspace.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    /// `.oms`: the files that xtask creates for development. Never committed, and safe to delete while nothing runs.
    pub(crate) fn made_folder(&self) -> Result<PathBuf> {
        let folder = self.root.join(".oms");
        fs::create_dir_all(&folder).with_context(|| {
            format!("{} cannot be created: make the project's folder writable for you, or free some disk space", folder.display())
        })?;
        Ok(folder)
    }
}

/// Writes a file atomically: it exists completely or not at all.
pub(crate) fn write_whole(path: &Path, text: &str) -> Result<()> {
    let partial = path.with_added_extension("partial");
    fs::write(&partial, text)
        .and_then(|()| fs::rename(&partial, path))
        .with_context(|| {
            format!(
                "{} cannot be written: check permissions and disk space",
                path.display()
            )
        })
}

/// cargo without the variables about xtask that `cargo run` set for this program. Some build scripts depend on them
/// (ring's), so those and their dependents would be rebuilt each time a developer's own `cargo` follows one of ours.
fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    let names = env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    names.filter(|name| is_about_xtask(name)).for_each(|name| {
        cargo.env_remove(name);
    });
    cargo
}

fn is_about_xtask(variable: &str) -> bool {
    let of_the_program = [
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_MANIFEST_LINKS",
        "CARGO_PRIMARY_PACKAGE",
    ];
    variable.starts_with("CARGO_PKG_") || of_the_program.contains(&variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_variables_about_xtask_are_removed() {
        assert!(is_about_xtask("CARGO_PKG_NAME"));
        assert!(is_about_xtask("CARGO_MANIFEST_DIR"));
        assert!(!is_about_xtask("CARGO_TARGET_DIR"));
        assert!(!is_about_xtask("CARGO_PROFILE_DEV_DEBUG"));
    }
}
