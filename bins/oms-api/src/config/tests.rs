//! Accepted and rejected configurations.

use oms_access::{OrdersWrite, TokenAlgorithm};
use oms_orders::DeclinePolicy;

use super::*;

mod database;

pub(super) fn read(variables: &[(&str, &str)]) -> Result<Config, InvalidConfig> {
    let value = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    Config::from_env(&value)
}

pub(super) const DATABASE: (&str, &str) = ("DATABASE_URL", "postgres://oms:hunter2@localhost/oms");

#[test]
fn development_needs_only_a_database() {
    let config = read(&[DATABASE]).unwrap();
    assert_eq!((config.port, config.metrics_port), (3000, 9464));
    assert!(config.has_sandbox_gateway());
}

#[test]
fn all_problems_are_reported_together_and_no_value_is_repeated() {
    let InvalidConfig(problems) = read(&[
        ("OMS_ENV", "staging"),
        ("OMS_PORT", "70000"),
        ("OMS_CURRENCY", "ZZZ"),
        ("OMS_PAYMENT_GATEWAY", "s3cret"),
        ("OMS_TENANT_ID", "me"),
        ("OMS_LOG_FORMAT", "xml"),
        ("OMS_HOST", "0.0.0.0"),
        ("OMS_STRIPE_WEBHOOK_SECRETS", "whsec_s3cret,s3cret"),
    ])
    .unwrap_err();
    let told: Vec<&str> = problems
        .iter()
        .filter_map(|problem| problem.split(' ').next())
        .collect();
    let mut expected = [
        "OMS_ENV",
        "OMS_PORT",
        "DATABASE_URL",
        "OMS_PAYMENT_GATEWAY",
        "OMS_CURRENCY",
        "OMS_TENANT_ID",
        "OMS_LOG_FORMAT",
        "OMS_HOST",
        "OMS_STRIPE_WEBHOOK_SECRETS",
    ];
    let mut told_sorted = told.clone();
    told_sorted.sort_unstable();
    expected.sort_unstable();
    assert_eq!(told_sorted, expected);
    assert!(!problems.join(" ").contains("s3cret"));
}

#[test]
fn the_answer_timeout_is_longer_than_the_statement_timeout() {
    let slow = ("OMS_DATABASE_STATEMENT_TIMEOUT_MS", "20000");
    let config = read(&[DATABASE, slow]).unwrap();
    assert_eq!(config.database.pool().answer_timeout.as_millis(), 24_000);
    let short = ("OMS_DATABASE_ANSWER_TIMEOUT_MS", "20000");
    let InvalidConfig(problems) = read(&[DATABASE, slow, short]).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("OMS_DATABASE_ANSWER_TIMEOUT_MS must be more"));
}

#[test]
fn development_rejects_live_keys_and_gateways_on_other_machines() {
    let problems = |variables: &[(&str, &str)]| {
        let read = read(&[&[DATABASE], variables].concat());
        read.err()
            .map_or_else(Vec::new, |InvalidConfig(problems)| problems)
    };
    for key in ["sk_live_hush", "rk_live_hush"] {
        let problems = problems(&[("OMS_STRIPE_SECRET_KEY", key)]);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("OMS_STRIPE_SECRET_KEY is a live key"));
    }
    let remote = ("OMS_STRIPE_API_URL", "https://api.stripe.com");
    for url in [
        "https://api.stripe.com",
        "http://10.0.0.7:12111",
        "http://localhost.example",
        "stripe",
    ] {
        let problems = problems(&[("OMS_STRIPE_API_URL", url)]);
        assert_eq!(problems.len(), 1, "{url} {problems:?}");
        assert!(problems[0].starts_with("OMS_STRIPE_API_URL must be on this machine"));
    }
    for url in [
        "http://localhost:1",
        "https://127.0.0.1:1",
        "http://[::1]:1",
    ] {
        assert!(problems(&[("OMS_STRIPE_API_URL", url)]).is_empty(), "{url}");
    }
    let allowed = ("OMS_STRIPE_ALLOW_REMOTE", "true");
    let test_mode = read(&[
        DATABASE,
        remote,
        allowed,
        ("OMS_STRIPE_SECRET_KEY", "sk_test_x"),
    ]);
    assert!(!test_mode.unwrap().has_sandbox_gateway());
    let live = problems(&[remote, allowed, ("OMS_STRIPE_SECRET_KEY", "sk_live_x")]);
    assert_eq!(live.len(), 1, "{live:?}");
}

