//! All pages in a browser: light and dark with axe, at 320 pixels, with the keyboard only, and without scripts.

use std::sync::Mutex;

use futures_util::future::join_all;
use oms_console::ROUTES;
use serde_json::json;

use super::desk::Desk;
use super::stuck::assert_accessible;
use crate::api::SWEEPING;
use crate::browser::Page;
use crate::eventually::until;
use crate::keys::TENANT;
use crate::receiver::{Manner, Receiver};
use crate::request::{WIDGET_A, new_key, small_order};
use crate::shop::Shop;
use crate::stock::ATLANTA_WAREHOUSE;

const SCOPES: &str = "orders:read orders:cancel orders:refund operations inventory:read inventory:write fulfilment:read fulfilment:write returns:read returns:write returns:receive webhooks:read webhooks:write events:read settings:write";

const FINDING: &str = "01a00000-0000-7000-8000-00000000f1d1";

/// What no page shows to those who are signed in: files, the door, and what leads to another page.
const NO_PAGES: [&str; 7] = [
    "/console/assets/{file}",
    "/console/sign-in",
    "/console/sign-in/link",
    "/console/sign-in/provider",
    "/console/sign-in/provider/back",
    "/console/search",
    "/console/imports/{id}/rejected.csv",
];

/// A shop with something on every page, and the addresses of the pages.
struct Rooms {
    shop: Shop,
    _receiver: Receiver,
    pages: Vec<(&'static str, String)>,
}

impl Rooms {
    async fn furnished() -> Self {
        let impatient = [SWEEPING, ("OMS_SWEEP_MAX_TRIES", "1")];
        let shop = Shop::open_with(&impatient).await;
        let desk = Desk::of(&shop, "bob", SCOPES).await;
        let (order, _) = shop.delivered(3).await;
        let returned = shop.request_return(&order, 2).await;
        let returned = returned.body["id"].as_str().unwrap().to_owned();
        let approved = shop.approved_return(&order, 1).await;

        let receiver = Receiver::start(Manner::Answers(400)).await;
        let endpoint = json!({ "url": format!("{}/hooks/orders", receiver.url), "description": "The shop's mail" });
        let endpoint = shop
            .post_once("/webhook-endpoints", &new_key(), &endpoint)
            .await;
        let endpoint = endpoint.body["id"].as_str().unwrap();
        let endpoint = format!("/console/webhooks/{endpoint}");
        let paid = shop.place_new(&small_order()).await.order_id();
        let held = shop.place_new(&small_order()).await.order_id();
        let hold = json!({ "handle": "check", "reason": "fraud_check", "note": "two countries" });
        let path = format!(
            "/fulfilment-orders/{}/holds",
            shop.fulfilment_order_of(&held).await
        );
        let held = shop.post_once(&path, &new_key(), &hold).await;
        assert_eq!(held.status, 201, "{held:?}");

        let silent = json!({ "type": "error_before", "status": 500 });
        shop.sandbox.once("confirm", silent).await;
        let stuck = shop.place_new(&small_order()).await;
        stuck.assert_pending();
        let stuck = stuck.order_id();
        let taken = [("key", "k"), ("reason", "by hand")];
        let taken = desk
            .post(&format!("/console/orders/{stuck}/take"), &taken)
            .await;
        assert_eq!(taken.status, 303, "{taken:?}");
        let letter = "SELECT id::text FROM orders.dead_letters";
        let letter = shop.database.rows(letter).await.concat().concat();
        let finding = format!(
            "INSERT INTO orders.findings (tenant_id, id, kind, gateway, subject, charge_reference, detail, action)
             VALUES ('{TENANT}', '{FINDING}', 'charge_without_order', 'stripe', 'ch_1', 'ch_1', 'The gateway has a charge that belongs to no order.', 'none')"
        );
        shop.database.execute(&finding).await;

        let saved = [("name", "To send"), ("status", "PAID")];
        let saved = desk.post("/console/orders/views", &saved).await;
        assert_eq!(saved.status, 303, "{saved:?}");

        let rows = "sku,warehouseId,quantity\nNO-SUCH-SKU,x,1\n";
        let form = [
            ("key", "i"),
            ("kind", "stock"),
            ("mode", "set"),
            ("rows", rows),
            ("reason", "counted"),
        ];
        let imported = desk.post("/console/imports", &form).await;
        assert_eq!(imported.status, 303, "{imported:?}");
        let import = imported.header("location").unwrap().to_owned();
        until("the endpoint has rejected something", async || {
            desk.page(&endpoint).await.contains("Send now")
        })
        .await;
        let pages = vec![
            ("home", "/console".to_owned()),
            ("orders", "/console/orders".to_owned()),
            ("orders-of-a-view", "/console/orders?status=PAID".to_owned()),
            ("orders-filtered", "/console/orders?sort=oldest".to_owned()),
            ("search", "/console/search?q=nothing".to_owned()),
            ("order-stuck", format!("/console/orders/{stuck}")),
            ("order-paid", format!("/console/orders/{paid}")),
            ("refund", format!("/console/orders/{paid}/refund")),
            ("dead-letters", "/console/dead-letters".to_owned()),
            ("dead-letter", format!("/console/dead-letters/{letter}")),
            ("findings", "/console/findings".to_owned()),
            ("finding", format!("/console/findings/{FINDING}")),
            ("stock", "/console/stock".to_owned()),
            (
                "level",
                format!("/console/stock/{ATLANTA_WAREHOUSE}/{WIDGET_A}"),
            ),
            (
                "picking",
                format!("/console/picking?warehouse={ATLANTA_WAREHOUSE}"),
            ),
            ("holds", "/console/holds".to_owned()),
            ("returns", "/console/returns".to_owned()),
            ("return-to-decide", format!("/console/returns/{returned}")),
            ("return-to-receive", format!("/console/returns/{approved}")),
            ("warehouses", "/console/warehouses".to_owned()),
            (
                "warehouse",
                format!("/console/warehouses/{ATLANTA_WAREHOUSE}"),
            ),
            ("products", "/console/products".to_owned()),
            ("imports", "/console/imports".to_owned()),
            ("import", import),
            ("webhooks", "/console/webhooks".to_owned()),
            ("webhook", endpoint),
            ("events", "/console/events?after=earliest".to_owned()),
            ("live", "/console/live".to_owned()),
            ("settings", "/console/settings".to_owned()),
            ("nothing", "/console/nothing".to_owned()),
        ];
        Self {
            shop,
            _receiver: receiver,
            pages,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.shop.api.url)
    }

