//! The meaning of each variable: the rows of `docs/reference/configuration.md`. `cargo xtask docs` writes that page and
//! takes the defaults and ranges from the code that reads the variables.

/// A variable and its meaning.
pub(super) struct Setting {
    pub(super) name: &'static str,
    /// Replaces the default that the reader reports, where the real one depends on something else.
    pub(super) default: Option<&'static str>,
    pub(super) meaning: &'static str,
}

const fn setting(name: &'static str, meaning: &'static str) -> Setting {
    Setting {
        name,
        default: None,
        meaning,
    }
}

const fn setting_with_default(
    name: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting {
        name,
        default: Some(default),
        meaning,
    }
}

/// Every variable, by subject.
pub(super) const SECTIONS: &[(&str, &[Setting])] = &[
    ("The installation", INSTALLATION),
    ("Database", DATABASE),
    ("HTTP server", HTTP),
    ("Credentials", CREDENTIALS),
    ("Tokens of an identity provider", TOKENS),
    ("Console", CONSOLE),
    ("Payment gateway", GATEWAY),
    ("Placing orders", ORDERS),
    ("Limits for unpaid orders and declines", BOUNDS),
    ("Settling orders in the background", SETTLING),
    ("Addresses", ADDRESSES),
    ("Imports", IMPORTS),
    ("Retention", RETENTION),
    ("Alerts, logs and traces", MONITORING),
];

/// Read by the log itself, before the configuration.
pub(super) const OF_THE_LOG: &str = "OMS_LOG";

const INSTALLATION: &[Setting] = &[
    setting(
        "OMS_ENV",
        "`production` rejects development settings and requires credentials.",
    ),
    setting(
        "OMS_TENANT_ID",
        "Tenant of requests without a key (development only), of `oms-api keys` and `oms-api seed` without `--tenant`, and of gateway events and findings that name no other tenant.",
    ),
    setting(
        "OMS_SHUTDOWN_TIMEOUT_MS",
        "After SIGTERM: maximum wait for requests and background work in progress.",
    ),
];

const DATABASE: &[Setting] = &[
    setting_with_default(
        "DATABASE_URL",
        "required; `cargo xtask sys-init` writes it",
        "PostgreSQL with PostGIS, `postgres://user:password@host:port/name`. Its messages must be English (`lc_messages`). [TLS](../operating/database-connection.md#tls): `sslmode`, `sslrootcert`, `sslcert`, `sslkey`, `channel_binding`. [Several hosts](../operating/database-connection.md#several-hosts) are separated by commas. Unless the URL has them, `connect_timeout`, `tcp_user_timeout`, `keepalives_idle`, `keepalives_interval` and `keepalives_retries` are 2, 5, 5, 3 and 3 (seconds).",
    ),
    setting(
        "OMS_DATABASE_TLS",
        "In production: whether `DATABASE_URL` may name another machine with less than `sslmode=verify-full`. `verified` refuses that, and adds `sslmode=verify-full` where the URL has no `sslmode`.",
    ),
    setting(
        "OMS_DATABASE_POOLER",
        "`transaction`: `DATABASE_URL` leads to a [connection pooler](../operating/database-connection.md#a-connection-pooler) in transaction mode. `session`: to PostgreSQL itself, or to a pooler in session mode.",
    ),
    setting_with_default(
        "OMS_MIGRATION_DATABASE_URL",
        "`DATABASE_URL`",
        "The same database for `oms-api migrate`, past a pooler and as the owner of the tables. Nothing else uses it.",
    ),
    setting(
        "OMS_DATABASE_MAX_CONNECTIONS",
        "Maximum connections of one instance. One more serves `/health/ready`.",
    ),
    setting(
        "OMS_DATABASE_WAIT_MS",
        "At start: maximum wait for a database that is not reachable yet.",
    ),
    setting(
        "OMS_MIGRATE_TIMEOUT_MS",
        "Maximum run time of `oms-api migrate`.",
    ),
    setting(
        "OMS_MIGRATE_LOCK_TRIES",
        "How often `oms-api migrate` tries a migration whose tables are locked. Each try waits for a lock as long as the migration says, at most 60 s.",
    ),
    setting("OMS_MIGRATE_LOCK_PAUSE_MS", "Pause between two tries."),
    setting(
        "OMS_DATABASE_ACQUIRE_TIMEOUT_MS",
        "Maximum wait for a connection from the pool.",
    ),
    setting(
        "OMS_DATABASE_LOCK_TIMEOUT_MS",
        "Maximum wait for a lock. Must be less than `OMS_DATABASE_STATEMENT_TIMEOUT_MS`.",
    ),
    setting(
        "OMS_DATABASE_STATEMENT_TIMEOUT_MS",
        "Maximum run time of a statement, waits for locks included.",
    ),
    setting_with_default(
        "OMS_DATABASE_ANSWER_TIMEOUT_MS",
        "1.2 × `OMS_DATABASE_STATEMENT_TIMEOUT_MS`",
        "Maximum time for which a database may be silent while an answer is due. After that the connection is closed, and the outcome of a COMMIT is unknown. Must be more than `OMS_DATABASE_STATEMENT_TIMEOUT_MS`.",
    ),
    setting(
        "OMS_DATABASE_PING_TIMEOUT_MS",
        "Maximum wait for the database to answer when a connection that was idle for 1 s is tested. Increase it for a network with long pauses.",
    ),
    setting(
        "OMS_DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS",
        "Maximum pause inside a transaction. After that PostgreSQL ends the session.",
    ),
];

