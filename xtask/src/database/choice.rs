//! The database that this project uses: chosen once and recorded in `.oms/database.json`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};

use super::cluster::Cluster;
use super::compose::{self, Compose};
use super::given::Given;
use super::installation::{self, Installation};
use super::{Database, packages, port};
use crate::apt;
use crate::dotenv;
use crate::report;
use crate::workspace::{Workspace, write_whole};

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Compose,
    Cluster,
}

/// The recorded choice.
#[derive(PartialEq, Serialize, Deserialize)]
struct Record {
    kind: Kind,
    port: u16,
}

/// The database to use: that of the user, else the one that was created before, else Docker, else the machine's own
/// PostgreSQL.
pub(crate) fn choose(workspace: &Workspace) -> Result<Database> {
    if let Some((url, origin)) = dotenv::given_database_url(workspace)? {
        return Ok(Database::Given(Given::new(workspace, &url, origin)));
    }
    let before = read(&record_path(&workspace.made_folder()?))?;
    let kind = before
        .as_ref()
        .map_or_else(first_kind, |before| before.kind);
    let recorded_port = before.map_or(port::DEFAULT, |before| before.port);
    open(
        workspace,
        &Record {
            kind,
            port: port::asked_for()?.unwrap_or(recorded_port),
        },
    )
}

/// Records the choice for later runs, once it has worked.
pub(crate) fn record(workspace: &Workspace, database: &Database) -> Result<()> {
    let record = match database {
        Database::Given(_) => return Ok(()),
        Database::Compose(compose) => Record {
            kind: Kind::Compose,
            port: compose.port,
        },
        Database::Cluster(cluster) => Record {
            kind: Kind::Cluster,
            port: cluster.port,
        },
    };
    let path = record_path(&workspace.made_folder()?);
    if read(&path)?.as_ref() == Some(&record) {
        return Ok(());
    }
    write_whole(
        &path,
        &serde_json::to_string(&record).expect("a record is plain data"),
    )
}

/// The database that is already in use. Fails if sys-init has not run.
pub(crate) fn existing(workspace: &Workspace) -> Result<Database> {
    let made = record_path(&workspace.root.join(".oms")).exists();
    if !made && dotenv::given_database_url(workspace)?.is_none() {
        bail!("there is no database yet: run cargo xtask sys-init");
    }
    choose(workspace)
}

/// A PostgreSQL with PostGIS: the machine's own, else one from apt. `major` is set if data of that version exists.
pub(super) fn installation(made_folder: &Path, major: Option<u32>) -> Result<Installation> {
    let unpacked = made_folder.join("packages");
    let mut found = installation::find(&unpacked);
    let mut tried = Vec::new();
    if !compose::is_usable() {
        tried.push("Docker: `docker compose` is missing, or no daemon answers".to_owned());
    }
    if pick(&found.usable, major).is_none() && apt::is_there() {
        match packages::provide(made_folder) {
            Ok(()) => found = installation::find(&unpacked),
            Err(error) => tried.push(format!("apt-get: {error:#}")),
        }
    }
    if let Some(installation) = pick(&found.usable, major) {
        return Ok(installation);
    }
    if let (Some(major), Some(other)) = (major, found.usable.first()) {
        bail!(
            "the data in {} was created by PostgreSQL {major}, and only PostgreSQL {} is installed now: install version \
             {major} with PostGIS again, or remove .oms and .env to start with an empty database",
            made_folder.display(),
            other.major
        );
    }
    if found.lacking.is_empty() {
        tried.push("PostgreSQL: not found on this machine".to_owned());
    }
    tried.extend(found.lacking);
    Err(nothing_usable(&tried))
}

fn pick(usable: &[Installation], major: Option<u32>) -> Option<Installation> {
    usable
        .iter()
        .find(|installation| major.is_none_or(|major| installation.major == major))
        .cloned()
}

fn nothing_usable(tried: &[String]) -> anyhow::Error {
    anyhow!(
        "no PostgreSQL with PostGIS was found. Tried:\n  - {}\n\
         Do one of the following, then run the same command again:\n  \
         - start Docker with Compose\n  \
         - install PostgreSQL 15 or newer with PostGIS (Debian, Ubuntu: apt-get install postgresql-postgis; \
         Fedora: dnf install postgresql-server postgresql-contrib postgis; macOS: brew install postgresql postgis)\n  \
         - put DATABASE_URL=postgres://user:password@host/database of a server with PostGIS into .env",
        tried.join("\n  - ")
    )
}

fn first_kind() -> Kind {
    if compose::is_usable() {
        Kind::Compose
    } else {
        Kind::Cluster
    }
}

fn open(workspace: &Workspace, record: &Record) -> Result<Database> {
    if record.kind == Kind::Cluster {
        return Ok(Database::Cluster(Cluster::development(
            workspace,
            record.port,
        )?));
    }
    if !compose::is_usable() {
        bail!(
            "the database of this project runs in Docker, but Docker does not answer: start Docker, \
             or remove .oms/database.json to create a private cluster instead"
        );
    }
    Ok(Database::Compose(Compose::new(workspace, record.port)))
}

fn record_path(made_folder: &Path) -> PathBuf {
    made_folder.join("database.json")
}

fn read(path: &Path) -> Result<Option<Record>> {
    if !path.exists() {
        return Ok(None);
    }
    let text =
        fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    match serde_json::from_str(&text) {
        Ok(record) => Ok(Some(record)),
        Err(_) => {
            report::line(&format!(
                "· {} can't be parsed and will be overwritten",
                path.display()
            ));
            Ok(None)
        }
    }
}
