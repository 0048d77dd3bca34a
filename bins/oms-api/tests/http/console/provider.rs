//! Signing in at an identity provider.

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use oms_testing::issuer::{SigningKey, TestIssuer};
use reqwest::Url;
use serde_json::json;

use super::desk::{Desk, cookie_of};
use crate::answer::Answer;
use crate::credentials::tokens;
use crate::keys::TENANT;
use crate::shop::Shop;

const CLIENT: &str = "oms-console";

async fn registered_at(issuer: &TestIssuer) -> Shop {
    let settings = tokens::settings(issuer);
    let client = [
        ("OMS_OIDC_CLIENT_ID", CLIENT),
        ("OMS_OIDC_CLIENT_SECRET", "hush"),
        ("OMS_CONSOLE_URL", "http://127.0.0.1:3000"),
    ];
    Shop::open_with(&[&settings[..], &client].concat()).await
}

/// Sends a browser to the identity provider. Returns what the address has.
async fn begin(desk: &mut Desk, next: &str) -> HashMap<String, String> {
    let away = desk
        .get(&format!("/console/sign-in/provider?next={next}"))
        .await;
    assert_eq!(away.status, 303, "{away:?}");
    desk.cookie = cookie_of(&away);
    let address: Url = away.header("location").unwrap().parse().unwrap();
    assert_eq!(address.path(), "/authorize");
    address.query_pairs().into_owned().collect()
}

async fn come_back(desk: &Desk, state: &str) -> Answer {
    desk.get(&format!(
        "/console/sign-in/provider/back?code=c0de&state={state}"
    ))
    .await
}

#[tokio::test]
async fn an_operator_signs_in_at_the_identity_provider() {
    let key = SigningKey::elliptic("1");
    let issuer = TestIssuer::start(&[&key]).await;
    let shop = registered_at(&issuer).await;
    let mut desk = Desk::nobody(&shop);
    assert!(
        desk.page("/console/sign-in")
            .await
            .contains("/console/sign-in/provider")
    );
    let asked = begin(&mut desk, "/console/settings").await;
    let redirect = "http://127.0.0.1:3000/console/sign-in/provider/back";
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", redirect),
        ("scope", "openid"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(asked[name], value, "{name}");
    }
    let mut claims = issuer.claims("ann", TENANT, "orders:read");
    claims["aud"] = json!(CLIENT);
    claims["nonce"] = json!(asked["nonce"]);
    issuer.give(&key.token(&claims));
    let entered = come_back(&desk, &asked["state"]).await;
    assert_eq!(
        entered.header("location"),
        Some("/console/settings"),
        "{entered:?}"
    );
    let form: Url = format!("x:?{}", issuer.exchanged()).parse().unwrap();
    let form: HashMap<String, String> = form.query_pairs().into_owned().collect();
    assert_eq!(
        (form["code"].as_str(), form["redirect_uri"].as_str()),
        ("c0de", redirect)
    );
    let digest = sha256(form["code_verifier"].as_bytes());
    assert_eq!(
        BASE64_URL_SAFE_NO_PAD.encode(digest),
        asked["code_challenge"]
    );
    desk.cookie = cookie_of(&entered);
    let settings = desk.page("/console/settings").await;
    assert!(
        settings.contains("token:ann") && settings.contains("orders:read"),
        "{settings}"
    );
}

#[tokio::test]
async fn a_code_of_another_browser_or_a_token_of_another_sign_in_is_refused() {
    let key = SigningKey::elliptic("1");
    let issuer = TestIssuer::start(&[&key]).await;
    let shop = registered_at(&issuer).await;
    let mut desk = Desk::nobody(&shop);
    let asked = begin(&mut desk, "").await;
    let claims = |name: &str, value: &str| {
        let mut claims = issuer.claims("ann", TENANT, "orders:read");
        claims["aud"] = json!(CLIENT);
        claims["nonce"] = json!(asked["nonce"]);
        claims[name] = json!(value);
        key.token(&claims)
    };
    let refused = async |desk: &Desk, state: &str| {
        let refused = come_back(desk, state).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        let text = "The identity provider did not sign you in.";
        assert!(refused.text.contains(text), "{refused:?}");
    };
    issuer.give(&claims("nonce", "of another"));
    refused(&desk, &asked["state"]).await;
    // The audience of access tokens is not that of ID tokens.
    issuer.give(&claims("aud", oms_testing::issuer::AUDIENCE));
    refused(&desk, &asked["state"]).await;
    issuer.give(&claims("x", "y"));
    refused(&desk, &asked["nonce"]).await;
    refused(&Desk::nobody(&shop), &asked["state"]).await;
    let entered = come_back(&desk, &asked["state"]).await;
    assert_eq!(entered.status, 303, "{entered:?}");
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).to_vec()
}
