//! API keys, created with the command that operators use.

use reqwest::Method;

use crate::answer::Answer;
use crate::api::{Settings, command};
use crate::process::{Exit, Process};
use crate::request::{new_key, small_order};
use crate::shop::Shop;
use crate::store_database::StoreDatabase;

/// The tenant of requests without a key, and another tenant.
pub const TENANT: &str = "00000000-0000-4000-8000-000000000001";
pub const STRANGERS: &str = "00000000-0000-4000-8000-000000000002";

/// A production installation whose gateway is unreachable.
pub const PRODUCTION: Settings<'_> = &[
    ("OMS_ENV", "production"),
    ("OMS_STRIPE_API_URL", "https://127.0.0.1:1"),
    ("OMS_STRIPE_SECRET_KEY", "sk_live_hushHushKey"),
    ("OMS_STRIPE_WEBHOOK_SECRETS", "whsec_hushHush"),
];

/// Runs `oms-api keys` with these arguments.
pub async fn keys(database: &StoreDatabase, words: &str) -> Exit {
    keys_with(database, &[], words).await
}

async fn keys_with(database: &StoreDatabase, settings: Settings<'_>, words: &str) -> Exit {
    let mut command = command(&database.url(), "http://127.0.0.1:1", settings);
    command.arg("keys").args(words.split_whitespace());
    Process::start(command).ended().await
}

/// Creates a key with scopes, separated by spaces, and returns it.
pub async fn make_key(database: &StoreDatabase, tenant: &str, name: &str, scopes: &str) -> String {
    make_key_with(database, &[], tenant, name, scopes).await
}

/// Creates a key of an installation with these settings.
pub async fn make_key_with(
    database: &StoreDatabase,
    settings: Settings<'_>,
    tenant: &str,
    name: &str,
    scopes: &str,
) -> String {
    let scopes: String = scopes
        .split(' ')
        .map(|scope| format!(" --scope {scope}"))
        .collect();
    let words = format!("create --tenant {tenant} --name {name}{scopes}");
    let exit = keys_with(database, settings, &words).await;
    assert!(exit.status.success(), "{exit:?}");
    exit.stdout
}

impl Shop {
    /// A key of the shop's tenant.
    pub async fn key(&self, name: &str, scopes: &str) -> String {
        make_key(&self.database, TENANT, name, scopes).await
    }

    /// `GET` of any path with a key or token.
    pub async fn read_as(&self, key: &str, path: &str) -> Answer {
        let request = self.customer().request(Method::GET, path);
        Answer::of(request.bearer_auth(key).send().await.unwrap()).await
    }

    /// `POST /orders` of a small order with a key or token.
    pub async fn place_as(&self, key: &str) -> Answer {
        let request = self.customer().post("/orders").bearer_auth(key);
        let request = request.header("idempotency-key", new_key());
        Answer::of(request.json(&small_order()).send().await.unwrap()).await
    }
}
