//! The settings of the token issuer, which is optional beside API keys.

use oms_access::{IssuerSettings, OrdersWrite, TokenAlgorithm, UnknownAlgorithm};
use secrecy::SecretString;

use super::Environment;
use super::reader::Reader;

/// Variables that require `OMS_OIDC_ISSUER`.
const REST: [&str; 10] = [
    "OMS_OIDC_CLIENT_ID",
    "OMS_OIDC_CLIENT_SECRET",
    "OMS_OIDC_AUDIENCE",
    "OMS_OIDC_KEYS_URL",
    "OMS_OIDC_ALGORITHMS",
    "OMS_OIDC_TENANT_CLAIM",
    "OMS_OIDC_BROAD_ORDERS_WRITE",
    "OMS_OIDC_KEYS_MS",
    "OMS_OIDC_FETCH_INTERVAL_MS",
    "OMS_OIDC_TIMEOUT_MS",
];

/// The issuer whose tokens are accepted. `None` unless it is set.
pub(super) fn issuer(reader: &mut Reader<'_>, environment: Environment) -> Option<IssuerSettings> {
    if reader.optional("OMS_OIDC_ISSUER").is_none() {
        let mut rest = REST.into_iter();
        if let Some(name) = rest.find(|name| reader.optional(name).is_some()) {
            reader.problem(name, "has no effect without OMS_OIDC_ISSUER");
        }
        return None;
    }
    let settings = IssuerSettings {
        // In production this must be https: an impostor could supply the signing keys.
        issuer: reader.url("OMS_OIDC_ISSUER", environment)?,
        audience: reader.text("OMS_OIDC_AUDIENCE", None),
        keys_url: reader.url("OMS_OIDC_KEYS_URL", environment),
        algorithms: reader.parsed("OMS_OIDC_ALGORITHMS", "RS256", |text| {
            algorithms(text).map_err(|error| format!("{error}, or both separated by a comma"))
        }),
        tenant_claim: reader.text("OMS_OIDC_TENANT_CLAIM", Some("tenant_id")),
        orders_write: reader.parsed("OMS_OIDC_BROAD_ORDERS_WRITE", "false", |text| match text {
            "false" => Ok(OrdersWrite::Alone),
            "true" => Ok(OrdersWrite::IncludesCancelAndRefund),
            _ => Err("must be true or false".to_owned()),
        }),
        keys_good_for: reader.milliseconds("OMS_OIDC_KEYS_MS", 3_600_000, 60_000..=86_400_000),
        fetch_at_most_every: reader.milliseconds(
            "OMS_OIDC_FETCH_INTERVAL_MS",
            10_000,
            1000..=600_000,
        ),
        timeout: reader.milliseconds("OMS_OIDC_TIMEOUT_MS", 5000, 100..=60_000),
    };
    Some(settings)
}

/// The client as which the console is registered at the issuer. `None` unless its ID is set.
pub(super) fn client(reader: &mut Reader<'_>) -> Option<ConsoleClient> {
    let secret = reader.optional("OMS_OIDC_CLIENT_SECRET");
    match reader.optional("OMS_OIDC_CLIENT_ID") {
        Some(id) => Some(ConsoleClient {
            id,
            secret: secret.map(SecretString::from),
        }),
        None => {
            if secret.is_some() {
                reader.problem(
                    "OMS_OIDC_CLIENT_SECRET",
                    "has no effect without OMS_OIDC_CLIENT_ID",
                );
            }
            None
        }
    }
}

/// The client as which the console is registered at the issuer.
#[derive(Clone, Debug)]
pub(crate) struct ConsoleClient {
    pub(crate) id: String,
    /// A public client has none.
    pub(crate) secret: Option<SecretString>,
}

fn algorithms(text: &str) -> Result<Vec<TokenAlgorithm>, UnknownAlgorithm> {
    text.split(',').map(|name| name.trim().parse()).collect()
}
