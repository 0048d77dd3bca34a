//! The development database: which one this project uses, and how it is started and stopped.
//!
//! There are three kinds: a database of the user, which is never reset, Docker Compose, or a private PostgreSQL cluster
//! under the project. xtask creates the role, the database and the extensions; oms-api creates the tables and the seed
//! data.

mod account;
mod choice;
mod cluster;
mod compose;
mod connection_url;
mod given;
mod installation;
mod lock_file;
mod packages;
mod port;
mod provision;

use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;

pub(crate) use choice::{choose, existing, record};
pub(crate) use cluster::Cluster;
pub(crate) use port::{any_free as any_free_port, is_free};

use crate::command;
use crate::workspace::Workspace;

/// The database that this project uses in development.
pub(crate) enum Database {
    Given(given::Given),
    Compose(compose::Compose),
    Cluster(cluster::Cluster),
}

impl Database {
    /// Starts the server, and creates role, database and extensions if they are missing.
    pub(crate) fn up(&self) -> Result<()> {
        match self {
            Self::Given(given) => given.check(),
            Self::Compose(compose) => compose.up().and_then(|()| provision::provision(compose)),
            Self::Cluster(cluster) => cluster.up().and_then(|()| provision::provision(cluster)),
        }
    }

    /// Stops the server if sys-init created it.
    pub(crate) fn down(&self) -> Result<()> {
        match self {
            Self::Given(given) => given.refuse("stopped"),
            Self::Compose(compose) => compose.down(),
            Self::Cluster(cluster) => cluster.stop(),
        }
    }

    /// Drops the database and creates an empty one, if sys-init created it.
    pub(crate) fn recreate(&self) -> Result<()> {
        match self {
            Self::Given(given) => given.refuse("reset"),
            Self::Compose(compose) => provision::recreate(compose),
            Self::Cluster(cluster) => provision::recreate(cluster),
        }
    }

    /// The `DATABASE_URL` for the programs.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Given(given) => given.url(),
            Self::Compose(compose) => provision::application_url(compose.port),
            Self::Cluster(cluster) => provision::application_url(cluster.port),
        }
    }

    /// Returns whether the URL comes from the user.
    pub(crate) fn is_given(&self) -> bool {
        matches!(self, Self::Given(_))
    }

    /// psql on this database as the application's role, with the user's own arguments.
    pub(crate) fn psql(&self, workspace: &Workspace, arguments: &[OsString]) -> Result<Command> {
        let mut psql = match self {
            Self::Given(given) => given.psql()?,
            Self::Compose(compose) => compose.psql(),
            Self::Cluster(cluster) => cluster.application_psql(),
        };
        psql.args(arguments).current_dir(&workspace.root);
        Ok(psql)
    }
}

/// Returns psql for the database of a URL.
pub(crate) fn psql_at(workspace: &Workspace, url: &str) -> Result<Command> {
    given::Given::new(workspace, url, "the command line").psql()
}

/// Returns the URL of another database on the same server.
pub(crate) fn url_of(server: &str, name: &str) -> String {
    let (base, query) = server.split_once('?').unwrap_or((server, ""));
    let server = base.rsplit_once('/').map_or(base, |(server, _)| server);
    match query {
        "" => format!("{server}/{name}"),
        query => format!("{server}/{name}?{query}"),
    }
}

/// A server on which we are the superuser.
trait Superuser {
    /// psql as the superuser, without the user's own configuration.
    fn superuser_psql(&self, database: &str) -> Command;

    /// Runs one statement and returns its rows as lines.
    fn sql(&self, database: &str, statement: &str) -> Result<String> {
        let said = command::capture(self.superuser_psql(database).args(["-c", statement]))?;
        Ok(said.trim().to_owned())
    }
}
