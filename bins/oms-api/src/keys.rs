//! `oms-api keys`: creates, lists, rotates and revokes API keys.

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use clap::Subcommand;
use oms_access::{
    AccessError, CreatedKey, CredentialName, KeyId, KeySummary, NewKey, create_key, list_keys,
    revoke_key, rotate_key,
};
use oms_database::{Connection, DbError};
use oms_validation::{Scope, TenantId};
use uuid::Uuid;

use crate::admission::key_mode;
use crate::config::Config;
use crate::database;

const DAY_S: u64 = 86_400;

/// The command for keys.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Create a key and print it, alone on standard output. It is not shown again.
    Create {
        /// The name under which timelines and lists show the key's actions.
        #[arg(long)]
        name: CredentialName,
        /// A scope: orders:read, orders:write, orders:cancel, orders:refund, inventory:read, inventory:write, fulfilment:read, fulfilment:write, returns:read, returns:write, returns:receive, settings:write or operations.
        /// May be repeated.
        #[arg(long = "scope", required = true)]
        scopes: Vec<Scope>,
        /// Days until it expires. By default it does not expire.
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=3660))]
        expires_in_days: Option<u64>,
        #[command(flatten)]
        owner: Owner,
    },
    /// List the keys of a tenant, including expired and revoked ones.
    List {
        #[command(flatten)]
        owner: Owner,
    },
    /// Create a second key with the same name and scopes, and print it. The first one expires after the overlap.
    Rotate {
        /// The name of the key.
        #[arg(long)]
        name: CredentialName,
        /// Hours for which both keys are valid.
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u64).range(0..=720))]
        overlap_hours: u64,
        /// Days until the new key expires. By default it does not expire.
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=3660))]
        expires_in_days: Option<u64>,
        #[command(flatten)]
        owner: Owner,
    },
    /// Revoke a key. A server that has just verified it accepts it for at most OMS_KEY_MEMORY_MS more.
    Revoke {
        /// The key's ID, as in the list.
        id: Uuid,
        #[command(flatten)]
        owner: Owner,
    },
}

/// The tenant that owns the keys.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Owner {
    /// The tenant of the key. Default: OMS_TENANT_ID.
    #[arg(long)]
    tenant: Option<TenantId>,
}

impl Owner {
    fn id(&self, config: &Config) -> TenantId {
        self.tenant.unwrap_or(config.tenant)
    }
}

/// Runs the command.
pub(crate) async fn run(config: &Config, command: KeysCommand) -> anyhow::Result<()> {
    let database = database::connect(config).await?;
    let mut connection = database.acquire().await?;
    run_on(&mut connection, config, command)
        .await
        .map_err(name_the_owner)?;
    drop(connection);
    database.close();
    Ok(())
}

/// Explains the failure of a serving role, which may only read keys.
fn name_the_owner(error: anyhow::Error) -> anyhow::Error {
    let denied = error
        .downcast_ref::<AccessError>()
        .is_some_and(|error| matches!(error, AccessError::Database(DbError::PermissionDenied(_))));
    if denied {
        error.context(
            "only the role that owns the tables can change keys: set DATABASE_URL to its URL",
        )
    } else {
        error
    }
}

async fn run_on(
    connection: &mut Connection,
    config: &Config,
    command: KeysCommand,
) -> anyhow::Result<()> {
    let mode = key_mode(config);
    match command {
        KeysCommand::Create {
            name,
            scopes,
            expires_in_days,
            owner,
        } => {
            let new = NewKey {
                mode,
                tenant: owner.id(config),
                name,
                scopes: scopes.into_iter().collect(),
                expires_in: expires_in_days.map(days),
            };
            let created = create_key(connection, &new).await;
            show(&created.context("can't create the key")?)
        }
        KeysCommand::Rotate {
            name,
            overlap_hours,
            expires_in_days,
            owner,
        } => {
            let overlap = Duration::from_secs(overlap_hours * 3600);
            let (tenant, lifetime) = (owner.id(config), expires_in_days.map(days));
            let rotated = rotate_key(connection, mode, tenant, &name, overlap, lifetime).await;
            show(&rotated.context("can't rotate the key")?)
        }
        KeysCommand::List { owner } => {
            let keys = list_keys(connection, owner.id(config)).await;
            let mut out = std::io::stdout().lock();
            list(&mut out, &keys.context("can't list the keys")?)
        }
        KeysCommand::Revoke { id, owner } => {
            let revoked = revoke_key(connection, owner.id(config), KeyId(id)).await;
            revoked.context("can't revoke the key")
        }
    }
}

fn days(days: u64) -> Duration {
    Duration::from_secs(days * DAY_S)
}

/// Prints the key alone on standard output, for a script to store, and the information for people on standard error.
fn show(created: &CreatedKey) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{}", created.key.expose())?;
    let id = created.id.0;
    writeln!(
        std::io::stderr(),
        "key {id}; it is not shown again, so store it with your secrets"
    )?;
    Ok(())
}

fn list(out: &mut impl Write, keys: &[KeySummary]) -> anyhow::Result<()> {
    let never = || "never".to_owned();
    for key in keys {
        let scopes = key.scopes.join(",");
        let (created, expires, used) = (
            key.created_at.to_rfc3339(),
            key.expires_at.map_or_else(never, |time| time.to_rfc3339()),
            key.last_used_at
                .map_or_else(never, |time| time.to_rfc3339()),
        );
        writeln!(
            out,
            "{}  {}  …{}  {}  {scopes}  created {created}  expires {expires}  last used {used}",
            key.id.0,
            key.state.as_str(),
            key.ending,
            key.name,
        )?;
    }
    Ok(())
}