const HTTP: &[Setting] = &[
    setting(
        "OMS_HOST",
        "Address on which the API listens. Development accepts loopback addresses only, because requests need no key there. TLS is terminated by a proxy in front.",
    ),
    setting("OMS_PORT", "Port of the API."),
    setting(
        "OMS_METRICS_HOST",
        "Address on which `/metrics` listens. It is not served on the API's port.",
    ),
    setting("OMS_METRICS_PORT", "Port of `/metrics`."),
    setting_with_default(
        "OMS_TRUSTED_PROXIES",
        "none",
        "Addresses and networks of proxies, separated by commas. Their `X-Forwarded-For` is the client's address in the log.",
    ),
    setting("OMS_MAX_BODY_BYTES", "Maximum size of a request body."),
    setting(
        "OMS_HEAD_TIMEOUT_MS",
        "Maximum wait for the head of a request, accurate to half a second.",
    ),
    setting(
        "OMS_BODY_TIMEOUT_MS",
        "Maximum wait for the body of a request.",
    ),
    setting(
        "OMS_SEND_TIMEOUT_MS",
        "Time in which a client must read the next 64 KiB of its answer, or the rest of it. After that the connection is reset.",
    ),
    setting(
        "OMS_MAX_CONNECTIONS",
        "Maximum client connections of each HTTP worker; there is one worker per core. Lowered at start, with a warning, where the process may not open as many files (`ulimit -n`).",
    ),
    setting_with_default(
        "OMS_MAX_IN_FLIGHT",
        "10000 + 100 × `OMS_DATABASE_MAX_CONNECTIONS`",
        "Maximum requests in flight, excluding health checks. Each holds some kilobytes and its body.",
    ),
    setting(
        "OMS_MAX_UNIDENTIFIED_IN_FLIGHT",
        "Maximum requests whose credential is being looked up. Their bodies are not read meanwhile.",
    ),
    setting(
        "OMS_MAX_WEBHOOKS_IN_FLIGHT",
        "Maximum gateway webhooks in flight. Each may buffer 256 KiB. When the limit is reached, the one that has waited longest for its body is answered 408.",
    ),
];

const CREDENTIALS: &[Setting] = &[
    setting(
        "OMS_KEY_MEMORY_MS",
        "How long an instance caches a verified key. A revoked key may work for up to this long.",
    ),
    setting(
        "OMS_RATE_LIMIT_PER_MINUTE",
        "Requests that one key, or one subject of tokens, may send per minute to one instance. 0 is unlimited.",
    ),
    setting_with_default(
        "OMS_RATE_LIMIT_BURST",
        "a sixth of `OMS_RATE_LIMIT_PER_MINUTE`",
        "Requests that the same key or subject may send in one burst.",
    ),
];

