//! Getting PostgreSQL with PostGIS onto a Debian or Ubuntu machine.
//!
//! Root installs it as any administrator would. Anybody else unpacks the same packages into the project's own folder,
//! which changes nothing on the machine.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use nix::unistd::Uid;

use crate::command;
use crate::report::{self, Progress};

/// A virtual package: the distribution's own PostgreSQL version with the PostGIS that fits.
const PACKAGE: &str = "postgresql-postgis";
const CREATE_CLUSTER: &str = "/etc/postgresql-common/createcluster.conf";

/// Whether this machine has apt.
pub(super) fn has_apt() -> bool {
    Path::new("/etc/debian_version").exists()
        && command::succeeds(Command::new("apt-get").arg("--version"))
}

/// Installs as root, else unpacks into the folder. Says in one sentence what it did.
pub(super) fn provide(made_folder: &Path) -> Result<()> {
    if Uid::effective().is_root() {
        return report::step("PostgreSQL and PostGIS installed with apt-get", install);
    }
    report::step(
        "PostgreSQL and PostGIS unpacked into .oms/packages",
        |progress| unpack(made_folder, progress),
    )
}

fn install(progress: &Progress) -> Result<()> {
    without_a_main_cluster()?;
    if !lists_are_there(Path::new("/var/lib/apt/lists")) {
        command::follow(&mut apt_get(&["update"]), progress)?;
    }
    let first = command::follow(&mut install_command(), progress);
    let Err(error) = first else { return Ok(()) };
    // Old lists name packages that are gone, an interrupted dpkg waits to be continued: mend both, try once more.
    if error.to_string().contains("dpkg was interrupted") {
        command::follow(Command::new("dpkg").args(["--configure", "-a"]), progress)?;
    }
    command::follow(&mut apt_get(&["update"]), progress)?;
    command::follow(&mut install_command(), progress).map(drop)
}

fn install_command() -> Command {
    apt_get(&[
        "install",
        "-y",
        "--no-install-recommends",
        "-o",
        "Dpkg::Options::=--force-confold",
        PACKAGE,
    ])
}

fn apt_get(arguments: &[&str]) -> Command {
    let mut apt = Command::new("apt-get");
    apt.args(["-o", "DPkg::Lock::Timeout=300"]).args(arguments);
    apt.env("DEBIAN_FRONTEND", "noninteractive")
        .env("LC_ALL", "C.UTF-8");
    apt
}

/// The package would make and start a server of its own on port 5432, which nobody asked for.
fn without_a_main_cluster() -> Result<()> {
    let before = match fs::read_to_string(CREATE_CLUSTER) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => {
            return Err(error).with_context(|| format!("{CREATE_CLUSTER} cannot be read"));
        }
    };
    if before
        .lines()
        .any(|line| line.trim_start().starts_with("create_main_cluster"))
    {
        return Ok(());
    }
    let after = format!(
        "{before}# Added by oms' cargo xtask: installing PostgreSQL need not start a server.\ncreate_main_cluster = false\n"
    );
    fs::create_dir_all("/etc/postgresql-common")
        .and_then(|()| fs::write(CREATE_CLUSTER, after))
        .with_context(|| format!("{CREATE_CLUSTER} cannot be written"))
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

fn unpack(made_folder: &Path, progress: &Progress) -> Result<()> {
    let partial = made_folder.join("packages.partial");
    let _ = fs::remove_dir_all(&partial);
    let downloads = partial.join("downloads");
    fs::create_dir_all(&downloads)
        .with_context(|| format!("{} cannot be made", downloads.display()))?;
    let lists = private_lists(made_folder, progress)?;
    let names = packages_to_unpack(&lists)?;
    progress.detail(&format!("downloading {} packages", names.len()));
    let mut download = apt_get(&[]);
    download
        .args(&lists)
        .arg("download")
        .args(&names)
        .current_dir(&downloads);
    command::follow(&mut download, progress).context("the packages could not be downloaded")?;
    for entry in fs::read_dir(&downloads).context("the downloads cannot be read")? {
        let package = entry.context("the downloads cannot be read")?.path();
        progress.detail(&format!(
            "unpacking {}",
            package.file_name().unwrap_or_default().to_string_lossy()
        ));
        command::capture(Command::new("dpkg").arg("-x").arg(&package).arg(&partial))?;
    }
    link_postgis(&partial)?;
    fs::remove_dir_all(&downloads).context("the downloads cannot be removed")?;
    let unpacked = made_folder.join("packages");
    let _ = fs::remove_dir_all(&unpacked);
    fs::rename(&partial, &unpacked)
        .with_context(|| format!("{} cannot be put in place", unpacked.display()))
}

/// The machine's package lists where it has some; else lists of our own, because only root may update those.
fn private_lists(made_folder: &Path, progress: &Progress) -> Result<Vec<String>> {
    if lists_are_there(Path::new("/var/lib/apt/lists")) {
        return Ok(Vec::new());
    }
    let folder = made_folder.join("apt");
    for part in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(folder.join(part))
            .with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    let options = vec![
        "-o".to_owned(),
        format!("Dir::State::lists={}", folder.join("lists").display()),
        "-o".to_owned(),
        format!("Dir::Cache={}", folder.join("cache").display()),
    ];
    let mut update = apt_get(&[]);
    command::follow(update.args(&options).arg("update"), progress)
        .context("the package lists could not be fetched")?;
    Ok(options)
}

/// All that is not installed yet, and the server itself even where it is: it looks for extensions beside itself.
fn packages_to_unpack(lists: &[String]) -> Result<Vec<String>> {
    let mut simulation = apt_get(&[]);
    simulation
        .args(lists)
        .args(["install", "--simulate", "--no-install-recommends", PACKAGE]);
    let said = command::capture(&mut simulation)
        .context("apt-get cannot tell which packages are needed")?;
    let mut names = to_be_installed(&said);
    let Some(major) = names.iter().find_map(|name| postgis_of(name)) else {
        bail!("apt-get names no PostGIS package for a PostgreSQL version");
    };
    for server in [
        format!("postgresql-{major}"),
        format!("postgresql-client-{major}"),
    ] {
        if !names.contains(&server) {
            names.push(server);
        }
    }
    Ok(names)
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

/// `15` from `postgresql-15-postgis-3`.
fn postgis_of(package: &str) -> Option<&str> {
    let (major, postgis) = package.strip_prefix("postgresql-")?.split_once('-')?;
    let version = postgis.strip_prefix("postgis-")?;
    (version.bytes().all(|byte| byte.is_ascii_digit())).then_some(major)
}

/// The link that the package makes when it is installed: `postgis.control` for `postgis-3.control`.
fn link_postgis(partial: &Path) -> Result<()> {
    let servers = fs::read_dir(partial.join("usr/share/postgresql"))
        .context("the packages hold no PostgreSQL")?;
    for server in servers.filter_map(Result::ok) {
        let extensions = server.path().join("extension");
        let link = extensions.join("postgis.control");
        if extensions.join("postgis-3.control").exists() && !link.exists() {
            symlink("postgis-3.control", &link)
                .with_context(|| format!("{} cannot be made", link.display()))?;
        }
    }
    Ok(())
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

    #[test]
    fn the_postgresql_version_is_read_from_the_name_of_its_postgis() {
        assert_eq!(postgis_of("postgresql-15-postgis-3"), Some("15"));
        assert_eq!(postgis_of("postgresql-15-postgis-3-scripts"), None);
        assert_eq!(postgis_of("postgresql-client-15"), None);
    }
}