    /// Signs in with a browser.
    async fn enter(&self, page: &Page) {
        page.go_to(&self.url("/console/sign-in")).await;
        page.focus("#api_key").await;
        page.type_text(&self.shop.key(&new_key(), SCOPES).await)
            .await;
        page.press_key("Enter").await;
        page.wait_for("the home page", "document.title.startsWith('Home')")
            .await;
    }
}

/// Whether a path is of a route, such as `/console/orders/{id}`.
fn is_of(route: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap().split('/');
    let route = route.split('/');
    path.clone().count() == route.clone().count()
        && route
            .zip(path)
            .all(|(one, other)| one == other || one.starts_with('{'))
}

/// The routes of pages that no address leads to.
fn without_a_page(pages: &[(&str, String)]) -> Vec<&'static str> {
    let routes = ROUTES.iter().filter(|route| route.method == "GET");
    let missing = routes.filter(|route| {
        !NO_PAGES.contains(&route.path) && !pages.iter().any(|(_, path)| is_of(route.path, path))
    });
    missing.map(|route| route.path).collect()
}

/// Checks the page, in which axe was run already, once more against some of its rules.
async fn assert_keeps(page: &Page, rules: &[&str], name: &str) {
    let run = format!(
        "axe.run({{ runOnly: {{ type: 'rule', values: {} }} }})
            .then(found => found.violations.map(it => it.id + ': ' + it.nodes.map(node => node.html).join(' ')))",
        json!(rules)
    );
    assert_eq!(page.evaluate(&run).await, json!([]), "{name}");
}

/// What of a page depends on the theme, and what on its width.
const THEMED: &[&str] = &["color-contrast", "link-in-text-block"];
const NARROW: &[&str] = &["target-size"];

/// The most bytes of HTML that a page may have.
const LIMIT: u64 = 60_000;

/// Tabs that look at pages at the same time.
const TABS: usize = 3;

