//! Saved views of the list of orders.

use futures_util::future::join_all;

use super::actions::{CORPUS, assert_harmless};
use super::desk::Desk;
use super::stuck::assert_accessible;
use crate::answer::Answer;
use crate::browser::Page;
use crate::request::new_key;
use crate::shop::Shop;

const SAVE: &str = "/console/orders/views";

/// The views that a tenant may have.
const MOST: usize = 30;

async fn number_of_views(shop: &Shop) -> i64 {
    let sql = "SELECT count(*) FROM access.console_views";
    shop.database.number(sql).await
}

/// The path of the only view.
async fn path_of(shop: &Shop) -> String {
    let id = "SELECT id::text FROM access.console_views";
    let id = shop.database.rows(id).await.concat().concat();
    format!("{SAVE}/{id}")
}

fn place(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.header("location").unwrap_or_default())
}

#[tokio::test]
async fn a_view_is_shared_by_the_operators_of_a_tenant_renamed_and_deleted() {
    let shop = Shop::open().await;
    let ann = Desk::of(&shop, "ann", "orders:read").await;
    let ben = Desk::of(&shop, "ben", "orders:read").await;
    let filtered = "/console/orders?status=PAID&sort=oldest";
    let page = ann.page(filtered).await;
    assert!(page.contains("Save view…"), "{page}");
    assert!(!ann.page("/console/orders").await.contains("Save view…"));
    let form = [
        ("name", " Paid, <oldest> "),
        ("status", "PAID"),
        ("sort", "oldest"),
    ];
    // The button was pressed twice.
    for _ in 0..2 {
        let saved = ann.post(SAVE, &form).await;
        let back = format!("{filtered}&done=saved");
        assert_eq!(place(&saved), (303, back.as_str()), "{saved:?}");
    }
    assert_eq!(number_of_views(&shop).await, 1);
    let list = ben.page("/console/orders").await;
    let link = "<a href=\"/console/orders?status=PAID&#38;sort=oldest\">Paid, &#60;oldest&#62;</a>";
    assert!(list.contains(link), "{list}");
    let page = ben.page(filtered).await;
    for text in [
        "aria-current=\"page\">Paid, &#60;oldest&#62;",
        "Rename view…",
        "Delete view…",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("Save view…"), "{page}");

    let path = path_of(&shop).await;
    let rename = |name, version| [("what", "rename"), ("name", name), ("version", version)];
    for _ in 0..2 {
        let renamed = ben.post(&path, &rename("To send", "1")).await;
        let back = format!("{filtered}&done=renamed");
        assert_eq!(place(&renamed), (303, back.as_str()), "{renamed:?}");
    }
    let stale = ann.post(&path, &rename("Mine", "1")).await;
    assert_eq!(stale.status, 412, "{stale:?}");
    for text in ["Somebody else has renamed this view.", "To send"] {
        assert!(stale.text.contains(text), "{text}: {}", stale.text);
    }
    let delete = [("what", "delete")];
    let deleted = ann.post(&path, &delete).await;
    assert_eq!(place(&deleted), (303, "/console/orders?done=deleted"));
    for form in [&delete[..], &rename("Again", "2")] {
        let late = ben.post(&path, form).await;
        assert_eq!(late.status, 404, "{late:?}");
        for text in ["This view does not exist any more.", "aria-label=\"Views\""] {
            assert!(late.text.contains(text), "{text}: {}", late.text);
        }
    }
    assert_eq!(number_of_views(&shop).await, 0);
}

#[tokio::test]
async fn a_view_that_can_not_be_saved_is_explained_and_changes_nothing() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", "orders:read").await;
    let form = |name, status| [("name", name), ("status", status)];
    let saved = desk.post(SAVE, &form("Paid", "PAID")).await;
    assert_eq!(saved.status, 303, "{saved:?}");
    let path = path_of(&shop).await;
    let long = "x".repeat(41);
    for (form, status, text) in [
        (form("Paid", "FAILED"), 409, "Another view has this name."),
        (form("", "FAILED"), 400, "Name: is required"),
        (
            form("\u{200B}", "FAILED"),
            400,
            "Name: must be 1 to 40 characters",
        ),
        (
            form("a\nb", "FAILED"),
            400,
            "Name: must be 1 to 40 characters",
        ),
        (
            form(&long, "FAILED"),
            400,
            "Name: must be 1 to 40 characters",
        ),
        (
            form("None", ""),
            400,
            "Filters: must be 1 to 1000 characters",
        ),
        (form("Odd", "PAYED"), 400, "Status: is not valid"),
    ] {
        let refused = desk.post(SAVE, &form).await;
        assert_eq!(refused.status, status, "{form:?}: {refused:?}");
        for text in [text, "aria-label=\"Views\""] {
            assert!(refused.text.contains(text), "{text}: {}", refused.text);
        }
    }
    for (what, name, version, status) in [
        ("", "A", "1", 400),
        ("dance", "A", "1", 400),
        ("rename", "", "1", 400),
        ("rename", "A", "x", 400),
        ("rename", "A", "2", 412),
    ] {
        let form = [("what", what), ("name", name), ("version", version)];
        let refused = desk.post(&path, &form).await;
        assert_eq!(refused.status, status, "{form:?}: {refused:?}");
    }
    let names = "SELECT name || ' ' || query || ' ' || version FROM access.console_views";
    assert_eq!(shop.database.rows(names).await, [["Paid status=PAID 1"]]);
    let another = desk.post(SAVE, &form("Failed", "FAILED")).await;
    assert_eq!(another.status, 303, "{another:?}");
    let taken = [("what", "rename"), ("name", "Failed"), ("version", "1")];
    let taken = desk.post(&path, &taken).await;
    assert_eq!(taken.status, 409, "{taken:?}");
}

