//! The template from which test databases are cloned. Its name contains a hash of the migrations.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::Context;
use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use oms_database::{Connection, migrations};
use sha2::{Digest, Sha256};

use crate::fake_citus;

const URL_VARIABLE: &str = "OMS_TEST_DATABASE_URL";

/// Set by `cargo xtask test` for the tests that it repeats on tables that are partitioned by tenant.
const PARTITIONS_VARIABLE: &str = "OMS_TEST_PARTITIONS";

/// The statements that partition the tables of a migrated database.
const PARTITIONS: &str = include_str!("../partitions.sql");

/// The advisory lock ("omst" in ASCII) for creating the template.
const ADVISORY_LOCK: &str = "SELECT pg_advisory_lock(1869443956)";

/// Returns the URL of the maintenance database of the tests' server.
pub(crate) fn server_url() -> String {
    let from_env_file = || {
        let path = workspace_root().join(".env");
        let variables = dotenvy::from_path_iter(path).ok()?;
        variables
            .flatten()
            .find(|(name, _)| name == URL_VARIABLE)
            .map(|(_, value)| value)
    };
    env::var(URL_VARIABLE)
        .ok()
        .or_else(from_env_file)
        .unwrap_or_else(|| {
            panic!(
                "{URL_VARIABLE} is not set: run `cargo xtask test`, or `cargo xtask sys-init` once"
            )
        })
}

/// Returns the URL of another database on the same server.
pub(crate) fn url_of(server_url: &str, name: &str) -> String {
    let (base, query) = server_url.split_once('?').unwrap_or((server_url, ""));
    let server = base.rsplit_once('/').map_or(base, |(server, _)| server);
    match query {
        "" => format!("{server}/{name}"),
        query => format!("{server}/{name}?{query}"),
    }
}

/// Returns the host and the port of a URL, verbatim.
pub(crate) fn address_of(url: &str) -> String {
    let server = url.rsplit_once('@').or_else(|| url.split_once("://"));
    let server = server.map_or(url, |(_, server)| server);
    let end = server.find(['/', '?']).unwrap_or(server.len());
    server[..end].to_owned()
}

/// Whether the tables of test databases are partitioned by tenant. Such a database also pretends to be distributed.
pub(crate) fn is_cut() -> bool {
    env::var_os(PARTITIONS_VARIABLE).is_some_and(|value| !value.is_empty())
}

/// Creates the template if it is missing, and returns its name.
pub(crate) async fn ensure(server_url: &str) -> anyhow::Result<String> {
    let is_cut = is_cut();
    let name = match is_cut {
        false => format!("oms_template_{}", hash_of_migrations(&[])?),
        true => {
            let beside = [PARTITIONS, fake_citus::MAKE].concat();
            let hash = hash_of_migrations(beside.as_bytes())?;
            format!("oms_template_cut_{hash}")
        }
    };
    let mut connection = Connection::establish(server_url)
        .await
        .context("can't connect; run `cargo xtask test`, which starts a server for the tests")?;
    if exists(&mut connection, &name).await? {
        return Ok(name);
    }
    connection.batch_execute(ADVISORY_LOCK).await?;
    if !exists(&mut connection, &name).await? {
        make(&mut connection, server_url, &name, is_cut).await?;
    }
    Ok(name)
}

async fn make(
    connection: &mut Connection,
    server_url: &str,
    name: &str,
    is_cut: bool,
) -> anyhow::Result<()> {
    let draft = format!("{name}_draft");
    connection
        .batch_execute(&format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)"))
        .await?;
    connection
        .batch_execute(&format!("CREATE DATABASE {draft} TEMPLATE template0"))
        .await?;
    let draft_url = url_of(server_url, &draft);
    migrations::migrate(&draft_url)
        .await
        .context("can't migrate the template")?;
    let mut in_draft = Connection::establish(&draft_url).await?;
    // Only these of its 8,500 rows are used. Deleting the rest halves the time of a clone.
    for statement in [
        "DELETE FROM spatial_ref_sys WHERE srid NOT IN (4326, 3857)",
        "VACUUM FULL spatial_ref_sys",
    ] {
        in_draft.batch_execute(statement).await?;
    }
    if is_cut {
        let cut = in_draft.batch_execute(PARTITIONS).await;
        cut.context("can't partition the tables")?;
        in_draft.batch_execute(fake_citus::MAKE).await?;
    }
    drop(in_draft);
    // A database can be renamed only if it has no connections.
    let finish = [
        format!("ALTER DATABASE {draft} WITH ALLOW_CONNECTIONS false"),
        format!(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{draft}'"
        ),
        format!("ALTER DATABASE {draft} RENAME TO {name}"),
    ];
    for statement in &finish {
        connection
            .batch_execute(statement)
            .await
            .with_context(|| statement.clone())?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "it runs once per process")]
async fn exists(connection: &mut Connection, name: &str) -> anyhow::Result<bool> {
    use diesel::sql_types::Bool;
    use diesel_async::RunQueryDsl;

    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        found: bool,
    }
    let sql = format!("SELECT EXISTS (SELECT FROM pg_database WHERE datname = '{name}') AS found");
    let row: Row = diesel::sql_query(sql).get_result(connection).await?;
    Ok(row.found)
}

/// Returns the hash of all migrations and of `beside`, the additional statements that are run on the template.
fn hash_of_migrations(beside: &[u8]) -> anyhow::Result<String> {
    let mut folders: Vec<PathBuf> = fs::read_dir(workspace_root().join("migrations"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    // The directory also contains a README.
    folders.retain(|path| path.is_dir());
    folders.sort();
    let mut hasher = Sha256::new();
    hasher.update(beside);
    for folder in folders {
        let up = folder.join("up.sql");
        hasher.update(up.as_os_str().as_encoded_bytes());
        hasher.update(fs::read(&up).with_context(|| up.display().to_string())?);
    }
    let hash = hasher.finalize();
    Ok(hash
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

fn workspace_root() -> &'static Path {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3);
    root.expect("the crate is three folders below the root")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_in_a_url_is_replaced() {
        let other = |url: &str| url_of(url, "other");
        assert_eq!(
            other("postgres://u:p@h:1/postgres"),
            "postgres://u:p@h:1/other"
        );
        assert_eq!(
            other("postgres://u@h/db?sslmode=disable"),
            "postgres://u@h/other?sslmode=disable"
        );
    }
}