#[test]
fn production_rejects_development_settings() {
    let InvalidConfig(problems) = read(&[DATABASE, ("OMS_ENV", "production")]).unwrap_err();
    assert_eq!(
        problems,
        [
            "OMS_STRIPE_API_URL is required",
            "OMS_STRIPE_SECRET_KEY is required",
            "OMS_STRIPE_API_URL must be an https URL in production"
        ]
    );
    let InvalidConfig(problems) = read(&[
        DATABASE,
        ("OMS_ENV", "production"),
        ("OMS_STRIPE_API_URL", "http://127.0.0.1:12111"),
        ("OMS_STRIPE_SECRET_KEY", "sk_test_sandbox"),
        ("OMS_STRIPE_WEBHOOK_SECRETS", "whsec_live,whsec_sandbox"),
    ])
    .unwrap_err();
    assert_eq!(problems.len(), 3, "{problems:?}");
}

#[test]
fn only_development_may_run_without_a_gateway() {
    let instant = ("OMS_PAYMENT_GATEWAY", "instant");
    let config = read(&[DATABASE, instant]).unwrap();
    assert_eq!(config.gateway, Gateway::Instant);
    let InvalidConfig(problems) = read(&[
        DATABASE,
        instant,
        ("OMS_ENV", "production"),
        ("OMS_STRIPE_API_URL", "https://api.stripe.com"),
        ("OMS_STRIPE_SECRET_KEY", "sk_live_x"),
    ])
    .unwrap_err();
    assert_eq!(
        problems,
        ["OMS_PAYMENT_GATEWAY must not be instant in production, because it collects nothing"]
    );
}

#[test]
fn production_never_accepts_card_numbers() {
    let config = read(&[
        DATABASE,
        ("OMS_ENV", "production"),
        ("OMS_HOST", "0.0.0.0"),
        ("OMS_STRIPE_API_URL", "https://api.stripe.com"),
        ("OMS_STRIPE_SECRET_KEY", "sk_live_x"),
    ])
    .unwrap();
    assert!(!config.has_sandbox_gateway());
}

#[test]
fn the_sandbox_webhook_secret_is_the_default_in_development_only() {
    let development = read(&[DATABASE]).unwrap().stripe.webhook_secrets;
    assert!(development.unwrap().include("whsec_sandbox"));
    let production = [
        DATABASE,
        ("OMS_ENV", "production"),
        ("OMS_STRIPE_API_URL", "https://api.stripe.com"),
        ("OMS_STRIPE_SECRET_KEY", "sk_live_x"),
    ];
    let none = read(&production).unwrap().stripe.webhook_secrets;
    assert!(none.is_none());
    let two = ("OMS_STRIPE_WEBHOOK_SECRETS", "whsec_old,whsec_new");
    let given = read(&[&production[..], &[two]].concat()).unwrap();
    let given = given.stripe.webhook_secrets.unwrap();
    assert!(given.include("whsec_old") && given.include("whsec_new"));
}

