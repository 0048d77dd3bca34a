//! `HEAD`, `OPTIONS`, and methods that a route does not support.

use std::collections::BTreeSet;

use reqwest::Method;

use crate::answer::Answer;
use crate::documents::every_route::Things;
use crate::keys::PRODUCTION;
use crate::raw::RawConnection;
use crate::request::{new_key, small_order};
use crate::routes;
use crate::shop::Shop;

async fn ask(shop: &Shop, method: Method, path: &str) -> Answer {
    let request = shop.customer().request(method, path);
    Answer::of(request.send().await.unwrap()).await
}

/// The headers of an answer, without those that differ between any two answers.
fn headers(answer: &Answer) -> Vec<(String, String)> {
    let differ = ["date", "x-request-id", "ratelimit", "ratelimit-policy"];
    let names = answer.headers.keys().map(|name| name.as_str());
    let names = names.filter(|name| !differ.contains(name));
    let headers = names.map(|name| (name.to_owned(), answer.header(name).unwrap().to_owned()));
    let mut headers: Vec<_> = headers.collect();
    headers.sort_unstable();
    headers
}

#[tokio::test]
async fn head_is_get_without_the_body_on_every_route() {
    let shop = Shop::open().await;
    let things = Things::of(&shop).await;
    for route in routes::ROUTES.iter().filter(|route| route.method == "GET") {
        let path = things.path(route);
        let get = shop.get(&path).await;
        assert_eq!(get.status, 200, "{path}: {get:?}");
        let head = ask(&shop, Method::HEAD, &path).await;
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
        assert_eq!(headers(&head), headers(&get), "{path}");
        assert!(head.header("content-length").is_some(), "{path}: {head:?}");
    }
    let mut connection = RawConnection::open(&shop.api.metrics_url).await;
    connection
        .send(b"HEAD /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await;
    let head = connection.read_to_end().await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.ends_with("\r\n\r\n"), "{head}");
}

#[tokio::test]
async fn a_refused_head_is_answered_like_get_without_the_body() {
    let mut shop = Shop::open().await;
    let order = format!(
        "/orders/{}",
        shop.place_new(&small_order()).await.order_id()
    );
    let absent = format!("/orders/{}", new_key());
    let tag = shop.get(&order).await.header("etag").unwrap().to_owned();
    let known = shop
        .customer()
        .request(Method::HEAD, &order)
        .header("if-none-match", tag);
    assert_eq!(known.send().await.unwrap().status(), 304);
    for path in [
        absent.as_str(),
        "/orders?limit=x",
        "/nowhere",
        "/routing/preview",
    ] {
        let (get, head) = (shop.get(path).await, ask(&shop, Method::HEAD, path).await);
        assert_eq!(
            (head.status, head.text.as_str()),
            (get.status, ""),
            "{path}"
        );
        assert_eq!(headers(&head), headers(&get), "{path}");
    }
    shop.api.process.kill();
    shop.restart(PRODUCTION).await;
    assert_eq!(ask(&shop, Method::HEAD, &order).await.status, 401);
}

#[tokio::test]
async fn a_pipelined_request_after_head_gets_the_next_answer() {
    let shop = Shop::open().await;
    let mut connection = RawConnection::open(&shop.api.url).await;
    let requests = "HEAD /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n\
                    GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    connection.send(requests.as_bytes()).await;
    let answers = connection.read_to_end().await;
    let bodies: Vec<&str> = answers.split("HTTP/1.1 200 OK").skip(1).collect();
    assert_eq!(bodies.len(), 2, "{answers}");
    assert!(bodies[0].ends_with("\r\n\r\n"), "{answers}");
    assert!(bodies[1].ends_with("{\"status\":\"ok\"}"), "{answers}");
}

#[tokio::test]
async fn the_refusal_of_an_unsupported_method_lists_the_supported_ones() {
    let shop = Shop::open().await;
    let things = Things::of(&shop).await;
    let every = ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"];
    for route in routes::ROUTES.iter() {
        let rows = routes::ROUTES.iter().filter(|row| row.path == route.path);
        let mut methods: BTreeSet<&str> = rows.map(|row| row.method).collect();
        let path = things.path(route);
        let others = every.iter().filter(|method| !methods.contains(*method));
        let others: Vec<Method> = others
            .map(|it| Method::from_bytes(it.as_bytes()).unwrap())
            .collect();
        if methods.contains("GET") {
            methods.insert("HEAD");
        }
        methods.insert("OPTIONS");
        let allowed = |answer: &Answer| -> BTreeSet<String> {
            let allowed = answer.header("allow").unwrap().split(", ");
            allowed.map(str::to_owned).collect()
        };
        let methods: BTreeSet<String> = methods.into_iter().map(str::to_owned).collect();
        for method in others {
            let refused = ask(&shop, method, &path).await;
            refused.assert_problem(405, "request.method_not_allowed");
            assert_eq!(allowed(&refused), methods, "{path}");
        }
        let told = ask(&shop, Method::OPTIONS, &path).await;
        assert_eq!((told.status, told.text.as_str()), (204, ""), "{path}");
        assert_eq!(allowed(&told), methods, "{path}");
    }
}
