//! The development database in Docker, defined in `docker-compose.yml`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::provision::{DATABASE, PASSWORD, ROLE, SUPERUSER, SUPERUSER_PASSWORD};
use super::{Superuser, port};
use crate::command;
use crate::report;
use crate::workspace::Workspace;

/// Name of the service in `docker-compose.yml`.
const SERVICE: &str = "database";

/// The database's container.
pub(crate) struct Compose {
    root: PathBuf,
    pub(super) port: u16,
}

/// Whether Docker Compose is installed and its daemon answers.
pub(super) fn is_usable() -> bool {
    command::succeeds(Command::new("docker").args(["compose", "version"]))
        && command::succeeds(Command::new("docker").arg("info"))
}

impl Compose {
    pub(super) fn new(workspace: &Workspace, port: u16) -> Self {
        Self {
            root: workspace.root.clone(),
            port,
        }
    }

    /// Starts the container and waits for its health check.
    pub(super) fn up(&self) -> Result<()> {
        report::step(
            &format!("database: container ready on port {}", self.port),
            |progress| {
                if !self.is_running() && !port::is_free(self.port) {
                    return Err(port::taken(self.port, "another program"));
                }
                command::follow(
                    self.compose().args(["up", "-d", "--wait", SERVICE]),
                    progress,
                )
                .context("Docker could not start the database")
                .map(drop)
            },
        )
    }

    /// Stops the container and keeps its volume.
    pub(super) fn down(&self) -> Result<()> {
        report::step("database: container stopped", |progress| {
            command::follow(self.compose().args(["stop", SERVICE]), progress).map(drop)
        })
    }

    /// psql inside the container, as the application's role.
    pub(super) fn psql(&self) -> Command {
        let mut psql = self.compose();
        psql.args(["exec", "-e", &format!("PGPASSWORD={PASSWORD}"), SERVICE]);
        psql.args(["psql", "-h", "127.0.0.1", "-U", ROLE, "-d", DATABASE]);
        psql
    }

    fn is_running(&self) -> bool {
        let running = command::capture(
            self.compose()
                .args(["ps", "--quiet", "--status", "running", SERVICE]),
        );
        running.is_ok_and(|containers| !containers.trim().is_empty())
    }

    fn compose(&self) -> Command {
        let mut docker = Command::new("docker");
        docker
            .args(["compose", "--file"])
            .arg(file(&self.root))
            .env(port::VARIABLE, self.port.to_string());
        docker.current_dir(&self.root);
        docker
    }
}

impl Superuser for Compose {
    fn superuser_psql(&self, database: &str) -> Command {
        let mut psql = self.compose();
        psql.args([
            "exec",
            "-T",
            "-e",
            &format!("PGPASSWORD={SUPERUSER_PASSWORD}"),
            SERVICE,
        ]);
        psql.args([
            "psql",
            "-X",
            "-q",
            "-At",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-U",
            SUPERUSER,
            "-d",
            database,
        ]);
        psql
    }
}

fn file(root: &Path) -> PathBuf {
    root.join("docker-compose.yml")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use yaml_serde::Value;

    use super::*;

    fn service() -> Value {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let text = fs::read_to_string(file(root)).unwrap();
        let compose: Value = yaml_serde::from_str(&text).unwrap();
        compose["services"][SERVICE].clone()
    }

    #[test]
    fn the_image_is_postgis_of_a_fixed_version() {
        let service = service();
        let (name, version) = service["image"].as_str().unwrap().split_once(':').unwrap();
        let (postgres, postgis) = version.split_once('-').unwrap();
        assert_eq!(name, "postgis/postgis");
        assert!(postgres.parse::<u32>().unwrap() >= 15, "{version}");
        assert!(
            postgis.split('.').all(|part| part.parse::<u32>().is_ok()),
            "{version}"
        );
    }

    #[test]
    fn the_port_is_that_of_sys_init_and_only_on_this_machine() {
        let ports = service()["ports"].clone();
        let expected = format!("127.0.0.1:${{{}:-{}}}:5432", port::VARIABLE, port::DEFAULT);
        assert_eq!(ports.as_sequence().unwrap(), &[Value::from(expected)]);
    }

    #[test]
    fn the_superuser_is_that_of_sys_init() {
        let environment = service()["environment"].clone();
        assert_eq!(environment["POSTGRES_USER"].as_str(), Some(SUPERUSER));
        assert_eq!(
            environment["POSTGRES_PASSWORD"].as_str(),
            Some(SUPERUSER_PASSWORD)
        );
    }

    #[test]
    fn the_health_check_connects_over_tcp() {
        let check = service()["healthcheck"].clone();
        let test: Vec<&str> = check["test"]
            .as_sequence()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(
            test,
            [
                "CMD",
                "pg_isready",
                "--host=127.0.0.1",
                "--username=postgres"
            ]
        );
        assert!(check["retries"].as_u64().is_some());
    }

    #[test]
    fn the_data_is_on_a_named_volume() {
        let volumes = service()["volumes"].clone();
        assert_eq!(
            volumes[0].as_str(),
            Some("database:/var/lib/postgresql/data")
        );
    }
}