#[test]
fn a_lease_is_longer_than_the_calls_made_under_it() {
    let lease = |settings: &[(&str, &str)]| {
        read(&[&[DATABASE], settings].concat())
            .unwrap()
            .sweep
            .lease()
    };
    assert_eq!(lease(&[]), Duration::from_secs(60));
    assert_eq!(
        lease(&[("OMS_SWEEP_LEASE_MS", "40000")]),
        Duration::from_secs(40)
    );
    assert_eq!(
        lease(&[("OMS_STRIPE_TIMEOUT_MS", "60000")]),
        Duration::from_secs(300)
    );

    let InvalidConfig(problems) = read(&[
        DATABASE,
        ("OMS_SWEEP_LEASE_MS", "32000"),
        ("OMS_SWEEP_BACKOFF_MIN_MS", "2000"),
        ("OMS_SWEEP_BACKOFF_MAX_MS", "1999"),
        ("OMS_SWEEP_BATCH", "0"),
        ("OMS_SWEEP_MAX_TRIES", "0"),
    ])
    .unwrap_err();
    let told: Vec<&str> = problems
        .iter()
        .filter_map(|problem| problem.split(' ').next())
        .collect();
    let expected = [
        "OMS_SWEEP_BATCH",
        "OMS_SWEEP_MAX_TRIES",
        "OMS_SWEEP_LEASE_MS",
        "OMS_SWEEP_BACKOFF_MAX_MS",
    ];
    assert_eq!(told, expected, "{problems:?}");
}

#[test]
fn database_timeouts_can_be_set_and_the_lock_timeout_is_the_shorter_one() {
    let waits = |settings: &[(&str, &str)]| {
        let pool = read(&[&[DATABASE], settings].concat())?.database.pool();
        let seconds = [
            pool.acquire_timeout,
            pool.lock_timeout,
            pool.statement_timeout,
            pool.idle_in_transaction_timeout,
        ]
        .map(|wait| wait.as_secs());
        Ok::<_, InvalidConfig>(seconds)
    };
    assert_eq!(waits(&[]).unwrap(), [5, 5, 10, 15]);
    let (lock, statement) = (
        "OMS_DATABASE_LOCK_TIMEOUT_MS",
        "OMS_DATABASE_STATEMENT_TIMEOUT_MS",
    );
    let set = [
        ("OMS_DATABASE_ACQUIRE_TIMEOUT_MS", "1000"),
        (lock, "2000"),
        (statement, "3000"),
        ("OMS_DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS", "4000"),
    ];
    assert_eq!(waits(&set).unwrap(), [1, 2, 3, 4]);
    let InvalidConfig(problems) = waits(&[(statement, "5000")]).unwrap_err();
    assert_eq!(
        problems,
        [format!(
            "{lock} must be less than {statement}, which includes it"
        )]
    );
}

#[test]
fn a_geocoder_is_called_only_if_its_url_is_set() {
    let (url, wait) = ("OMS_GEOCODER_URL", "OMS_GEOCODER_TIMEOUT_MS");
    assert!(read(&[DATABASE]).unwrap().geocoder.is_none());
    let given = [
        DATABASE,
        (url, "https://maps.example?key=hush"),
        (wait, "9000"),
    ];
    let settings = read(&given).unwrap().geocoder.unwrap();
    assert!(!format!("{settings:?}").contains("hush"));
    let client = settings.client();
    assert_eq!(client.timeout, Duration::from_secs(9));
    assert_eq!(client.connect_timeout, Duration::from_secs(1));
    let InvalidConfig(problems) = read(&[DATABASE, (wait, "9000")]).unwrap_err();
    assert_eq!(problems, [format!("{wait} has no effect without {url}")]);
}

#[test]
fn batches_are_limited_and_can_be_disabled() {
    let read_both = |settings: &[(&str, &str)]| {
        let config = read(&[&[DATABASE], settings].concat())?;
        Ok::<_, InvalidConfig>((config.intake_batch_max, config.intake_batches))
    };
    assert_eq!(read_both(&[]).unwrap(), (64, 1));
    assert_eq!(read_both(&[("OMS_INTAKE_BATCH_MAX", "1")]).unwrap(), (1, 1));
    for (variable, value) in [
        ("OMS_INTAKE_BATCH_MAX", "0"),
        ("OMS_INTAKE_BATCH_MAX", "257"),
        ("OMS_INTAKE_BATCHES", "0"),
        ("OMS_INTAKE_BATCHES", "17"),
    ] {
        let InvalidConfig(problems) = read_both(&[(variable, value)]).unwrap_err();
        assert!(problems[0].starts_with(variable), "{problems:?}");
    }
}