#[tokio::test]
async fn a_tenant_has_thirty_views_at_most_however_many_are_saved_at_the_same_time() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", "orders:read").await;
    let names: Vec<String> = (0..MOST + 3)
        .map(|number| format!("View {number}"))
        .collect();
    let saved = names.iter().map(async |name| {
        let form = [("name", name.as_str()), ("reference", name)];
        desk.post(SAVE, &form).await.status
    });
    let mut statuses = join_all(saved).await;
    statuses.sort_unstable();
    assert_eq!(statuses[..MOST], [303; MOST]);
    assert_eq!(statuses[MOST..], [409; 3]);
    let refused = desk
        .post(SAVE, &[("name", "One more"), ("status", "PAID")])
        .await;
    assert!(
        refused.text.contains("A tenant has 30 at most."),
        "{refused:?}"
    );
    let page = desk.page("/console/orders").await;
    assert!(page.len() <= 60_000, "{}", page.len());
    assert_eq!(number_of_views(&shop).await, 30);
}

#[tokio::test]
async fn what_is_written_into_a_view_is_not_a_part_of_a_page() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", "orders:read").await;
    for text in CORPUS {
        let name: String = text.chars().take(40).collect();
        let saved = desk
            .post(SAVE, &[("name", &name), ("reference", text)])
            .await;
        assert_eq!(saved.status, 303, "{text}: {saved:?}");
        let page = desk.page(saved.header("location").unwrap()).await;
        assert_harmless(&page, &name, "the view");
        assert_harmless(&page, text, "the view");
        let again = desk
            .post(SAVE, &[("name", &name), ("reference", "x")])
            .await;
        assert_eq!(again.status, 409, "{text}: {again:?}");
        assert_harmless(&again.text, &name, "a refused view");
    }
}

/// On a phone, with the keyboard and without scripts.
#[tokio::test]
async fn a_view_is_saved_and_deleted_with_the_keyboard_alone() {
    let shop = Shop::open().await;
    let page = Page::blank().await;
    page.set_viewport(320, 800).await;
    page.go_to(&format!("{}/console/sign-in", shop.api.url))
        .await;
    page.focus("#api_key").await;
    page.type_text(&shop.key(&new_key(), "orders:read").await)
        .await;
    page.press_key("Enter").await;
    page.shows("Newest orders").await;
    page.go_to(&format!("{}/console/orders?status=FAILED", shop.api.url))
        .await;
    page.focus("details.action summary").await;
    page.press_key("Enter").await;
    look(&page, "saving").await;
    page.press_key("Tab").await;
    page.type_text("Failed ones").await;
    page.press_key("Enter").await;
    page.shows("The view was saved.").await;
    look(&page, "saved").await;
    page.focus("details:has(button[value=delete]) summary")
        .await;
    page.press_key("Enter").await;
    look(&page, "deleting").await;
    page.press_key("Tab").await;
    page.press_key("Enter").await;
    page.shows("The view was deleted.").await;
    assert!(!page.text().await.contains("Failed ones"));
    page.assert_flawless().await;
}

/// Checks what is open, in both themes and widths.
async fn look(page: &Page, name: &str) {
    for (width, theme) in [
        (1280, "light"),
        (1280, "dark"),
        (320, "dark"),
        (320, "light"),
    ] {
        page.set_viewport(width, 800).await;
        page.prefer(theme).await;
        page.screenshot(&format!("console-view-{name}-{width}-{theme}"))
            .await;
        assert_accessible(page, &format!("{name}, {width}, {theme}")).await;
    }
    let wide = page.evaluate("document.documentElement.scrollWidth").await;
    assert!(wide.as_u64().unwrap() <= 320, "{name} is {wide} wide");
}