const TOKENS: &[Setting] = &[
    setting_with_default(
        "OMS_OIDC_ISSUER",
        "none: tokens are not accepted",
        "OpenID Connect issuer whose tokens are accepted, exactly as in their `iss`. Its metadata is read from `/.well-known/openid-configuration` below it. https in production.",
    ),
    setting_with_default(
        "OMS_OIDC_CLIENT_ID",
        "none: operators sign in with keys and links only",
        "ID under which the console is registered at the issuer, so that operators can sign in there. Its redirect URI is `OMS_CONSOLE_URL` with `/console/sign-in/provider/back`. Tenant and scopes come from the claims of the ID token.",
    ),
    setting(
        "OMS_OIDC_CLIENT_SECRET",
        "Secret of that client, unless it is a public one.",
    ),
    setting_with_default(
        "OMS_OIDC_AUDIENCE",
        "required with an issuer",
        "Value that the `aud` claim of the tokens must include.",
    ),
    setting_with_default(
        "OMS_OIDC_KEYS_URL",
        "from the issuer's metadata",
        "URL of the issuer's keys.",
    ),
    setting(
        "OMS_OIDC_ALGORITHMS",
        "Accepted signature algorithms: `RS256`, `ES256`, or both separated by a comma.",
    ),
    setting(
        "OMS_OIDC_TENANT_CLAIM",
        "Claim that holds the tenant's UUID.",
    ),
    setting(
        "OMS_OIDC_BROAD_ORDERS_WRITE",
        "`true` lets tokens with `orders:write` cancel and refund orders too, until their issuer grants [the separate scopes](../decisions/order-scopes.md).",
    ),
    setting(
        "OMS_OIDC_KEYS_MS",
        "How long keys are used before they are fetched again. While the issuer does not answer, they remain in use.",
    ),
    setting(
        "OMS_OIDC_FETCH_INTERVAL_MS",
        "Minimum interval between key fetches. A newly published signing key may be rejected for up to this long.",
    ),
    setting(
        "OMS_OIDC_TIMEOUT_MS",
        "Maximum wait for an answer of the issuer.",
    ),
];

const CONSOLE: &[Setting] = &[
    setting_with_default(
        "OMS_CONSOLE",
        "`on` in development; in production `on` if `OMS_CONSOLE_URL` is set",
        "`on` serves the operators' console under `/console`, `off` does not.",
    ),
    setting_with_default(
        "OMS_CONSOLE_URL",
        "the address of the API, in development",
        "Origin under which operators open the console, such as `https://oms.example.com`: `https`, or `http` on this machine. Forms that were sent by pages of another origin are refused.",
    ),
];

const GATEWAY: &[Setting] = &[
    setting(
        "OMS_PAYMENT_GATEWAY",
        "`stripe`: Stripe, or anything that speaks its protocol. `instant` collects nothing: for measuring only, rejected in production.",
    ),
    setting(
        "OMS_STRIPE_API_URL",
        "For Stripe: `https://api.stripe.com`. The default is the sandbox.",
    ),
    setting(
        "OMS_STRIPE_SECRET_KEY",
        "Secret key of the account. Production rejects test keys, development rejects live keys.",
    ),
    setting_with_default(
        "OMS_STRIPE_WEBHOOK_SECRETS",
        "`whsec_sandbox`; in production none",
        "Signing secrets of the webhook endpoint, separated by commas while one replaces another. Without a secret there is no endpoint.",
    ),
    setting(
        "OMS_STRIPE_CONNECT_TIMEOUT_MS",
        "Maximum wait for a connection to the gateway.",
    ),
    setting(
        "OMS_STRIPE_TIMEOUT_MS",
        "Maximum wait for an answer of the gateway.",
    ),
    setting(
        "OMS_STRIPE_ALLOW_REMOTE",
        "`true` lets a development server call a gateway on another machine, such as Stripe's test mode.",
    ),
    setting(
        "OMS_GATEWAY_EVENTS_INTERVAL_MS",
        "Interval at which an instance looks for gateway events that another instance has stored.",
    ),
];

