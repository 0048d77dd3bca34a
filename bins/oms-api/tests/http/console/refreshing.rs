//! Pages that refresh a part of themselves.

use reqwest::Method;

use super::desk::Desk;
use super::stuck::signed_in;
use crate::answer::Answer;
use crate::payments::three_d_secure::{CHALLENGING, paying};
use crate::shop::Shop;

/// What a page fetches for itself.
async fn part(desk: &Desk, path: &str) -> Answer {
    let request = desk.request(Method::GET, path).header("hx-request", "true");
    Answer::of(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_page_fetches_the_part_that_it_refreshes() {
    let shop = Shop::open().await;
    let scopes = "orders:read operations inventory:read inventory:write";
    let desk = Desk::of(&shop, "ann", scopes).await;
    let waiting = paying(CHALLENGING, Some("https://shop.example/done"));
    let order = shop.place_new(&waiting).await.order_id();
    let rows = "sku,name,amountMinor,currency\nX-1,Mug,1000,USD\n";
    let form = [("key", "once"), ("kind", "products"), ("rows", rows)];
    let begun = desk.post("/console/imports", &form).await;
    let import = begun.header("location").unwrap().to_owned();
    let going_on = "UPDATE inventory.imports SET finished_at = NULL";
    shop.database.execute(going_on).await;
    for (path, texts) in [
        (
            format!("/console/orders/{order}"),
            ["id=\"said\"", "The bank wants", "id=\"facts\""],
        ),
        (
            import.clone(),
            ["id=\"progress\"", "Lines read", "In progress"],
        ),
        (
            "/console/live".to_owned(),
            ["id=\"metrics\"", "class=\"value\"", "<svg"],
        ),
    ] {
        let page = desk.page(&path).await;
        assert!(page.contains(&format!("hx-get=\"{path}\"")), "{page}");
        let part = part(&desk, &path).await;
        assert_eq!(part.status, 200, "{path}: {part:?}");
        for text in texts {
            assert!(part.text.contains(text), "{path}: {text}: {}", part.text);
            assert!(page.contains(text), "{path}: {text}");
        }
    }
    // Once there is nothing to wait for, all of the page is different.
    shop.database
        .execute("UPDATE inventory.imports SET finished_at = now()")
        .await;
    let done = part(&desk, &import).await;
    assert_eq!(
        (done.status, done.header("hx-refresh")),
        (204, Some("true"))
    );
}

#[tokio::test]
async fn the_page_of_an_order_says_what_is_going_on_after_each_refresh_and_when_it_ends() {
    let shop = Shop::open().await;
    let page = signed_in(&shop).await;
    let waiting = paying(CHALLENGING, Some("https://shop.example/done"));
    let pending = shop.place_new(&waiting).await;
    let order = pending.order_id();
    page.go_to(&format!("{}/console/orders/{order}", shop.api.url))
        .await;
    let refreshed = "new Promise(done => document.body.addEventListener('htmx:afterSettle',
        () => done(document.querySelectorAll('#said, #facts').length), { once: true }))";
    for _ in 0..2 {
        assert_eq!(page.evaluate(refreshed).await, 2);
        page.shows("The bank wants the customer to confirm").await;
    }
    assert_eq!(shop.cancel(&order).await.status, 200);
    page.shows("Nobody has to act").await;
    assert_eq!(page.errors(), Vec::<String>::new());
}
