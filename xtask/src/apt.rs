//! Installs packages on Debian or Ubuntu.
//!
//! Root installs them as an administrator would. Other users unpack the same packages into a folder of the project,
//! which changes nothing else on the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command;
use crate::report::Progress;

const LISTS: &str = "/var/lib/apt/lists";

/// Whether this machine has apt.
pub(crate) fn is_there() -> bool {
    Path::new("/etc/debian_version").exists()
        && command::succeeds(Command::new("apt-get").arg("--version"))
}

/// Installs packages, as root.
pub(crate) fn install(packages: &[&str], progress: &Progress) -> Result<()> {
    if !lists_are_there(Path::new(LISTS)) {
        command::follow(&mut apt_get(&["update"]), progress)?;
    }
    let first = command::follow(&mut install_command(packages), progress);
    let Err(error) = first else { return Ok(()) };
    // Old lists may name packages that no longer exist, and an interrupted dpkg must be continued. This fixes both and
    // retries once.
    if error.to_string().contains("dpkg was interrupted") {
        command::follow(Command::new("dpkg").args(["--configure", "-a"]), progress)?;
    }
    command::follow(&mut apt_get(&["update"]), progress)?;
    command::follow(&mut install_command(packages), progress).map(drop)
}

fn install_command(packages: &[&str]) -> Command {
    let mut install = apt_get(&[
        "install",
        "-y",
        "--no-install-recommends",
        "-o",
        "Dpkg::Options::=--force-confold",
    ]);
    install.args(packages);
    install
}

fn apt_get(arguments: &[&str]) -> Command {
    let mut apt = Command::new("apt-get");
    apt.args(["-o", "DPkg::Lock::Timeout=300"]).args(arguments);
    apt.env("DEBIAN_FRONTEND", "noninteractive")
        .env("LC_ALL", "C.UTF-8");
    apt
}

fn lists_are_there(folder: &Path) -> bool {
    let entries = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    entries
        .into_iter()
        .any(|entry| entry.file_name().to_string_lossy().contains("_Packages"))
}

/// A folder into which packages are being unpacked. It is moved into place once all of them are.
pub(crate) struct Unpacking<'a> {
    made_folder: &'a Path,
    folder: PathBuf,
    partial: PathBuf,
    /// Options that name our own package lists, if the machine has none.
    lists: Vec<String>,
    progress: &'a Progress,
}

impl<'a> Unpacking<'a> {
    /// Starts to unpack into a folder under `made_folder`, which will replace an earlier one.
    pub(crate) fn begin(made_folder: &'a Path, name: &str, progress: &'a Progress) -> Result<Self> {
        let partial = made_folder.join(format!("{name}.partial"));
        let _ = fs::remove_dir_all(&partial);
        fs::create_dir_all(&partial)
            .with_context(|| format!("{} cannot be created", partial.display()))?;
        let mut unpacking = Self {
            made_folder,
            folder: made_folder.join(name),
            partial,
            lists: Vec::new(),
            progress,
        };
        unpacking.lists = unpacking.private_lists()?;
        Ok(unpacking)
    }

    /// The temporary folder.
    pub(crate) fn partial(&self) -> &Path {
        &self.partial
    }

    /// The packages and all of their dependencies, except those that are installed.
    pub(crate) fn needed(&self, packages: &[&str]) -> Result<Vec<String>> {
        let mut simulation = apt_get(&[]);
        simulation
            .args(&self.lists)
            .args(["install", "--simulate", "--no-install-recommends"])
            .args(packages);
        let said = command::capture(&mut simulation)
            .context("apt-get cannot list the packages that are needed")?;
        Ok(to_be_installed(&said))
    }

    /// Downloads and unpacks exactly these packages.
    pub(crate) fn unpack(&self, packages: &[String]) -> Result<()> {
        let downloads = self.partial.join("downloads");
        fs::create_dir_all(&downloads)
            .with_context(|| format!("{} cannot be created", downloads.display()))?;
        self.progress
            .detail(&format!("downloading {} packages", packages.len()));
        let mut download = apt_get(&[]);
        download
            .args(&self.lists)
            .arg("download")
            .args(packages)
            .current_dir(&downloads);
        command::follow(&mut download, self.progress)
            .context("the packages could not be downloaded")?;
        for entry in fs::read_dir(&downloads).context("the downloads cannot be read")? {
            self.unpack_one(&entry.context("the downloads cannot be read")?.path())?;
        }
        fs::remove_dir_all(&downloads).context("the downloads cannot be removed")
    }

    fn unpack_one(&self, package: &Path) -> Result<()> {
        let name = package.file_name().unwrap_or_default();
        self.progress
            .detail(&format!("unpacking {}", name.to_string_lossy()));
        let mut dpkg = Command::new("dpkg");
        command::capture(dpkg.arg("-x").arg(package).arg(&self.partial)).map(drop)
    }

    /// Moves the folder into place.
    pub(crate) fn finish(self) -> Result<()> {
        let _ = fs::remove_dir_all(&self.folder);
        fs::rename(&self.partial, &self.folder)
            .with_context(|| format!("{} cannot be moved into place", self.folder.display()))
    }

    /// The machine's package lists if it has some, otherwise our own, because only root may update the machine's.
    fn private_lists(&self) -> Result<Vec<String>> {
        if lists_are_there(Path::new(LISTS)) {
            return Ok(Vec::new());
        }
        let folder = self.made_folder.join("apt");
        for part in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(folder.join(part))
                .with_context(|| format!("{} cannot be created", folder.display()))?;
        }
        let options = vec![
            "-o".to_owned(),
            format!("Dir::State::lists={}", folder.join("lists").display()),
            "-o".to_owned(),
            format!("Dir::Cache={}", folder.join("cache").display()),
        ];
        let mut update = apt_get(&[]);
        command::follow(update.args(&options).arg("update"), self.progress)
            .context("the package lists could not be fetched")?;
        Ok(options)
    }
}

fn to_be_installed(simulation: &str) -> Vec<String> {
    let lines = simulation
        .lines()
        .filter_map(|line| line.strip_prefix("Inst "));
    lines
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_to_install_are_read_from_a_simulation() {
        let said = "NOTE: This is only a simulation!\n\
                    Inst libgeos3.11.1 (3.11.1-1 Debian:12.0/stable [amd64])\n\
                    Inst postgresql-15-postgis-3 (3.3.2+dfsg-1+b1 Debian:12.0/stable [amd64])\n\
                    Conf libgeos3.11.1 (3.11.1-1 Debian:12.0/stable [amd64])\n";
        assert_eq!(
            to_be_installed(said),
            ["libgeos3.11.1", "postgresql-15-postgis-3"]
        );
    }
}
