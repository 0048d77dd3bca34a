//! The address of the database, and the protection of its connections.

use oms_database::Pooling;

use super::*;

/// The settings that production requires besides the database.
const PRODUCTION: [(&str, &str); 3] = [
    ("OMS_ENV", "production"),
    ("OMS_STRIPE_API_URL", "https://api.stripe.com"),
    ("OMS_STRIPE_SECRET_KEY", "sk_live_hush"),
];

#[test]
fn production_verifies_a_database_on_another_machine_unless_configured_otherwise() {
    let in_production = |url: &str, settings: &[(&str, &str)]| {
        read(&[&PRODUCTION[..], &[("DATABASE_URL", url)], settings].concat())
    };
    let remote = "postgres://oms:hunter2@db.example/oms";
    let config = in_production(remote, &[]).unwrap();
    assert_eq!(
        config.database.url(),
        format!("{remote}?sslmode=verify-full")
    );
    assert_eq!(config.database.exposure(), None);
    for url in [
        "postgres://oms:hunter2@localhost/oms",
        "postgres:///oms?host=/run/postgresql",
    ] {
        let config = in_production(url, &[]).unwrap();
        assert_eq!(config.database.url(), url);
        assert_eq!(config.database.exposure(), None);
    }
    for (mode, exposed) in [
        ("disable", "is not encrypted"),
        ("require", "its server is not verified"),
    ] {
        let url = format!("{remote}?sslmode={mode}");
        let InvalidConfig(problems) = in_production(&url, &[]).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("DATABASE_URL must have sslmode=verify-full"));
        let insecure = [("OMS_DATABASE_TLS", "insecure")];
        let config = in_production(&url, &insecure).unwrap();
        assert_eq!(config.database.url(), url);
        let exposure = config.database.exposure().unwrap();
        assert!(exposure.contains(exposed), "{exposure}");
        // A URL without `sslmode` is still verified.
        let config = in_production(remote, &insecure).unwrap();
        assert_eq!(config.database.exposure(), None);
    }
}

#[test]
fn migrations_bypass_a_pooler() {
    let pooled = ("OMS_DATABASE_POOLER", "transaction");
    let direct = (
        "OMS_MIGRATION_DATABASE_URL",
        "postgres://owner:hunter2@localhost/oms",
    );
    let url = |settings: &[(&str, &str)]| {
        let config = read(&[&[DATABASE], settings].concat()).unwrap();
        let settings = config.database.for_migrations();
        settings.map(|it| (it.url().to_owned(), it.pooling))
    };
    let session = |url: &str| Some((url.to_owned(), Pooling::Session));
    assert_eq!(url(&[]), session(DATABASE.1));
    assert_eq!(url(&[direct]), session(direct.1));
    assert_eq!(url(&[pooled, direct]), session(direct.1));
    assert_eq!(url(&[pooled]), None);
    let InvalidConfig(problems) = read(&[
        DATABASE,
        ("OMS_DATABASE_POOLER", "pgbouncer"),
        ("OMS_MIGRATION_DATABASE_URL", "mysql://localhost"),
    ])
    .unwrap_err();
    assert_eq!(problems.len(), 2, "{problems:?}");
}

#[test]
fn development_follows_the_sslmode_of_the_url() {
    let url = "postgres://oms:hunter2@db.example/oms";
    let config = read(&[("DATABASE_URL", url)]).unwrap();
    assert_eq!(config.database.url(), url);
    let exposure = config.database.exposure().unwrap();
    assert!(exposure.contains("is not encrypted"), "{exposure}");
}

#[test]
fn an_unusable_database_url_is_reported_with_the_other_problems() {
    for (parameters, expected) in [
        (
            "sslmode=prefer",
            "sslmode must be disable, require, verify-ca or verify-full",
        ),
        (
            "sslmode=verify-full&sslrootcert=/nowhere.pem",
            "sslrootcert=/nowhere.pem can't be read",
        ),
        (
            "sslmode=require&sslkey=/a",
            "sslcert and sslkey must be given together",
        ),
    ] {
        let url = format!("{}?{parameters}", DATABASE.1);
        let InvalidConfig(problems) =
            read(&[("DATABASE_URL", &url), ("OMS_PORT", "x")]).unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:?}");
        let problem = problems.iter().find(|it| it.starts_with("DATABASE_URL"));
        let problem = problem.unwrap();
        assert!(problem.contains(expected), "{problem}");
        assert!(!problem.contains("hunter2"), "{problem}");
    }
}
