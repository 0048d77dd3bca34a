//! Escaped paths, and paths that do not exist.

use crate::answer::Answer;
use crate::keys::{PRODUCTION, TENANT, make_key_with};
use crate::raw::{RawConnection, status};
use crate::request::small_order;
use crate::shop::Shop;

/// The status of a `GET` of this exact path, which HTTP clients would normalise.
async fn get(shop: &Shop, path: &str, key: Option<&str>) -> String {
    let mut connection = RawConnection::open(&shop.api.url).await;
    let key = key.map_or_else(String::new, |key| {
        format!("authorization: Bearer {key}\r\n")
    });
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{key}connection: close\r\n\r\n");
    connection.send(request.as_bytes()).await;
    connection.read_to_end().await
}

#[tokio::test]
async fn an_escaped_path_is_decoded_and_unknown_paths_are_404() {
    let mut shop = Shop::open().await;
    let order_id = shop.place_new(&small_order()).await.order_id();
    shop.api.process.kill();
    shop.restart(PRODUCTION).await;
    let scopes = oms_validation::Scope::ALL
        .map(oms_validation::Scope::as_str)
        .join(" ");
    let key = make_key_with(&shop.database, PRODUCTION, TENANT, "all", &scopes).await;
    let (first, rest) = order_id.split_at(1);
    let escaped = format!("%{:02x}{rest}", first.as_bytes()[0]);
    for same in [
        "/orders".to_owned(),
        "/%6frders".to_owned(),
        "/%6Frder%73".to_owned(),
        format!("/%6frders/{order_id}"),
        format!("/orders/{escaped}"),
        format!("/%6f%72%64%65%72%73/{escaped}/%74imeline"),
        "/%70roducts?limit=1".to_owned(),
        "/%6fperations/findings".to_owned(),
    ] {
        assert_eq!(status(&get(&shop, &same, None).await), 401, "{same}");
        assert_eq!(status(&get(&shop, &same, Some(&key)).await), 200, "{same}");
    }
    assert_eq!(status(&get(&shop, "/%68ealth/live", None).await), 200);
    for nowhere in [
        "/orders/",
        "//orders",
        "/orders//",
        "/./orders",
        "/orders/.",
        "/health/../orders",
        "/%2e/orders",
        "/orders%2f",
        "/orders%2F%2F",
        "/ORDERS",
        "/Orders",
        "/orders;a=b",
        "/orders%00",
        "/%ff",
        "/orders%252f",
        "/%",
        "/operations%2ffindings",
        "/openapi.json/",
        "/metrics",
        "*",
    ] {
        for key in [None, Some(key.as_str())] {
            let answer = get(&shop, nowhere, key).await;
            let status = status(&answer);
            let is_order = nowhere.starts_with("/orders/");
            let expected: &[u16] = match (is_order, key) {
                // A malformed ID.
                (true, Some(_)) => &[404],
                (true, None) => &[401, 404],
                (false, _) => &[404, 400],
            };
            assert!(expected.contains(&status), "{nowhere}: {answer}");
        }
    }
    let of_id = format!("/orders/{order_id}%2Fcancel");
    assert_eq!(status(&get(&shop, &of_id, Some(&key)).await), 404);
    let errors = shop
        .api
        .log()
        .into_iter()
        .filter(|line| line["level"] == "ERROR");
    assert_eq!(errors.count(), 0);
}

#[tokio::test]
async fn an_escaped_path_is_counted_under_its_route() {
    let shop = Shop::open().await;
    let counted = async |route: &str| {
        let series =
            format!("oms_http_requests_total{{method=\"GET\",route=\"{route}\",status=\"2xx\"}}");
        shop.metric(&series).await.unwrap_or_default()
    };
    // A route has series from its first request on.
    get(&shop, "/products", None).await;
    let before: u64 = counted("/products").await.parse().unwrap();
    get(&shop, "/%70roducts", None).await;
    get(&shop, "/products", None).await;
    let after: u64 = counted("/products").await.parse().unwrap();
    assert_eq!(after, before + 2);
    let head = shop.customer().request(reqwest::Method::HEAD, "/products");
    Answer::of(head.send().await.unwrap()).await;
    let after_head: u64 = counted("/products").await.parse().unwrap();
    assert_eq!(after_head, after + 1);
    for nowhere in ["/products/", "//products", "/%50roducts"] {
        let answer = get(&shop, nowhere, None).await;
        assert_eq!(status(&answer), 404, "{nowhere}: {answer}");
    }
    assert_eq!(
        counted("/products").await.parse::<u64>().unwrap(),
        after_head
    );
}