/// Facts and second lines that say nothing.
const BLANK: &str = "[...document.querySelectorAll('dd, dt, .sub, .meta, .badge, main p')]
    .filter(it => !it.textContent.trim() && !it.querySelector('svg'))
    .map(it => it.parentElement.outerHTML)";

#[tokio::test]
async fn every_page_is_accessible_in_both_themes_and_fits_a_phone() {
    let rooms = Rooms::furnished().await;
    let door = ("door", "/console/sign-in".to_owned());
    let left = Mutex::new(rooms.pages.iter().chain([&door]));
    let look = async || {
        let page = Page::blank().await;
        page.set_viewport(1280, 800).await;
        rooms.enter(&page).await;
        loop {
            let next = left.lock().unwrap().next();
            let Some((name, path)) = next else { break };
            look_at(&page, name, &rooms.url(path)).await;
        }
    };
    join_all((0..TABS).map(|_| look())).await;
    assert_eq!(without_a_page(&rooms.pages), Vec::<&str>::new());
}

/// Loads a page once, and checks it in both themes and widths.
async fn look_at(page: &Page, name: &str, url: &str) {
    page.set_viewport(1280, 800).await;
    page.prefer("light").await;
    page.go_to(url).await;
    page.screenshot(&format!("console-{name}-light")).await;
    assert_accessible(page, name).await;
    assert_eq!(page.evaluate(BLANK).await, json!([]), "{name}");
    page.prefer("dark").await;
    page.screenshot(&format!("console-{name}-dark")).await;
    assert_keeps(page, THEMED, &format!("{name}, dark")).await;
    page.set_viewport(320, 800).await;
    for theme in ["dark", "light"] {
        page.prefer(theme).await;
        page.screenshot(&format!("console-{name}-phone-{theme}"))
            .await;
    }
    let width = page.evaluate("document.documentElement.scrollWidth").await;
    assert!(width.as_u64().unwrap() <= 320, "{name}: {width} wide");
    assert_keeps(page, NARROW, &format!("{name}, 320 pixels wide")).await;
    let bytes = "new TextEncoder().encode(document.documentElement.outerHTML).length";
    let bytes = page.evaluate(bytes).await;
    assert!(bytes.as_u64().unwrap() <= LIMIT, "{name}: {bytes} bytes");
}

