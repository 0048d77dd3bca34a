//! Which requests are admitted, and for which tenant and operator they act.

use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api::Settings;
use crate::keys::{PRODUCTION, STRANGERS, TENANT, keys, make_key};
use crate::shop::Shop;

/// Verified keys are not cached.
const FORGETFUL: Settings<'_> = &[("OMS_KEY_MEMORY_MS", "0")];

#[tokio::test]
async fn a_key_places_and_reads_only_orders_of_its_own_tenant() {
    let shop = Shop::open_with(FORGETFUL).await;
    let till = shop.key("till", "orders:write orders:read").await;
    let stranger = make_key(
        &shop.database,
        STRANGERS,
        "till",
        "orders:write orders:read",
    )
    .await;
    let placed = shop.place_as(&till).await;
    placed.assert_created();
    let path = format!("/orders/{}", placed.order_id());
    assert_eq!(shop.read_as(&till, &path).await.status, 200);
    // Without a key, a development server uses the same tenant.
    assert_eq!(shop.get(&path).await.status, 200);
    let elsewhere = shop.read_as(&stranger, &path).await;
    elsewhere.assert_problem(404, "orders.not_found");
    let nothing_to_sell = shop.place_as(&stranger).await;
    nothing_to_sell.assert_problem(422, "orders.unknown_product");
    assert_eq!(shop.database.orders().await, 1);
}

#[tokio::test]
async fn a_key_that_is_sent_must_be_valid_even_where_none_is_required() {
    let shop = Shop::open_with(FORGETFUL).await;
    let till = shop.key("till", "orders:read").await;
    let anybody = shop.get("/orders/x").await;
    anybody.assert_problem(404, "orders.not_found");
    let known = shop.read_as(&till, "/orders/x").await;
    known.assert_problem(404, "orders.not_found");
    let live = till.replacen("test", "live", 1);
    for wrong in ["", "x", &till[..till.len() - 1], &live] {
        let refused = shop.read_as(wrong, "/orders/x").await;
        refused.assert_problem(401, "access.unauthenticated");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    }
    let basic = shop.customer().request(Method::GET, "/orders/x");
    let basic = basic.basic_auth("till", Some(&till));
    let basic = Answer::of(basic.send().await.unwrap()).await;
    basic.assert_problem(401, "access.unauthenticated");
    let log = serde_json::to_string(&shop.api.log()).unwrap();
    assert!(!log.contains(&till[..60]), "a key is in the log");
}

#[tokio::test]
async fn in_development_requests_through_a_proxy_or_for_another_host_need_a_key() {
    let shop = Shop::open().await;
    let till = shop.key("till", "orders:read").await;
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
        ("x-forwarded-host", "shop.example"),
        ("via", "1.1 proxy"),
        ("host", "shop.example"),
        ("host", "rebound.example:3000"),
    ] {
        let request = || {
            shop.customer()
                .request(Method::GET, "/orders/x")
                .header(name, value)
        };
        let keyless = Answer::of(request().send().await.unwrap()).await;
        keyless.assert_problem(401, "access.unauthenticated");
        let with_key = request().bearer_auth(&till).send().await.unwrap();
        Answer::of(with_key)
            .await
            .assert_problem(404, "orders.not_found");
    }
}