#[test]
fn the_rate_limit_is_a_thousand_per_second_in_production_and_unlimited_in_development() {
    let limit = |settings: &[(&str, &str)]| {
        let config = read(&[&[DATABASE], settings].concat())?;
        let limit = config.access.rate_limit;
        Ok::<_, InvalidConfig>(limit.map(|it| (it.per_minute.get(), it.burst.get())))
    };
    let production = [
        ("OMS_ENV", "production"),
        ("OMS_STRIPE_API_URL", "https://api.stripe.com"),
        ("OMS_STRIPE_SECRET_KEY", "sk_live_x"),
    ];
    assert_eq!(limit(&[]).unwrap(), None);
    assert_eq!(limit(&production).unwrap(), Some((60_000, 10_000)));
    let (per_minute, burst) = ("OMS_RATE_LIMIT_PER_MINUTE", "OMS_RATE_LIMIT_BURST");
    assert_eq!(limit(&[(per_minute, "600")]).unwrap(), Some((600, 100)));
    assert_eq!(limit(&[(per_minute, "1")]).unwrap(), Some((1, 1)));
    let both = [(per_minute, "6000000"), (burst, "1000000")];
    assert_eq!(limit(&both).unwrap(), Some((6_000_000, 1_000_000)));
    let off = [&production[..], &[(per_minute, "0")]].concat();
    assert_eq!(limit(&off).unwrap(), None);
    for (variable, value) in [
        (per_minute, "6000001"),
        (per_minute, "-1"),
        (burst, "0"),
        (burst, "1000001"),
    ] {
        let InvalidConfig(problems) = limit(&[(variable, value)]).unwrap_err();
        assert!(problems[0].starts_with(variable), "{problems:?}");
    }
}

#[test]
fn tokens_are_accepted_from_an_issuer_with_an_audience() {
    let issuer = |settings: &[(&str, &str)]| {
        let config = read(&[&[DATABASE], settings].concat())?;
        Ok::<_, InvalidConfig>(config.access.issuer)
    };
    assert!(issuer(&[]).unwrap().is_none());
    let named = [
        ("OMS_OIDC_ISSUER", "https://id.example/"),
        ("OMS_OIDC_AUDIENCE", "oms"),
    ];
    let settings = issuer(&named).unwrap().unwrap();
    assert_eq!(settings.issuer, "https://id.example/");
    assert_eq!(settings.tenant_claim, "tenant_id");
    assert_eq!(settings.algorithms, [TokenAlgorithm::Rs256]);
    assert_eq!(settings.keys_url, None);
    assert_eq!(settings.orders_write, OrdersWrite::Alone);
    let broad = ("OMS_OIDC_BROAD_ORDERS_WRITE", "true");
    let settings = issuer(&[&named[..], &[broad]].concat()).unwrap().unwrap();
    assert_eq!(settings.orders_write, OrdersWrite::IncludesCancelAndRefund);
    let both = ("OMS_OIDC_ALGORITHMS", "ES256, RS256");
    let settings = issuer(&[&named[..], &[both]].concat()).unwrap().unwrap();
    assert_eq!(
        settings.algorithms,
        [TokenAlgorithm::Es256, TokenAlgorithm::Rs256]
    );
    for (variable, value) in [
        ("OMS_OIDC_ISSUER", "id.example"),
        ("OMS_OIDC_KEYS_URL", "ldap://id.example"),
        ("OMS_OIDC_ALGORITHMS", "HS256"),
        ("OMS_OIDC_ALGORITHMS", "none"),
        ("OMS_OIDC_ALGORITHMS", "RS256,"),
        ("OMS_OIDC_BROAD_ORDERS_WRITE", "yes"),
        ("OMS_OIDC_KEYS_MS", "59999"),
        ("OMS_OIDC_FETCH_INTERVAL_MS", "999"),
        ("OMS_OIDC_TIMEOUT_MS", "99"),
    ] {
        // The first of two values is used.
        let settings = [&[(variable, value)], &named[..]].concat();
        let InvalidConfig(problems) = issuer(&settings).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(variable), "{problems:?}");
    }
    let InvalidConfig(problems) = issuer(&named[..1]).unwrap_err();
    assert_eq!(problems, ["OMS_OIDC_AUDIENCE is required"]);
    let InvalidConfig(problems) = issuer(&named[1..]).unwrap_err();
    assert_eq!(
        problems,
        ["OMS_OIDC_AUDIENCE has no effect without OMS_OIDC_ISSUER"]
    );
}

