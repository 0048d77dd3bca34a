//! Tokens of an issuer whose keys are fetched over HTTP.

use std::time::Duration;

use oms_access::{AccessError, Credential, Issuer, IssuerSettings, OrdersWrite, TokenAlgorithm};
use oms_testing::issuer::{
    AUDIENCE, Script, SigningKey, TENANT_CLAIM, TestIssuer, encode, in_seconds, unsigned,
};
use ring::hmac;
use serde_json::{Value, json};
use tokio::task::{JoinSet, yield_now};

const TENANT: &str = "00000000-0000-4000-8000-000000000001";
const HOUR: Duration = Duration::from_secs(3600);
const METADATA: &str = "/.well-known/openid-configuration";

fn settings(issuer: &TestIssuer) -> IssuerSettings {
    IssuerSettings {
        issuer: issuer.url.clone(),
        audience: AUDIENCE.to_owned(),
        keys_url: None,
        algorithms: vec![TokenAlgorithm::Rs256, TokenAlgorithm::Es256],
        tenant_claim: TENANT_CLAIM.to_owned(),
        orders_write: OrdersWrite::Alone,
        keys_good_for: HOUR,
        fetch_at_most_every: HOUR,
        timeout: Duration::from_secs(60),
    }
}

fn trusting(settings: IssuerSettings) -> Issuer {
    // Another test of this process may already have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Issuer::new(settings).unwrap()
}

/// Returns why a token is refused.
async fn refusal(issuer: &Issuer, token: &str) -> &'static str {
    match issuer.verify(token).await {
        Err(AccessError::Unknown(why)) => why,
        other => panic!("{other:?}"),
    }
}