const ORDERS: &[Setting] = &[
    setting(
        "OMS_CURRENCY",
        "Currency of orders of tenants without settings: an ISO 4217 code with at most three decimals. See [currencies](../guide/currencies.md).",
    ),
    setting(
        "OMS_PENDING_PAYMENT_DEADLINE_MS",
        "Time within which an order must be paid. After that its payment is cancelled and the order fails.",
    ),
    setting(
        "OMS_DECLINE_POLICY",
        "What a declined payment does to its order: `fail` fails it immediately, `hold` keeps its stock until the deadline for [another payment method](../guide/payments-with-3-d-secure.md).",
    ),
    setting(
        "OMS_INTAKE_BATCH_MAX",
        "Maximum orders of one tenant that are placed in one transaction. 1 places each by itself.",
    ),
    setting(
        "OMS_INTAKE_BATCHES",
        "Maximum batches of one tenant and kind in flight.",
    ),
    setting(
        "OMS_INTAKE_TIMEOUT_MS",
        "Maximum time that an order waits in the queue, and that any request waits for a locked order.",
    ),
    setting(
        "OMS_EVENTS_INTERVAL_MS",
        "Interval at which events that other instances appended are looked for, to give them their positions in the feed. Events of this instance are relayed immediately.",
    ),
    setting_with_default(
        "OMS_EVENTS_NATS_URL",
        "none: events are not published to NATS",
        "Servers of a NATS cluster with JetStream, to which [events are published](../guide/brokers.md): `nats://host:4222` or `tls://…`, separated by commas. May contain a user and a password. Production needs `tls`, except on this machine.",
    ),
    setting_with_default(
        "OMS_EVENTS_NATS_CREDENTIALS",
        "none",
        "File with the credentials for NATS: a JWT and the seed of its key, as `nsc` writes it.",
    ),
    setting_with_default(
        "OMS_EVENTS_NATS_CA",
        "none",
        "File with the certificates (PEM) of authorities that are trusted for NATS besides those of the system.",
    ),
    setting_with_default(
        "OMS_SECRET_KEYS",
        "none: no webhook endpoint can be created; a fixed key in development",
        "Keys that seal the secrets of webhook endpoints in the database: `id:key,…`, newest first. A key is 32 bytes as base64 (`openssl rand -base64 32`). To replace it, put a new one in front; remove the old one when all endpoints have been used since.",
    ),
    setting_with_default(
        "OMS_WEBHOOK_ALLOW_NETWORKS",
        "none; this machine in development",
        "Networks, separated by commas, to which webhooks may be sent besides the internet: `10.0.0.0/8`. Plain http is allowed there.",
    ),
    setting_with_default(
        "OMS_WEBHOOK_PROXY",
        "none",
        "Proxy that opens the connections of webhooks (`CONNECT`). It must guard the network itself, because it resolves the names.",
    ),
    setting(
        "OMS_WEBHOOK_TIMEOUT_MS",
        "Maximum duration of a delivery, including the connection: 1000–30000.",
    ),
    setting(
        "OMS_FULFILMENT_INTERVAL_MS",
        "Interval at which an instance looks for fulfilment orders that [an older instance](../operating/upgrading.md#shipping) left missing or open.",
    ),
    setting(
        "OMS_INTAKE_OVERDUE_MS",
        "How long a batch may block the next one of its kind. When a batch is older than this plus `OMS_INTAKE_TIMEOUT_MS`, `/health/ready` answers 503.",
    ),
];

const BOUNDS: &[Setting] = &[
    setting(
        "OMS_MAX_UNPAID_ORDERS_PER_CUSTOMER",
        "Maximum [unpaid orders](../guide/hoarding-and-card-testing.md) of a customer, over all instances. 0 is unlimited, here and for the next five variables.",
    ),
    setting(
        "OMS_MAX_UNPAID_UNITS_PER_CUSTOMER",
        "Maximum units in a customer's unpaid orders.",
    ),
    setting(
        "OMS_MAX_UNPAID_ORDERS_PER_TENANT",
        "Maximum unpaid orders of a tenant. Each instance counts once a second and before it refuses, so that several instances may exceed the limit slightly.",
    ),
    setting(
        "OMS_MAX_UNPAID_UNITS_PER_TENANT",
        "Maximum units in a tenant's unpaid orders.",
    ),
    setting(
        "OMS_MAX_DECLINES_PER_CUSTOMER",
        "Maximum declined payments of a customer within the window.",
    ),
    setting(
        "OMS_MAX_DECLINES_PER_CREDENTIAL",
        "Maximum declined payments of a credential within the window.",
    ),
    setting(
        "OMS_DECLINE_WINDOW_MS",
        "The window over which declines are counted.",
    ),
];

const SETTLING: &[Setting] = &[
    setting(
        "OMS_SWEEP_INTERVAL_MS",
        "Interval at which the sweeper looks for interrupted orders.",
    ),
    setting(
        "OMS_SWEEP_AFTER_MS",
        "Age that an order must reach before the sweeper attempts to settle it.",
    ),
    setting(
        "OMS_SWEEP_BATCH",
        "Orders of one tenant that the sweeper settles concurrently.",
    ),
    setting_with_default(
        "OMS_SWEEP_LEASE_MS",
        "5 × `OMS_STRIPE_TIMEOUT_MS`, at least 60000",
        "How long an order that a sweeper claimed is reserved for it. Must be more than 4 × `OMS_STRIPE_TIMEOUT_MS`.",
    ),
    setting(
        "OMS_SWEEP_BACKOFF_MIN_MS",
        "First pause between two attempts to settle an order.",
    ),
    setting(
        "OMS_SWEEP_BACKOFF_MAX_MS",
        "Longest pause between two attempts.",
    ),
    setting(
        "OMS_SWEEP_MAX_TRIES",
        "Attempts before an order becomes a dead letter.",
    ),
    setting(
        "OMS_RECONCILE_INTERVAL_MS",
        "Interval at which the gateway's charges are compared with the orders. 0 disables the comparison.",
    ),
    setting(
        "OMS_RECONCILE_OVERLAP_MS",
        "Overlap of each comparison with the previous one, for charges that appear late.",
    ),
];

