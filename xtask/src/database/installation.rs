//! Finds a PostgreSQL server with PostGIS on this machine.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::provision::{EXTENSIONS, SUPERUSER_PASSWORD};
use crate::command;

/// Variables that would make psql or the server use other locations than their arguments name.
const MISLEADING: [&str; 12] = [
    "PGDATA",
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGDATABASE",
    "PGUSER",
    "PGPASSFILE",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGOPTIONS",
    "PGSSLMODE",
    "PGCLIENTENCODING",
];

/// The programs of one PostgreSQL version.
#[derive(Clone)]
pub(super) struct Installation {
    pub(super) bin: PathBuf,
    pub(super) major: u32,
    /// Set for packages that were unpacked rather than installed.
    environment: Vec<(&'static str, OsString)>,
}

/// The search result: usable servers, and descriptions of those that lack something.
pub(super) struct Found {
    pub(super) usable: Vec<Installation>,
    pub(super) lacking: Vec<String>,
}

impl Installation {
    /// One of its programs, unaffected by the user's own PostgreSQL settings.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        for name in MISLEADING {
            command.env_remove(name);
        }
        command
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("LC_ALL", "C");
        command
    }

    /// Sets the library path of a command if the packages were unpacked rather than installed.
    pub(super) fn lend_libraries(&self, command: &mut Command) {
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
    }

    /// psql on 127.0.0.1 as the superuser of a server that xtask created.
    pub(super) fn superuser_psql(&self, port: u16, database: &str) -> Command {
        let mut psql = self.command("psql");
        psql.env("PGPASSWORD", SUPERUSER_PASSWORD)
            .env("PGCONNECT_TIMEOUT", "5");
        psql.args([
            "-X",
            "-q",
            "-At",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-U",
            "postgres",
        ]);
        psql.args(["-p", &port.to_string(), "-d", database]);
        psql
    }
}

/// Searches the folders in which known systems install PostgreSQL, newest version first. `unpacked` is the folder into
/// which packages may have been unpacked.
pub(super) fn find(unpacked: &Path) -> Found {
    let mut found = Found {
        usable: Vec::new(),
        lacking: Vec::new(),
    };
    for (bin, environment) in candidates(unpacked) {
        let Some(major) = major_version(&bin, &environment) else {
            continue;
        };
        let lacks = lacks(&bin, major, &environment);
        if lacks.is_empty() {
            found.usable.push(Installation {
                bin,
                major,
                environment,
            });
        } else {
            found.lacking.push(format!(
                "PostgreSQL {major} in {} lacks {}",
                bin.display(),
                lacks.join(", ")
            ));
        }
    }
    found
        .usable
        .sort_by_key(|installation| std::cmp::Reverse(installation.major));
    found
}

/// psql of any PostgreSQL on this machine, on the PATH or in a known folder.
pub(super) fn any_psql(unpacked: &Path) -> Option<Command> {
    if command::succeeds(Command::new("psql").arg("--version")) {
        return Some(Command::new("psql"));
    }
    let (bin, environment) = candidates(unpacked)
        .into_iter()
        .find(|(bin, _)| bin.join("psql").exists())?;
    let mut psql = Command::new(bin.join("psql"));
    psql.envs(environment);
    Some(psql)
}

type Candidate = (PathBuf, Vec<(&'static str, OsString)>);

fn candidates(unpacked: &Path) -> Vec<Candidate> {
    let mut bins: Vec<PathBuf> = Vec::new();
    if let Ok(said) = command::capture(Command::new("pg_config").arg("--bindir")) {
        bins.push(PathBuf::from(said.trim()));
    }
    for (parent, prefix) in [
        ("/usr/lib/postgresql", ""),
        ("/usr", "pgsql-"),
        ("/usr/local", "pgsql"),
        ("/opt/homebrew/opt", "postgresql"),
        ("/usr/local/opt", "postgresql"),
    ] {
        bins.extend(subfolders(Path::new(parent), prefix).map(|folder| folder.join("bin")));
    }
    let mut candidates: Vec<Candidate> = bins.into_iter().map(|bin| (bin, Vec::new())).collect();
    let servers = subfolders(&unpacked.join("usr/lib/postgresql"), "");
    candidates.extend(servers.map(|folder| (folder.join("bin"), unpacked_environment(unpacked))));
    candidates.sort_by(|one, other| one.0.cmp(&other.0));
    candidates.dedup_by(|one, other| one.0 == other.0);
    candidates
}

fn subfolders(parent: &Path, prefix: &'static str) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    entries
        .filter(move |entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
}

/// Unpacked packages find their libraries and PROJ's data only through these variables.
fn unpacked_environment(unpacked: &Path) -> Vec<(&'static str, OsString)> {
    let architecture = format!("usr/lib/{}-linux-gnu", env::consts::ARCH);
    let libraries = unpacked.join(&architecture);
    // Installing would have linked the two subfolders into the first. Where /lib is not a link to /usr/lib, some
    // packages keep their libraries there.
    let folders = [
        libraries.clone(),
        unpacked.join(architecture.trim_start_matches("usr/")),
        libraries.join("blas"),
        libraries.join("lapack"),
    ];
    let path = env::join_paths(folders).unwrap_or_else(|_| libraries.clone().into_os_string());
    let proj = unpacked.join("usr/share/proj").into_os_string();
    vec![
        ("LD_LIBRARY_PATH", path),
        ("PROJ_DATA", proj.clone()),
        ("PROJ_LIB", proj),
    ]
}

fn major_version(bin: &Path, environment: &[(&'static str, OsString)]) -> Option<u32> {
    let mut postgres = Command::new(bin.join("postgres"));
    let said =
        command::capture(postgres.arg("--version").envs(environment.iter().cloned())).ok()?;
    parse_major(&said)
}

/// Parses `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn parse_major(said: &str) -> Option<u32> {
    let version = said
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    version
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

fn lacks(bin: &Path, major: u32, environment: &[(&'static str, OsString)]) -> Vec<String> {
    let programs = ["initdb", "pg_ctl", "psql"]
        .into_iter()
        .filter(|program| !bin.join(program).exists());
    let mut pg_config = Command::new(bin.join("pg_config"));
    let share = command::capture(
        pg_config
            .arg("--sharedir")
            .envs(environment.iter().cloned()),
    )
    .map_or_else(
        |_| PathBuf::from(format!("/usr/share/postgresql/{major}")),
        |said| PathBuf::from(said.trim()),
    );
    let controls = EXTENSIONS
        .into_iter()
        .filter(|name| !share.join(format!("extension/{name}.control")).exists());
    programs
        .map(str::to_owned)
        .chain(controls.map(|name| format!("the extension {name}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_the_output_of_postgres() {
        assert_eq!(
            parse_major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(parse_major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(parse_major("something else"), None);
    }
}