#[test]
fn production_calls_an_issuer_only_over_tls() {
    let InvalidConfig(problems) = read(&[
        DATABASE,
        ("OMS_ENV", "production"),
        ("OMS_STRIPE_API_URL", "https://api.stripe.com"),
        ("OMS_STRIPE_SECRET_KEY", "sk_live_x"),
        ("OMS_OIDC_ISSUER", "http://id.example"),
        ("OMS_OIDC_AUDIENCE", "oms"),
        ("OMS_OIDC_KEYS_URL", "http://id.example/keys"),
    ])
    .unwrap_err();
    assert_eq!(
        problems,
        [
            "OMS_OIDC_ISSUER must be an https URL in production",
            "OMS_OIDC_KEYS_URL must be an https URL in production"
        ]
    );
}

#[test]
fn production_calls_a_geocoder_only_over_tls_or_on_the_same_machine() {
    let name = "OMS_GEOCODER_URL";
    let problems = |url| match read(&[DATABASE, ("OMS_ENV", "production"), (name, url)]) {
        Err(InvalidConfig(problems)) => problems,
        Ok(_) => Vec::new(),
    };
    let wrong = format!("{name} must be an https URL in production, or http on this machine");
    for url in [
        "http://geo.example",
        "http://10.0.0.7:8080",
        "http://localhost.example",
        "http://127.0.0.1:80@geo.example",
        "ftp://127.0.0.1",
    ] {
        assert!(problems(url).contains(&wrong), "{url}");
    }
    for url in [
        "https://geo.example/?key=k",
        "http://127.0.0.1:8080",
        "http://localhost/v1",
        "http://[::1]:8080/?key=k",
    ] {
        assert!(!problems(url).contains(&wrong), "{url}");
    }
    assert!(read(&[DATABASE, (name, "http://geo.example")]).is_ok());
}

#[test]
fn alerts_are_posted_only_if_a_url_is_set_and_over_tls_in_production() {
    assert!(read(&[DATABASE]).unwrap().alert_webhook.is_none());
    let url = ("OMS_ALERT_WEBHOOK_URL", "http://127.0.0.1:9/hook");
    let webhook = read(&[DATABASE, url]).unwrap().alert_webhook.unwrap();
    assert_eq!(webhook.timeout, Duration::from_secs(5));
    assert!(webhook.secret.is_none());
    let lonely = [DATABASE, ("OMS_ALERT_WEBHOOK_SECRET", "hush")];
    let InvalidConfig(problems) = read(&lonely).unwrap_err();
    assert_eq!(
        problems,
        ["OMS_ALERT_WEBHOOK_SECRET has no effect without OMS_ALERT_WEBHOOK_URL"]
    );
    for wrong in [
        ("OMS_ALERT_WEBHOOK_URL", "mailto:ann"),
        ("OMS_ALERT_WEBHOOK_TIMEOUT_MS", "25001"),
    ] {
        let InvalidConfig(problems) = read(&[DATABASE, wrong, url]).unwrap_err();
        assert!(problems[0].starts_with(wrong.0), "{problems:?}");
    }
    let InvalidConfig(problems) = read(&[("OMS_ENV", "production"), url]).unwrap_err();
    let https = "OMS_ALERT_WEBHOOK_URL must be an https URL in production".to_owned();
    assert!(problems.contains(&https), "{problems:?}");
}

