//! `oms-api console`.

use std::io::Write;

use anyhow::Context;
use clap::Subcommand;
use oms_access::{CredentialName, create_link};
use oms_validation::{Scope, Scopes, TenantId};

use crate::config::Config;
use crate::database;

/// Commands for the operators' console.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ConsoleCommand {
    /// Print a link that signs in to the console, once, within ten minutes.
    Link {
        /// The name under which timelines show what is done.
        #[arg(long, default_value = "operator")]
        name: CredentialName,
        /// A scope, as of `oms-api keys create`. May be repeated. By default all.
        #[arg(long = "scope")]
        scopes: Vec<Scope>,
        /// The tenant. Default: OMS_TENANT_ID.
        #[arg(long)]
        tenant: Option<TenantId>,
    },
}

/// Runs the command.
pub(crate) async fn run(config: &Config, command: ConsoleCommand) -> anyhow::Result<()> {
    let ConsoleCommand::Link {
        name,
        scopes,
        tenant,
    } = command;
    let console = config.console.as_ref();
    let console = console.context("there is no console: see OMS_CONSOLE and OMS_CONSOLE_URL")?;
    let scopes = match scopes.is_empty() {
        true => Scopes::all(),
        false => scopes.into_iter().collect(),
    };
    let database = database::connect(config).await?;
    let mut connection = database.acquire().await?;
    let tenant = tenant.unwrap_or(config.tenant);
    let link = create_link(&mut connection, tenant, &name, scopes).await;
    drop(connection);
    database.close();
    let token = link.context("can't create the link")?;
    let (origin, token) = (&console.origin, token.expose());
    writeln!(
        std::io::stdout().lock(),
        "{origin}/console/sign-in/link?token={token}"
    )?;
    Ok(())
}
