//! Objects that the superuser creates for the application: its role, its database and the extensions.
//!
//! This is not a migration, because `CREATE EXTENSION postgis` needs a superuser, and the application's role is none.

use anyhow::{Context, Result};

use super::Superuser;
use crate::report;

/// The application's role and its password, for development only.
pub(super) const ROLE: &str = "oms";
pub(super) const PASSWORD: &str = "oms";
/// The application's database.
pub(super) const DATABASE: &str = "oms";
/// The superuser of a server that sys-init created, and its password. Such a server listens on 127.0.0.1 only.
pub(super) const SUPERUSER: &str = "postgres";
pub(super) const SUPERUSER_PASSWORD: &str = "postgres";
/// The extensions that the schema needs.
pub(super) const EXTENSIONS: [&str; 2] = ["postgis", "btree_gist"];

/// The `DATABASE_URL` of a server that sys-init created.
pub(super) fn application_url(port: u16) -> String {
    format!("postgres://{ROLE}:{PASSWORD}@127.0.0.1:{port}/{DATABASE}")
}

/// Creates missing objects. Every statement can be repeated, so this continues an interrupted run.
pub(super) fn provision(server: &impl Superuser) -> Result<()> {
    let missing = missing(server)?;
    if missing.is_empty() {
        return Ok(());
    }
    report::step(&format!("{} made", missing.join(", ")), |progress| {
        for thing in &missing {
            progress.detail(thing);
            let (database, statement) = statement_for(thing);
            server
                .sql(database, &statement)
                .with_context(|| format!("{thing} could not be created"))?;
        }
        Ok(())
    })
}

/// Drops the database with all of its data and creates an empty one.
pub(super) fn recreate(server: &impl Superuser) -> Result<()> {
    report::step("database dropped", |_| {
        server.sql(
            "postgres",
            &format!("DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)"),
        )
    })?;
    provision(server)
}

fn missing(server: &impl Superuser) -> Result<Vec<String>> {
    let things = server.sql(
        "postgres",
        &format!(
            "SELECT 'role' FROM pg_roles WHERE rolname = '{ROLE}' \
             UNION ALL SELECT 'database' FROM pg_database WHERE datname = '{DATABASE}'"
        ),
    )?;
    let mut missing = Vec::new();
    if !things.lines().any(|thing| thing == "role") {
        missing.push(format!("role {ROLE}"));
    }
    let has_database = things.lines().any(|thing| thing == "database");
    if !has_database {
        missing.push(format!("database {DATABASE}"));
    }
    let installed = if has_database {
        server.sql(DATABASE, "SELECT extname FROM pg_extension")?
    } else {
        String::new()
    };
    let absent = EXTENSIONS
        .into_iter()
        .filter(|name| !installed.lines().any(|extension| extension == *name));
    missing.extend(absent.map(|name| format!("extension {name}")));
    Ok(missing)
}

fn statement_for(thing: &str) -> (&'static str, String) {
    match thing.split_once(' ') {
        Some(("extension", name)) => (DATABASE, format!("CREATE EXTENSION IF NOT EXISTS {name}")),
        Some(("database", name)) => ("postgres", format!("CREATE DATABASE {name} OWNER {ROLE}")),
        _ => (
            "postgres",
            format!("CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{PASSWORD}'"),
        ),
    }
}
