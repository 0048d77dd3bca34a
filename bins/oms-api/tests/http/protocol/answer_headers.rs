//! Headers of all answers for browsers, caches and proxies, and conditional requests of clients.

use reqwest::Method;
use serde_json::json;

use crate::answer::Answer;
use crate::documents::every_route::Things;
use crate::request::{WIDGET_A, new_key, small_order};
use crate::routes;
use crate::shop::Shop;
use crate::stock::ATLANTA_WAREHOUSE;

fn assert_protected(answer: &Answer, what: &str) {
    assert_eq!(
        answer.header("x-content-type-options"),
        Some("nosniff"),
        "{what}: {answer:?}"
    );
    let policy = answer.header("content-security-policy").unwrap_or_default();
    assert!(
        policy.contains("frame-ancestors 'none'"),
        "{what}: {policy}"
    );
    let caching = answer.header("cache-control").unwrap_or_default();
    let is_public = what.starts_with("/docs") || what == "/favicon.ico";
    assert!(
        is_public || caching.contains("no-store"),
        "{what}: {caching}"
    );
}

#[tokio::test]
async fn no_answer_may_be_sniffed_framed_or_cached() {
    let shop = Shop::open().await;
    let things = Things::of(&shop).await;
    for route in routes::ROUTES.iter() {
        let path = things.path(route);
        for method in ["GET", "POST", "HEAD", "OPTIONS", "DELETE"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let request = shop.customer().request(method, &path);
            let answer = Answer::of(request.send().await.unwrap()).await;
            assert_protected(&answer, &path);
        }
    }
    for path in ["/nowhere", "/orders?limit=x"] {
        assert_protected(&shop.get(path).await, path);
    }
}

#[tokio::test]
async fn an_encoded_body_is_refused_and_the_answer_lists_the_accepted_codings() {
    let shop = Shop::open().await;
    let things = Things::of(&shop).await;
    let writing = routes::ROUTES.iter().filter(|route| route.method != "GET");
    for route in writing {
        for coding in ["gzip", "br", "GZip, identity"] {
            let method = Method::from_bytes(route.method.as_bytes()).unwrap();
            let request = shop.customer().request(method, &things.path(route));
            let request = request
                .header("content-encoding", coding)
                .header("content-type", "application/json")
                .header("idempotency-key", new_key())
                .header("if-match", "*")
                .body(&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..]);
            let refused = Answer::of(request.send().await.unwrap()).await;
            refused.assert_problem(415, "request.unsupported_media_type");
            assert_eq!(
                refused.header("accept-encoding"),
                Some("identity"),
                "{refused:?}"
            );
        }
    }
    let plain = shop
        .customer()
        .post("/orders")
        .header("content-encoding", "identity");
    let plain = plain
        .header("idempotency-key", new_key())
        .json(&small_order());
    Answer::of(plain.send().await.unwrap())
        .await
        .assert_created();
    let other = shop
        .customer()
        .post("/orders")
        .header("idempotency-key", new_key());
    let other = other.body("x").send().await.unwrap();
    let other = Answer::of(other).await;
    assert_eq!((other.status, other.header("accept-encoding")), (415, None));
}

#[tokio::test]
async fn if_match_accepts_tags_that_a_proxy_has_changed() {
    let shop = Shop::open().await;
    let path = format!("/products/{WIDGET_A}");
    let name = |number: usize| json!({ "name": format!("Widget {number}") });
    let mut version = 1;
    for (number, tag) in [
        "W/\"{}\"",
        "\"{}\"",
        "\"7\", W/\"{}\"",
        "\"{}-gzip\"",
        ", W/\"{}\",",
    ]
    .into_iter()
    .enumerate()
    {
        let tag = tag.replace("{}", &version.to_string());
        let changed = shop
            .change(Method::PATCH, &path, Some(&tag), &name(number))
            .await;
        assert_eq!(changed.status, 200, "{tag}: {changed:?}");
        version += 1;
        assert_eq!(
            changed.header("etag"),
            Some(format!("\"{version}\"").as_str())
        );
        let stale = shop
            .change(Method::PATCH, &path, Some(&tag), &name(99))
            .await;
        stale.assert_problem(412, "request.precondition_failed");
    }
    for wrong in ["1", "W/1", "\"1\" \"2\"", "*, \"1\""] {
        let refused = shop
            .change(Method::PATCH, &path, Some(wrong), &name(0))
            .await;
        refused.assert_problem(400, "request.invalid_header");
    }
    let level = format!("/stock-levels/{ATLANTA_WAREHOUSE}/{WIDGET_A}/safety-stock");
    let set = shop
        .change(
            Method::PUT,
            &level,
            Some("W/\"0\""),
            &json!({ "quantity": 2 }),
        )
        .await;
    assert_eq!(
        (set.status, set.header("etag")),
        (200, Some("\"2\"")),
        "{set:?}"
    );
}

#[tokio::test]
async fn an_answer_that_the_client_already_has_is_not_sent_again() {
    let shop = Shop::open().await;
    let order = format!(
        "/orders/{}",
        shop.place_new(&small_order()).await.order_id()
    );
    for path in [
        order,
        format!("/products/{WIDGET_A}"),
        format!("/warehouses/{ATLANTA_WAREHOUSE}"),
        format!("/stock-levels/{ATLANTA_WAREHOUSE}/{WIDGET_A}/safety-stock"),
    ] {
        let whole = shop.get(&path).await;
        let tag = whole.header("etag").unwrap().to_owned();
        let read = async |method: Method, known: &str| {
            let request = shop.customer().request(method, &path);
            let request = request.header("if-none-match", known);
            Answer::of(request.send().await.unwrap()).await
        };
        let compressed = format!("{}-gzip\"", tag.trim_end_matches('"'));
        for known in [
            &tag,
            &format!("W/{tag}"),
            &format!("\"x\", W/{tag}"),
            &compressed,
            "*",
        ] {
            for method in [Method::GET, Method::HEAD] {
                let again = read(method, known).await;
                assert_eq!(
                    (again.status, again.text.as_str()),
                    (304, ""),
                    "{path}: {known}"
                );
                assert_eq!(again.header("etag"), Some(tag.as_str()));
                assert_eq!(again.header("content-type"), None);
            }
        }
        for other in ["\"x\"", "x", "W/\"y\", \"z\""] {
            let again = read(Method::GET, other).await;
            assert_eq!(
                (again.status, &again.body),
                (200, &whole.body),
                "{path}: {other}"
            );
        }
    }
}