async fn is_unavailable(issuer: &Issuer, token: &str) -> bool {
    matches!(
        issuer.verify(token).await,
        Err(AccessError::IssuerUnavailable(_))
    )
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[tokio::test]
async fn a_token_grants_its_tenant_name_and_scopes() {
    let keys = [SigningKey::rsa("1"), SigningKey::elliptic("2")];
    let server = TestIssuer::start(&[&keys[0], &keys[1]]).await;
    let issuer = trusting(settings(&server));
    for key in &keys {
        let token = key.token(&server.claims("auth0|ann", TENANT, "openid orders:read"));
        let Credential {
            tenant,
            name,
            scopes,
        } = issuer.verify(&token).await.unwrap();
        assert_eq!(tenant.to_string(), TENANT);
        assert_eq!(name.as_str(), "token:auth0|ann");
        assert_eq!(scopes.to_string(), "orders:read");
    }
    assert_eq!(server.requests(), [METADATA, "/keys"]);
}

#[tokio::test]
async fn a_configured_keys_url_skips_the_metadata() {
    let key = SigningKey::elliptic("1");
    let server = TestIssuer::start(&[&key]).await;
    let issuer = trusting(IssuerSettings {
        keys_url: Some(format!("{}/keys", server.url)),
        ..settings(&server)
    });
    let token = key.token(&server.claims("ann", TENANT, ""));
    assert!(issuer.verify(&token).await.is_ok());
    assert_eq!(server.requests(), ["/keys"]);
}

#[tokio::test]
async fn required_claims_are_checked() {
    let key = SigningKey::elliptic("1");
    let server = TestIssuer::start(&[&key]).await;
    let issuer = trusting(settings(&server));
    let claims = || server.claims("ann", TENANT, "orders:read");
    let lacks = "the token lacks a required claim";
    for (claims, why) in [
        (
            with(claims(), "exp", json!(in_seconds(-60))),
            "the token has expired",
        ),
        (with(claims(), "exp", json!("tomorrow")), lacks),
        (without(claims(), "exp"), lacks),
        (
            with(claims(), "nbf", json!(in_seconds(3600))),
            "the token is not valid yet",
        ),
        (
            with(claims(), "iss", json!("https://id.example")),
            "the token is from another issuer",
        ),
        (
            with(claims(), "iss", json!(format!("{}/", server.url))),
            "the token is from another issuer",
        ),
        (with(claims(), "iss", json!(7)), lacks),
        (without(claims(), "iss"), lacks),
        (
            with(claims(), "aud", json!("https://else.example")),
            "the token is for another audience",
        ),
        (
            with(claims(), "aud", json!([])),
            "the token is for another audience",
        ),
        (without(claims(), "aud"), lacks),
        (
            without(claims(), TENANT_CLAIM),
            "the token has no valid tenant claim",
        ),
        (
            with(claims(), TENANT_CLAIM, json!("us")),
            "the token has no valid tenant claim",
        ),
        (without(claims(), "sub"), "the token has no valid subject"),
    ] {
        assert_eq!(refusal(&issuer, &key.token(&claims)).await, why, "{claims}");
    }
    for claims in [
        with(claims(), "exp", json!(in_seconds(-5))),
        with(claims(), "nbf", json!(in_seconds(5))),
        with(claims(), "aud", json!(["https://else.example", AUDIENCE])),
        without(claims(), "scope"),
    ] {
        let verified = issuer.verify(&key.token(&claims)).await;
        assert!(verified.is_ok(), "{claims}: {verified:?}");
    }
}

#[tokio::test]
async fn only_signatures_of_the_issuer_are_accepted() {
    let (rsa, elliptic) = (SigningKey::rsa("rsa"), SigningKey::elliptic("ec"));
    let server = TestIssuer::start(&[&rsa, &elliptic]).await;
    let issuer = trusting(settings(&server));
    let claims = server.claims("ann", TENANT, "orders:read");
    let header = |name: &str, value: Value| with(elliptic.header(), name, value);
    let (otherwise, wrong, nothing) = (
        "the token's algorithm is not accepted",
        "the token's signature is wrong",
        "it is neither an API key nor a token",
    );

    let none = unsigned(&json!({ "alg": "none", "kid": "rsa" }), &claims);
    // The classic attack: the public key as the shared secret.
    let public = rsa.public();
    let secret = hmac::Key::new(hmac::HMAC_SHA256, public["n"].as_str().unwrap().as_bytes());
    let shared = unsigned(&json!({ "alg": "HS256", "kid": "rsa" }), &claims);
    let shared = format!(
        "{shared}.{}",
        encode(hmac::sign(&secret, shared.as_bytes()).as_ref())
    );
    let forger = SigningKey::elliptic("ec");
    let carried = with(
        header("jwk", forger.public()),
        "jku",
        json!("http://127.0.0.1:1/keys"),
    );
    let good = elliptic.token(&claims);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let other = unsigned(
        &elliptic.header(),
        &with(claims.clone(), "sub", json!("bob")),
    );
    let cut = &good[..good.len() - 6];
    for (token, why) in [
        (format!("{none}."), nothing),
        (format!("{none}.{signature}"), nothing),
        (shared, otherwise),
        (forger.token(&claims), wrong),
        (forger.token_with(&carried, &claims), wrong),
        (format!("{other}.{signature}"), wrong),
        (format!("{message}.{}", encode(&[0; 64])), wrong),
        (format!("{message}."), wrong),
        (cut.to_owned(), wrong),
        (
            elliptic.token_with(&header("alg", json!("ES384")), &claims),
            otherwise,
        ),
        (
            elliptic.token_with(&header("alg", json!("RS256")), &claims),
            "the token's key is unknown",
        ),
        (
            elliptic.token_with(&header("kid", json!("rsa")), &claims),
            "the token's key is unknown",
        ),
        (
            elliptic.token_with(&header("kid", Value::Null), &claims),
            "the token has no key ID",
        ),
        (
            elliptic.token_with(&header("crit", json!(["exp"])), &claims),
            "the token has critical headers",
        ),
        (
            elliptic.token(&with(claims.clone(), "x", json!("x".repeat(16_384)))),
            "the token is too long",
        ),
        (message.to_owned(), nothing),
        ("a.b.c".to_owned(), nothing),
        (String::new(), nothing),
    ] {
        assert_eq!(refusal(&issuer, &token).await, why, "{token}");
    }
    assert!(issuer.verify(&good).await.is_ok());
}

#[tokio::test]
async fn an_algorithm_that_is_not_configured_is_refused() {
    let (rsa, elliptic) = (SigningKey::rsa("1"), SigningKey::elliptic("2"));
    let server = TestIssuer::start(&[&rsa, &elliptic]).await;
    let issuer = trusting(IssuerSettings {
        algorithms: vec![TokenAlgorithm::Rs256],
        ..settings(&server)
    });
    let claims = server.claims("ann", TENANT, "");
    assert!(issuer.verify(&rsa.token(&claims)).await.is_ok());
    let why = refusal(&issuer, &elliptic.token(&claims)).await;
    assert_eq!(why, "the token's algorithm is not accepted");
}

#[tokio::test]
async fn concurrent_and_repeated_verifications_fetch_keys_once() {
    let key = SigningKey::elliptic("1");
    let server = TestIssuer::start(&[&key]).await;
    let issuer = std::sync::Arc::new(trusting(settings(&server)));
    let claims = server.claims("ann", TENANT, "");
    let mut together = JoinSet::new();
    for _ in 0..50 {
        let (issuer, token) = (issuer.clone(), key.token(&claims));
        together.spawn(async move { issuer.verify(&token).await.unwrap() });
    }
    assert_eq!(together.join_all().await.len(), 50);
    for id in 0..50 {
        let unknown = SigningKey::elliptic(&format!("unknown {id}")).token(&claims);
        assert_eq!(
            refusal(&issuer, &unknown).await,
            "the token's key is unknown"
        );
    }
    assert_eq!(server.requests(), [METADATA, "/keys"]);
}

#[tokio::test]
async fn keys_are_fetched_when_a_token_has_an_unknown_key() {
    let (old, new) = (SigningKey::elliptic("old"), SigningKey::elliptic("new"));
    let server = TestIssuer::start(&[&old]).await;
    let issuer = trusting(IssuerSettings {
        fetch_at_most_every: Duration::ZERO,
        ..settings(&server)
    });
    let claims = server.claims("ann", TENANT, "");
    assert!(issuer.verify(&old.token(&claims)).await.is_ok());
    let why = refusal(&issuer, &new.token(&claims)).await;
    assert_eq!(why, "the token's key is unknown");
    server.publish(&[&old, &new]);
    for key in [&new, &old] {
        assert!(issuer.verify(&key.token(&claims)).await.is_ok());
    }
}

#[tokio::test]
async fn a_withdrawn_key_is_dropped_by_a_background_fetch() {
    let (old, new) = (SigningKey::elliptic("old"), SigningKey::elliptic("new"));
    let server = TestIssuer::start(&[&old]).await;
    let issuer = trusting(IssuerSettings {
        keys_good_for: Duration::ZERO,
        fetch_at_most_every: Duration::ZERO,
        ..settings(&server)
    });
    let token = old.token(&server.claims("ann", TENANT, ""));
    assert!(issuer.verify(&token).await.is_ok());
    server.publish(&[&new]);
    let forgotten = async {
        while issuer.verify(&token).await.is_ok() {
            yield_now().await;
        }
    };
    let patience = Duration::from_secs(60);
    tokio::time::timeout(patience, forgotten).await.unwrap();
}

#[tokio::test]
async fn only_known_keys_verify_tokens_while_the_issuer_is_down() {
    let (known, unknown) = (SigningKey::elliptic("1"), SigningKey::elliptic("2"));
    let server = TestIssuer::start(&[&known]).await;
    let issuer = trusting(IssuerSettings {
        keys_good_for: Duration::ZERO,
        fetch_at_most_every: Duration::ZERO,
        timeout: Duration::from_millis(200),
        ..settings(&server)
    });
    let claims = server.claims("ann", TENANT, "");
    let (known, unknown_token) = (known.token(&claims), unknown.token(&claims));
    assert!(issuer.verify(&known).await.is_ok());
    let other_metadata =
        |issuer: &str, keys: &str| Script::Metadata(json!({ "issuer": issuer, "jwks_uri": keys }));
    let keys_url = format!("{}/keys", server.url);
    for script in [
        Script::Answer(500, String::new()),
        Script::Answer(302, String::new()),
        Script::Answer(200, "<html>".to_owned()),
        Script::Answer(200, " ".repeat(300_000)),
        Script::Keys("[]".to_owned()),
        Script::Hang,
        other_metadata("https://id.example", &keys_url),
        other_metadata(&server.url, "file:///etc/passwd"),
        other_metadata(&server.url, "https://127.0.0.1:1/keys"),
        Script::Metadata(json!({ "issuer": server.url })),
    ] {
        server.now(script.clone());
        assert!(is_unavailable(&issuer, &unknown_token).await, "{script:?}");
        assert!(issuer.verify(&known).await.is_ok(), "{script:?}");
    }
    server.publish(&[&unknown]);
    server.now(Script::Publish);
    assert!(issuer.verify(&unknown_token).await.is_ok());
}

#[tokio::test]
async fn a_failed_fetch_is_not_repeated_immediately() {
    let key = SigningKey::elliptic("1");
    let server = TestIssuer::start(&[&key]).await;
    let issuer = trusting(settings(&server));
    server.now(Script::Answer(503, String::new()));
    let token = key.token(&server.claims("ann", TENANT, ""));
    for _ in 0..3 {
        assert!(is_unavailable(&issuer, &token).await);
    }
    assert_eq!(server.requests(), [METADATA]);
}

#[tokio::test]
async fn invalid_settings_are_refused() {
    let server = TestIssuer::start(&[]).await;
    for (issuer, keys_url) in [
        ("id.example", None),
        ("https://id.example?tenant=1", None),
        ("https://id.example", Some("ldap://id.example/keys")),
    ] {
        let made = Issuer::new(IssuerSettings {
            issuer: issuer.to_owned(),
            keys_url: keys_url.map(str::to_owned),
            ..settings(&server)
        });
        assert!(made.is_err(), "{issuer} {keys_url:?}");
    }
}
