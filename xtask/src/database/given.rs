//! A database that the user names in `DATABASE_URL`: xtask uses it but never stops or resets it.

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
    /// Where `DATABASE_URL` is set.
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

    /// The URL as the user gave it.
    pub(super) fn url(&self) -> String {
        self.url.whole()
    }

    /// Tests the connection, and creates missing extensions if the role may. Without psql this is skipped, and the
    /// migrations report problems.
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
        // A password prompt would wait forever in a run without a user.
        psql.arg("--no-password");
        if let Some(password) = self.url.password() {
            psql.env("PGPASSWORD", password);
        }
        Ok(psql)
    }

    /// The error for a request that would destroy or stop the user's database.
    pub(super) fn refuse(&self, done: &str) -> Result<()> {
        bail!(
            "{} is set by DATABASE_URL in {}, so it is not {done}: only a database that sys-init created may be. \
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
                "the extension {name} is missing in {} and could not be created: \
                 run `{statement};` there as a superuser, on a server that has PostGIS installed",
                self.url.shown()
            )
        })
    }

    fn no_connection(&self) -> String {
        format!(
            "no connection to {}: check host, port, user, password and database name of DATABASE_URL in {}, \
             or unset it to let sys-init create a database",
            self.url.shown(),
            self.origin
        )
    }
}
