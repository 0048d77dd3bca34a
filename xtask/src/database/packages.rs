//! PostgreSQL with PostGIS from the packages of Debian or Ubuntu.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::unistd::Uid;

use crate::apt::{self, Unpacking};
use crate::report::{self, Progress};

/// A virtual package: the distribution's own PostgreSQL version with the matching PostGIS.
const PACKAGE: &str = "postgresql-postgis";
const CREATE_CLUSTER: &str = "/etc/postgresql-common/createcluster.conf";

/// Installs the packages as root, otherwise unpacks them into the folder, and reports which.
pub(super) fn provide(made_folder: &Path) -> Result<()> {
    if Uid::effective().is_root() {
        return report::step(
            "PostgreSQL and PostGIS installed with apt-get",
            |progress| {
                without_a_main_cluster()?;
                apt::install(&[PACKAGE], progress)
            },
        );
    }
    report::step(
        "PostgreSQL and PostGIS unpacked into .oms/packages",
        |progress| unpack(made_folder, progress),
    )
}

/// Prevents the package from creating and starting its own server on port 5432, which nobody needs.
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

fn unpack(made_folder: &Path, progress: &Progress) -> Result<()> {
    let unpacking = Unpacking::begin(made_folder, "packages", progress)?;
    let needed = with_the_server(unpacking.needed(&[PACKAGE])?)?;
    unpacking.unpack(&needed)?;
    link_postgis(unpacking.partial())?;
    unpacking.finish()
}

/// Adds the server even if it is installed, because it looks for extensions beside its own files.
fn with_the_server(mut names: Vec<String>) -> Result<Vec<String>> {
    let Some(major) = names.iter().find_map(|name| postgis_of(name)) else {
        bail!("apt-get lists no PostGIS package for any PostgreSQL version");
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

/// Extracts `15` from `postgresql-15-postgis-3`.
fn postgis_of(package: &str) -> Option<&str> {
    let (major, postgis) = package.strip_prefix("postgresql-")?.split_once('-')?;
    let version = postgis.strip_prefix("postgis-")?;
    (version.bytes().all(|byte| byte.is_ascii_digit())).then_some(major)
}

/// Creates the link that the package's installation would create: `postgis.control` to `postgis-3.control`.
fn link_postgis(partial: &Path) -> Result<()> {
    let servers = fs::read_dir(partial.join("usr/share/postgresql"))
        .context("the packages contain no PostgreSQL")?;
    for server in servers.filter_map(Result::ok) {
        let extensions = server.path().join("extension");
        let link = extensions.join("postgis.control");
        if extensions.join("postgis-3.control").exists() && !link.exists() {
            symlink("postgis-3.control", &link)
                .with_context(|| format!("{} cannot be created", link.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_postgresql_version_is_read_from_the_name_of_the_postgis_package() {
        assert_eq!(postgis_of("postgresql-15-postgis-3"), Some("15"));
        assert_eq!(postgis_of("postgresql-15-postgis-3-scripts"), None);
        assert_eq!(postgis_of("postgresql-client-15"), None);
    }

    #[test]
    fn the_server_is_unpacked_with_its_extensions_even_if_it_is_installed() {
        let needed = with_the_server(vec!["postgresql-15-postgis-3".to_owned()]).unwrap();
        assert_eq!(
            needed[1..],
            [
                "postgresql-15".to_owned(),
                "postgresql-client-15".to_owned()
            ]
        );
        assert!(with_the_server(vec!["libgeos3.11.1".to_owned()]).is_err());
    }
}