#[tokio::test]
async fn the_log_names_the_caller_and_its_address_and_refusals_are_counted() {
    let shop = Shop::open_with(&[("OMS_TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let till = shop.key("till", "orders:read").await;
    let request = shop.customer().request(Method::GET, "/orders/x");
    let request = request.header("x-forwarded-for", "198.51.100.7, 203.0.113.9");
    let answer = Answer::of(request.bearer_auth(&till).send().await.unwrap()).await;
    answer.assert_problem(404, "orders.not_found");
    shop.read_as("wrong", "/orders/x")
        .await
        .assert_problem(401, "access.unauthenticated");
    let keyless = shop
        .customer()
        .request(Method::GET, "/orders/x")
        .header("via", "1.1 proxy");
    let keyless = Answer::of(keyless.send().await.unwrap()).await;
    keyless.assert_problem(401, "access.unauthenticated");
    for (reason, count) in [("unknown", "1"), ("missing", "1")] {
        let series = format!("oms_http_credentials_refused_total{{reason=\"{reason}\"}}");
        assert_eq!(
            shop.metric(&series).await.as_deref(),
            Some(count),
            "{reason}"
        );
    }
    let log = shop.api.log();
    let span = |line: &Value, name: &str| line["spans"][0][name].as_str().map(str::to_owned);
    let served = log.iter().find(|line| {
        line["message"] == "served" && span(line, "credential").as_deref() == Some("till")
    });
    let served = served.expect("the request of the key is in the log");
    assert_eq!(
        span(served, "client").as_deref(),
        Some("203.0.113.9"),
        "{served}"
    );
    assert_eq!(span(served, "tenant").as_deref(), Some(TENANT), "{served}");
    let refusals = log
        .iter()
        .filter(|line| line["message"] == "credential refused");
    assert_eq!(refusals.count(), 2);
}

#[tokio::test]
async fn in_production_only_keys_created_there_are_admitted() {
    let mut shop = Shop::open().await;
    let test_key = shop.key("till", "orders:read").await;
    shop.api.process.kill();
    shop.restart(PRODUCTION).await;
    let nobody = shop.get("/orders/x").await;
    nobody.assert_problem(401, "access.unauthenticated");
    let refused = shop.read_as(&test_key, "/orders/x").await;
    refused.assert_problem(401, "access.unauthenticated");
    for open in ["/health", "/health/live", "/health/ready"] {
        assert_eq!(shop.get(open).await.status, 200, "{open}");
    }
    let nowhere = shop.get("/nowhere").await;
    nowhere.assert_problem(404, "request.route_not_found");
}

#[tokio::test]
async fn a_missing_scope_is_named_and_nothing_is_done() {
    let shop = Shop::open().await;
    let reader = shop.key("reader", "orders:read").await;
    let refused = shop.place_as(&reader).await;
    refused.assert_problem(403, "access.forbidden");
    assert_eq!(refused.body["scope"], "orders:write");
    assert_eq!(shop.database.orders().await, 0);
}

#[tokio::test]
async fn keys_overlap_when_rotated_and_a_revoked_key_fails_immediately_without_the_cache() {
    let shop = Shop::open_with(FORGETFUL).await;
    let old = shop.key("till", "orders:read").await;
    let new = keys(&shop.database, "rotate --name till --overlap-hours 1").await;
    assert!(new.status.success(), "{new:?}");
    let new = new.stdout;
    for key in [&old, &new] {
        let answer = shop.read_as(key, "/orders/x").await;
        answer.assert_problem(404, "orders.not_found");
    }
    let listed = keys(&shop.database, "list").await.stdout;
    let ids: Vec<&str> = listed
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(ids.len(), 2, "{listed}");
    assert!(!listed.contains(&old) && !listed.contains(&new), "{listed}");
    assert_eq!(listed.matches("  live  ").count(), 2, "{listed}");
    assert_eq!(listed.matches("  orders:read  ").count(), 2, "{listed}");

    let elsewhere = format!("revoke {} --tenant {STRANGERS}", ids[0]);
    let exit = keys(&shop.database, &elsewhere).await;
    assert!(exit.stderr.contains("there is no such key"), "{exit:?}");
    let revoked = keys(&shop.database, &format!("revoke {}", ids[0])).await;
    assert!(revoked.status.success(), "{revoked:?}");
    let refused = shop.read_as(&old, "/orders/x").await;
    refused.assert_problem(401, "access.unauthenticated");
    let answer = shop.read_as(&new, "/orders/x").await;
    answer.assert_problem(404, "orders.not_found");
}

#[tokio::test]
async fn a_verified_key_is_cached_and_costs_no_statement() {
    let shop = Shop::open_with(&[("OMS_KEY_MEMORY_MS", "60000")]).await;
    let till = shop.key("till", "orders:write").await;
    shop.place_as(&till).await.assert_created();
    shop.database
        .execute("ALTER TABLE access.api_keys RENAME TO gone")
        .await;
    shop.place_as(&till).await.assert_created();
    let unseen = make_unseen(&till);
    let refused = shop.place_as(&unseen).await;
    refused.assert_problem(401, "access.unauthenticated");
}

/// The key with a different last character.
fn make_unseen(key: &str) -> String {
    let other = if key.ends_with('A') { "B" } else { "A" };
    format!("{}{other}", &key[..key.len() - 1])
}

#[tokio::test]
async fn the_error_of_an_invalid_key_command_states_the_reason() {
    let shop = Shop::open().await;
    shop.key("till", "orders:read").await;
    for (words, reason) in [
        (
            "create --name till --scope orders:read",
            "till already has a live key",
        ),
        (
            "create --name two/words --scope orders:read",
            "letters, digits",
        ),
        (
            "create --name x --scope orders:all",
            "must be one of orders:read",
        ),
        ("create --name x", "--scope"),
        (
            "create --name x --scope operations --expires-in-days 0",
            "1..=3660",
        ),
        ("create --name x --scope operations --tenant me", "UUID"),
        ("rotate --name nobody", "nobody has no live key"),
        ("rotate --name till --overlap-hours 721", "0..=720"),
        (
            "revoke 019a0000-0000-7000-8000-000000000000",
            "there is no such key",
        ),
        ("revoke x", "invalid value 'x'"),
    ] {
        let exit = keys(&shop.database, words).await;
        assert_eq!(exit.status.code(), Some(1), "{words}: {exit:?}");
        assert!(exit.stderr.contains(reason), "{words}: {exit:?}");
    }
    let made = "SELECT count(*) FROM access.api_keys";
    assert_eq!(shop.database.number(made).await, 1);
}

#[tokio::test]
async fn operator_actions_are_recorded_under_the_name_of_the_key() {
    let shop = Shop::open().await;
    let ann = shop.key("ann.lee", "operations").await;
    let listed = shop.read_as(&ann, "/operations/findings").await;
    assert_eq!(
        (listed.status, &listed.body),
        (200, &json!({ "items": [] }))
    );
    let reader = shop.key("reader", "orders:read").await;
    let refused = shop.read_as(&reader, "/operations/findings").await;
    refused.assert_problem(403, "access.forbidden");
    assert_eq!(refused.body["scope"], "operations");
}
