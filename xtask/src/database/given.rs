//! A database that the user gives with `DATABASE_URL`: used as it is, never stopped, wiped or reset.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};

use super::connection_url::ConnectionUrl;
use super::installation;
use super::provision::EXTENSIONS;
use crate::command;
use crate::report;
use crate::workspace::Workspace;

/// The user's database.
pub(crate) struct Given {
    url: ConnectionUrl,
    /// Where `DATABASE_URL` stands.
    origin: &'static str,
    unpacked: PathBuf,
}

impl Given {
    pub(super) fn new(workspace: &Workspace, url: &str, origin: &'static str) -> Self {
        Self {
            url: ConnectionUrl::parse(url),
            origin,
            unpacked: workspace.root.join(".oms/packages"),
        }
    }

    /// The URL as it was given.
    pub(super) fn url(&self) -> String {
        self.url.whole()
    }

    /// Tries a connection, and makes missing extensions where the role may. Without psql the migrations find out.
    pub(super) fn check(&self) -> Result<()> {
        let name = format!(
            "database: {} (DATABASE_URL from {})",
            self.url.shown(),
            self.origin
        );
        let Ok(mut psql) = self.psql() else {
            report::line(&format!(
                "· {name}: not checked, there is no psql on this machine"
            ));
            return Ok(());
        };
        report::step(&name, |_| {
            psql.args([
                "-X",
                "-q",
                "-At",
                "-v",
                "ON_ERROR_STOP=1",
                "-c",
                "SELECT extname FROM pg_extension",
            ]);
            let extensions = command::capture(&mut psql).with_context(|| self.no_connection())?;
            let missing = EXTENSIONS
                .into_iter()
                .filter(|name| !extensions.lines().any(|line| line == *name));
            missing
                .into_iter()
                .try_for_each(|name| self.make_extension(name))
        })
    }

    /// psql on the user's database. The password goes through the environment, not through the list of processes.
    pub(super) fn psql(&self) -> Result<Command> {
        let mut psql = installation::any_psql(&self.unpacked)
            .ok_or_else(|| anyhow!("psql is not installed: install PostgreSQL's client (Debian: apt-get install postgresql-client)"))?;
        psql.arg("--dbname")
            .arg(self.url.without_password())
            .env("PGCONNECT_TIMEOUT", "10");
        // Asking for a password would wait for ever where nobody sits.
        psql.arg("--no-password");
        if let Some(password) = self.url.password() {
            psql.env("PGPASSWORD", password);
        }
        Ok(psql)
    }

    /// The answer to a request that would destroy or stop the user's database.
    pub(super) fn refuse(&self, done: &str) -> Result<()> {
        bail!(
            "{} was given by DATABASE_URL in {}, so it is not {done}: only a database that sys-init made is. \
             To use one, unset DATABASE_URL (and remove it from .env), then run cargo xtask sys-init",
            self.url.shown(),
            self.origin
        )
    }

    fn make_extension(&self, name: &str) -> Result<()> {
        let statement = format!("CREATE EXTENSION IF NOT EXISTS {name}");
        let mut psql = self.psql()?;
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", &statement]);
        command::capture(&mut psql).map(drop).with_context(|| {
            format!(
                "the extension {name} is missing in {} and could not be made: \
                 run `{statement};` there as a superuser, on a server that has PostGIS installed",
                self.url.shown()
            )
        })
    }

    fn no_connection(&self) -> String {
        format!(
            "no connection to {}: check host, port, user, password and database name of DATABASE_URL in {}, \
             or unset it and sys-init makes a database",
            self.url.shown(),
            self.origin
        )
    }
}