#[test]
fn spans_are_sent_only_if_an_endpoint_is_set() {
    assert!(read(&[DATABASE]).unwrap().otlp_endpoint.is_none());
    let name = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let endpoint = (name, "http://127.0.0.1:4318");
    assert!(read(&[DATABASE, endpoint]).unwrap().otlp_endpoint.is_some());
    let InvalidConfig(problems) = read(&[DATABASE, (name, "127.0.0.1:4317")]).unwrap_err();
    assert_eq!(problems, [format!("{name} must be an http or https URL")]);
}

#[test]
fn requests_in_flight_are_limited_by_the_queue_and_the_pool() {
    let most = |settings: &[(&str, &str)]| {
        let config = read(&[&[DATABASE], settings].concat())?;
        Ok::<_, InvalidConfig>(config.http.max_in_flight)
    };
    assert_eq!(most(&[]).unwrap(), 12_000);
    let connections = ("OMS_DATABASE_MAX_CONNECTIONS", "50");
    assert_eq!(most(&[connections]).unwrap(), 15_000);
    assert_eq!(most(&[("OMS_MAX_IN_FLIGHT", "1")]).unwrap(), 1);
    for value in ["0", "1000001"] {
        let InvalidConfig(problems) = most(&[("OMS_MAX_IN_FLIGHT", value)]).unwrap_err();
        assert!(problems[0].starts_with("OMS_MAX_IN_FLIGHT"), "{problems:?}");
    }
}

#[test]
fn charges_are_compared_every_hour_unless_that_is_disabled() {
    let schedule = |settings: &[(&str, &str)]| {
        let config = read(&[&[DATABASE], settings].concat()).unwrap();
        let schedule = config.reconcile?;
        Some([schedule.interval, schedule.overlap, schedule.lease].map(|it| it.as_secs()))
    };
    assert_eq!(schedule(&[]), Some([3600, 86_400, 60]));
    assert_eq!(schedule(&[("OMS_RECONCILE_INTERVAL_MS", "0")]), None);
    let slow = [
        ("OMS_RECONCILE_OVERLAP_MS", "0"),
        ("OMS_STRIPE_TIMEOUT_MS", "60000"),
    ];
    assert_eq!(schedule(&slow), Some([3600, 0, 420]));
    let too_much = [
        DATABASE,
        ("OMS_RECONCILE_INTERVAL_MS", "604800001"),
        ("OMS_RECONCILE_OVERLAP_MS", "2592000001"),
    ];
    assert_eq!(read(&too_much).unwrap_err().0.len(), 2);
}

#[test]
fn debug_output_contains_no_secrets() {
    let config = read(&[
        DATABASE,
        ("OMS_STRIPE_SECRET_KEY", "sk_test_hush"),
        ("OMS_STRIPE_WEBHOOK_SECRETS", "whsec_hush"),
    ])
    .unwrap();
    let debug = format!("{config:?}");
    assert!(
        !debug.contains("hunter2") && !debug.contains("hush"),
        "{debug}"
    );
}

#[test]
fn a_declined_payment_may_hold_its_order_only_if_a_deadline_is_set() {
    let payments = |variables: &[(&str, &str)]| {
        read(&[&[DATABASE], variables].concat()).map(|config| config.payments)
    };
    let default = payments(&[]).unwrap();
    assert_eq!(default.decline_policy, DeclinePolicy::Fail);
    assert_eq!(default.deadline, Duration::from_secs(900));
    let hold = payments(&[("OMS_DECLINE_POLICY", "hold")]).unwrap();
    assert_eq!(hold.decline_policy, DeclinePolicy::Hold);
    let refused = payments(&[
        ("OMS_DECLINE_POLICY", "hold"),
        ("OMS_PENDING_PAYMENT_DEADLINE_MS", "0"),
    ]);
    let InvalidConfig(problems) = refused.unwrap_err();
    assert!(problems[0].contains("OMS_DECLINE_POLICY"), "{problems:?}");
    let refused = payments(&[("OMS_DECLINE_POLICY", "retry")]);
    let InvalidConfig(problems) = refused.unwrap_err();
    assert!(problems[0].contains("must be fail or hold"), "{problems:?}");
}
