//! The pages for people, in a real browser: each shows its content, reports no error, and loads nothing from another
//! host.

use crate::browser::Page;
use crate::keys::{PRODUCTION, TENANT, make_key_with};
use crate::shop::Shop;

#[tokio::test]
async fn the_documentation_shows_every_group_of_endpoints() {
    let shop = Shop::open_with(PRODUCTION).await;
    let page = Page::open(&format!("{}/docs", shop.api.url)).await;
    page.shows("Order management: orders are routed").await;
    let text = page.text().await;
    let tags = ["orders", "inventory", "operations", "webhooks", "health"];
    for words in [&tags[..], &["/stock-levels/receive", "Authorize"]].concat() {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
    page.screenshot("documentation").await;
    page.assert_flawless().await;
}

#[tokio::test]
async fn the_documentation_can_send_a_request_with_a_key() {
    let shop = Shop::open_with(PRODUCTION).await;
    let scopes = "orders:read";
    let key = make_key_with(&shop.database, PRODUCTION, TENANT, "reader", scopes).await;
    let page = Page::open(&format!("{}/docs", shop.api.url)).await;
    page.press("Authorize").await;
    page.fill(".auth-container input", &key).await;
    page.screenshot("documentation_with_a_key").await;
    page.click(".modal-btn.authorize").await;
    page.shows("Logout").await;
    page.press("Close").await;
    page.click("#operations-orders-listOrders .opblock-summary-control")
        .await;
    page.press("Try it out").await;
    page.press("Execute").await;
    let answered = "[...document.querySelectorAll('.live-responses-table td.response-col_status')]\
        .some(it => it.innerText.startsWith('200'))";
    page.wait_for("the answer is 200", answered).await;
    page.screenshot("documentation_with_an_answer").await;
    page.assert_flawless().await;
}

#[tokio::test]
async fn the_documentation_is_found_with_a_trailing_slash_too() {
    let shop = Shop::open().await;
    for path in ["/docs/", "/docs/index.html"] {
        let page = Page::open(&format!("{}{path}", shop.api.url)).await;
        page.shows("Order management: orders are routed").await;
        assert_eq!(page.url().await, format!("{}/docs", shop.api.url));
        page.assert_flawless().await;
    }
}

#[tokio::test]
async fn the_landing_page_leads_to_every_other_page() {
    let shop = Shop::open_with(PRODUCTION).await;
    for (link, shown) in [
        ("Documentation", "Order management: orders are routed"),
        ("OpenAPI 3.1 document", "\"openapi\": \"3.1.0\""),
        ("Health", "\"status\":\"ok\""),
    ] {
        let page = Page::open(&shop.api.url).await;
        page.shows("The API of an order management service.").await;
        assert_eq!(page.title().await, "oms");
        page.screenshot("landing").await;
        page.press(link).await;
        page.shows(shown).await;
        page.assert_flawless().await;
    }
}

#[tokio::test]
async fn the_landing_page_is_json_for_programs() {
    let shop = Shop::open().await;
    let answer = shop.get("/").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("vary"), Some("accept"));
    for member in ["documentation", "openapi", "health"] {
        let path = format!("/{}", answer.body[member].as_str().unwrap());
        assert_eq!(shop.get(&path).await.status, 200, "{path}");
    }
    let request = shop.customer().request(reqwest::Method::GET, "/");
    let html = request.header("accept", "text/html").send().await.unwrap();
    assert!(
        html.headers()["content-type"]
            .to_str()
            .unwrap()
            .contains("html")
    );
}

#[tokio::test]
async fn no_other_page_is_served() {
    let shop = Shop::open().await;
    for file in ["oauth2-redirect.html", "swagger-initializer.js", "index.js"] {
        let absent = shop.get(&format!("/docs/{file}")).await;
        absent.assert_problem(404, "request.route_not_found");
    }
}