const ADDRESSES: &[Setting] = &[
    setting_with_default(
        "OMS_GEOCODER_URL",
        "none",
        "A Nominatim-compatible service for addresses without coordinates. In production https, or a loopback address.",
    ),
    setting(
        "OMS_GEOCODER_CONNECT_TIMEOUT_MS",
        "Maximum wait for a connection to it.",
    ),
    setting("OMS_GEOCODER_TIMEOUT_MS", "Maximum wait for its answer."),
    setting(
        "OMS_GEOCODER_ORDERS_PER_MINUTE",
        "Addresses that one tenant may look up per minute on one instance for orders and warehouses. 0 is unlimited. Cached addresses do not count.",
    ),
    setting(
        "OMS_GEOCODER_PREVIEWS_PER_MINUTE",
        "Addresses that one tenant may look up per minute on one instance for previews. 0 is unlimited.",
    ),
    setting_with_default(
        "OMS_ADDRESS_BOOK",
        "five demo addresses; in production none",
        "JSON file `[{\"address\", \"lat\", \"lng\"}]` of known addresses, matched exactly.",
    ),
];

const IMPORTS: &[Setting] = &[
    setting("OMS_IMPORT_MAX_BYTES", "Maximum size of an import file."),
    setting(
        "OMS_IMPORT_BODY_TIMEOUT_MS",
        "Maximum time of an upload, and maximum wait for its turn.",
    ),
    setting(
        "OMS_IMPORT_MIN_BYTES_PER_S",
        "Minimum average rate of an upload after its first 10 s. 0 disables the check.",
    ),
    setting(
        "OMS_IMPORT_FILES",
        "Files that one instance may receive, queue and import at the same time.",
    ),
    setting(
        "OMS_IMPORTS_AT_A_TIME",
        "Imports that one instance runs concurrently.",
    ),
];

const RETENTION: &[Setting] = &[
    setting(
        "OMS_RETENTION_INTERVAL_MS",
        "Interval between two purges, and between two searches for [returns](../guide/returns.md) that have expired. See [data retention](../operating/data-retention.md).",
    ),
    setting(
        "OMS_RETENTION_GEOCODING_DAYS",
        "Days for which an answer of the geocoding service is cached.",
    ),
    setting(
        "OMS_RETENTION_GATEWAY_EVENTS_DAYS",
        "Days for which applied gateway events are kept.",
    ),
    setting(
        "OMS_EVENTS_RETENTION_DAYS",
        "Days for which the feed of events is kept. A client whose cursor is older gets 410 `events.cursor_expired`.",
    ),
    setting(
        "OMS_RETENTION_KEYS_DAYS",
        "Days for which idempotency keys of the inventory and of operations on orders are kept. 0 keeps them forever. A request that is repeated after that is executed again.",
    ),
    setting(
        "OMS_RETENTION_ADDRESSES_DAYS",
        "Days after which addresses and metadata of settled orders are erased. 0 keeps them.",
    ),
    setting(
        "OMS_ERASE_PAID_AFTER_DAYS",
        "Minimum age in days of a paid order that an erasure includes, because newer ones may not be delivered yet.",
    ),
];

const MONITORING: &[Setting] = &[
    setting_with_default(
        "OMS_ALERT_WEBHOOK_URL",
        "none",
        "URL to which alerts are posted, in addition to the log. https in production.",
    ),
    setting_with_default(
        "OMS_ALERT_WEBHOOK_SECRET",
        "none",
        "Sent as `Authorization: Bearer …`.",
    ),
    setting(
        "OMS_ALERT_WEBHOOK_TIMEOUT_MS",
        "Maximum wait for an answer.",
    ),
    setting_with_default(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "none",
        "OpenTelemetry collector to which spans are sent by OTLP over HTTP, such as `http://127.0.0.1:4318`. See [monitoring](../operating/monitoring.md#traces).",
    ),
    setting(
        "OMS_LOG_FORMAT",
        "`pretty` for people, `json` for machines.",
    ),
    setting_with_default(
        OF_THE_LOG,
        "`info`",
        "What is logged, as a [tracing filter](https://docs.rs/tracing-subscriber/latest/tracing_subscriber/filter/struct.EnvFilter.html). Without it, `RUST_LOG` is used.",
    ),
];