/// The elements at which the keyboard stops, in their order. Of a group of radio buttons it is one.
const STOPS: &str = r#"
    window.stops = () => [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
        .filter(it => !it.matches(':disabled, [type=hidden]') && it.checkVisibility({ visibilityProperty: true }))
        .filter((it, index, all) => it.type !== 'radio' || it.checked
            || !all.some(other => other.name === it.name && other.checked) && all.find(other => other.name === it.name) === it);
    window.stop = () => {
        const it = document.activeElement;
        const index = stops().indexOf(it);
        if (index < 0) return [index, ''];
        const outlined = it => it && getComputedStyle(it).outlineStyle !== 'none' && parseFloat(getComputedStyle(it).outlineWidth) >= 1;
        const box = it.getClientRects()[0];
        const [x, y] = [box.x + Math.min(box.width, 20) / 2, box.y + box.height / 2];
        const top = document.elementFromPoint(x, y);
        const trouble = !outlined(it) && !outlined(it.closest('tr')) ? 'has no outline'
            : !top || !(it.contains(top) || top.contains(it)) ? 'is covered by ' + top?.outerHTML.slice(0, 80) : '';
        return [index, trouble && it.outerHTML.slice(0, 200) + ' ' + trouble];
    };
    stops().length"#;

#[tokio::test]
async fn every_page_is_used_with_the_keyboard_alone() {
    let rooms = Rooms::furnished().await;
    let page = Page::blank().await;
    page.set_viewport(1280, 800).await;
    rooms.enter(&page).await;
    for (name, path) in &rooms.pages {
        page.go_to(&rooms.url(path)).await;
        let stops = page.evaluate(STOPS).await.as_i64().unwrap();
        let mut visited = Vec::new();
        // Besides, the keyboard stops at what can be scrolled.
        for _ in 0..stops + 20 {
            page.press_key("Tab").await;
            let stop = page.evaluate("stop()").await;
            assert_eq!(stop[1], "", "{name}");
            match stop[0].as_i64().unwrap() {
                index if visited.first() == Some(&index) => break,
                // The keyboard stops at each part of a date.
                index if index < 0 || visited.last() == Some(&index) => {}
                index => visited.push(index),
            }
        }
        assert_eq!(visited, (0..stops).collect::<Vec<_>>(), "{name}");
    }
    // Receives stock: types into the first form, reads what it would do, and confirms it.
    let (_, level) = rooms
        .pages
        .iter()
        .find(|(name, _)| *name == "level")
        .unwrap();
    page.go_to(&rooms.url(level)).await;
    page.focus("#receive-units").await;
    page.type_text("20").await;
    page.press_key("Tab").await;
    page.type_text("truck 7").await;
    page.press_key("Enter").await;
    page.shows("Receive 20 units?").await;
    page.focus("form:has([name=confirmed]) button").await;
    page.press_key("Enter").await;
    page.shows("The units were received.").await;
}

/// What scripts would have to make work: buttons outside of forms, links without an address, and requests of htmx that
/// are not those of a form or a link, except where it refreshes a part.
const SCRIPTED: &str = "[...document.querySelectorAll('button:not(form button), a:not([href]), [hx-post], [hx-put], [hx-delete], [onclick]')]
    .map(it => it.outerHTML)";

/// The actions that may be asked for twice, because they set a state or change nothing: their forms have no key.
const REPEATABLE: [&str; 12] = [
    "/console/orders/views",
    "/console/orders/views/{id}",
    "/console/sign-out",
    "/console/sign-out/everywhere",
    "/console/orders/{id}/refund/preview",
    "/console/orders/{id}/deliveries",
    "/console/dead-letters/{id}/ask",
    "/console/stock/{warehouse}/{product}",
    "/console/warehouses/{id}",
    "/console/webhooks/{id}/status",
    "/console/webhooks/{id}/test",
    "/console/webhooks/{id}/deliveries",
];

const KEYLESS: &str = "[...document.forms]
    .filter(form => form.method === 'post' && !form.elements.namedItem('key'))
    .map(form => form.getAttribute('action'))";

#[tokio::test]
async fn every_page_works_without_scripts() {
    let rooms = Rooms::furnished().await;
    let page = Page::blank().await;
    page.set_viewport(320, 800).await;
    page.without_scripts().await;
    rooms.enter(&page).await;
    let desk = Desk::of(&rooms.shop, "eve", SCOPES).await;
    let mut links = std::collections::BTreeSet::new();
    for (name, path) in &rooms.pages {
        page.go_to(&rooms.url(path)).await;
        let title = page
            .evaluate("document.querySelector('main h1').innerText")
            .await;
        assert!(
            title.as_str().is_some_and(|title| !title.is_empty()),
            "{name}"
        );
        assert_eq!(page.evaluate(SCRIPTED).await, json!([]), "{name}");
        for action in page.evaluate(KEYLESS).await.as_array().unwrap() {
            let action = action.as_str().unwrap();
            assert!(
                REPEATABLE.iter().any(|route| is_of(route, action)),
                "{name}: {action}"
            );
        }
        let hrefs = "[...document.links].map(it => it.getAttribute('href')).filter(it => it.startsWith('/console'))";
        let hrefs = page.evaluate(hrefs).await;
        links.extend(
            hrefs
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it.as_str().unwrap().to_owned()),
        );
    }
    for link in links {
        let answer = desk.get(&link).await;
        assert_eq!(answer.status, 200, "{link}: {answer:?}");
    }
    page.go_to(&rooms.url("/console")).await;
    page.focus("a.menu").await;
    page.press_key("Enter").await;
    page.wait_for(
        "the menu is open",
        "document.querySelector('#nav').checkVisibility()",
    )
    .await;
    page.screenshot("console-menu-phone").await;
    page.focus("#nav a[href='/console/webhooks']").await;
    page.press_key("Enter").await;
    page.shows("The shop's mail").await;
    page.focus("main a.row").await;
    page.press_key("Enter").await;
    page.focus("details:has(button[value=paused]) summary")
        .await;
    page.press_key("Enter").await;
    page.focus("button[value=paused]").await;
    page.press_key("Enter").await;
    page.shows("The endpoint was paused.").await;
    let errors = page.errors();
    let is_expected = |error: &String| error.contains("/console/nothing");
    assert!(errors.iter().all(is_expected), "{errors:?}");
}
