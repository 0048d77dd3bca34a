//! The document of the API, and the page that shows it.

use serde_json::Value;

use crate::keys::PRODUCTION;
use crate::shop::Shop;

#[tokio::test]
async fn the_served_document_is_the_committed_one() {
    let shop = Shop::open().await;
    let served = shop.get("/openapi.json").await;
    assert_eq!(served.status, 200);
    assert_eq!(served.header("content-type"), Some("application/json"));
    let committed: Value = serde_json::from_str(include_str!("../../../openapi.json")).unwrap();
    assert_eq!(served.body, committed);
}

#[tokio::test]
async fn the_page_loads_nothing_from_another_host() {
    let mut shop = Shop::open().await;
    shop.api.process.kill();
    shop.restart(PRODUCTION).await;
    let page = shop.get("/docs").await;
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        !policy.contains("http") && policy.contains("default-src 'none'"),
        "{policy}"
    );
    let attributes = page.text.split('"').skip(1).step_by(2);
    let files: Vec<&str> = attributes.filter(|it| it.contains('.')).collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files.into_iter().filter(|file| *file != "openapi.json") {
        assert!(file.starts_with("docs/"), "{file}");
        let answer = shop.get(&format!("/{file}")).await;
        assert_eq!(answer.status, 200, "{file}");
    }
    let absent = shop.get("/docs/nothing.js").await;
    absent.assert_problem(404, "request.route_not_found");
}
