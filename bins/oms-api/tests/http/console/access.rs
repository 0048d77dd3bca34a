//! Signing in and out, and what keeps others out.

use reqwest::Method;

use super::desk::{Desk, cookie_of};
use crate::answer::Answer;
use crate::api::command;
use crate::keys::{PRODUCTION, TENANT, keys, make_key_with};
use crate::process::Process;
use crate::shop::Shop;
use crate::store_database::StoreDatabase;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[tokio::test]
async fn a_page_is_shown_to_those_who_are_signed_in_and_the_door_to_others() {
    let shop = Shop::open().await;
    let nobody = Desk::nobody(&shop);
    let away = nobody.get("/console/orders?status=PAID").await;
    assert_eq!(away.status, 303, "{away:?}");
    let door = "/console/sign-in?next=%2Fconsole%2Forders%3Fstatus%3DPAID";
    assert_eq!(away.header("location"), Some(door));
    assert!(nobody.page(door).await.contains("API key"));

    let ann = shop.key("ann", "orders:read").await;
    let form = [
        ("api_key", ann.as_str()),
        ("next", "/console/orders?status=PAID"),
    ];
    let entered = nobody.post("/console/sign-in", &form).await;
    assert_eq!(
        entered.header("location"),
        Some("/console/orders?status=PAID")
    );
    let line = entered.header("set-cookie").unwrap();
    assert!(
        line.contains("; HttpOnly") && line.contains("; SameSite=Lax"),
        "{line}"
    );
    assert!(!line.contains(&ann), "{line}");

    let desk = Desk::with_key(&shop, &ann).await;
    let page = desk.get("/console/orders").await;
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(page.header("content-security-policy"), Some(POLICY));
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(page.header(name), Some(value), "{name}");
    }
    let out = desk.post("/console/sign-out", &[]).await;
    assert_eq!(out.header("location"), Some("/console/sign-in?out=1"));
    assert_eq!(desk.get("/console/orders").await.status, 303);
}

#[tokio::test]
async fn after_signing_in_nobody_is_led_to_another_site() {
    let shop = Shop::open().await;
    let ann = shop.key("ann", "orders:read").await;
    let nobody = Desk::nobody(&shop);
    for next in [
        "https://evil.example",
        "//evil.example/console",
        "/console.evil",
    ] {
        let form = [("api_key", ann.as_str()), ("next", next)];
        let entered = nobody.post("/console/sign-in", &form).await;
        assert_eq!(entered.header("location"), Some("/console"), "{next}");
    }
}

#[tokio::test]
async fn signing_in_makes_a_new_session_and_ends_the_one_before() {
    let shop = Shop::open().await;
    let ann = shop.key("ann", "orders:read").await;
    let mut desk = Desk::with_key(&shop, &ann).await;
    let before = desk.cookie.clone();
    let again = desk.post("/console/sign-in", &[("api_key", &ann)]).await;
    assert_ne!(cookie_of(&again), before);
    assert_eq!(desk.get("/console").await.status, 303);
    desk.cookie = cookie_of(&again);
    assert_eq!(desk.get("/console").await.status, 200);
    // A cookie that somebody else chose is not taken over.
    desk.cookie = format!("oms_session={}", "A".repeat(64));
    let entered = desk.post("/console/sign-in", &[("api_key", &ann)]).await;
    assert_ne!(cookie_of(&entered), desk.cookie);
}

#[tokio::test]
async fn a_session_ends_with_its_key_and_everywhere_at_once() {
    let shop = Shop::open().await;
    let key = shop.key("ann", "orders:read").await;
    let (one, other) = (
        Desk::with_key(&shop, &key).await,
        Desk::with_key(&shop, &key).await,
    );
    let bob = Desk::of(&shop, "bob", "orders:read").await;
    let left = one.post("/console/sign-out/everywhere", &[]).await;
    assert_eq!(left.status, 303, "{left:?}");
    for desk in [&one, &other] {
        assert_eq!(desk.get("/console").await.status, 303);
    }
    assert_eq!(bob.get("/console").await.status, 200);

    let third = Desk::with_key(&shop, &key).await;
    let id = "SELECT id::text FROM access.api_keys WHERE name = 'ann'";
    let id = shop.database.rows(id).await.concat().concat();
    let revoked = keys(&shop.database, &format!("revoke {id} --tenant {TENANT}")).await;
    assert!(revoked.status.success(), "{revoked:?}");
    assert_eq!(third.get("/console").await.status, 303);
    let refused = third.post("/console/sign-in", &[("api_key", &key)]).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(
        refused.text.contains("This key is not valid here."),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_or_old() {
    let shop = Shop::open().await;
    let key = shop.key("ann", "orders:read").await;
    let ages = [
        ("seen_at = seen_at - interval '29 minutes'", 200),
        ("seen_at = seen_at - interval '31 minutes'", 303),
        ("expires_at = now()", 303),
    ];
    for (age, status) in ages {
        let desk = Desk::with_key(&shop, &key).await;
        let sql = format!("UPDATE access.sessions SET {age} WHERE ended_at IS NULL");
        shop.database.execute(&sql).await;
        assert_eq!(desk.get("/console").await.status, status, "{age}");
        shop.database.execute("DELETE FROM access.sessions").await;
    }
}

#[tokio::test]
async fn a_page_that_refreshes_itself_keeps_no_session_alive() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", "orders:read").await;
    let back = "UPDATE access.sessions SET seen_at = seen_at - interval '10 minutes'";
    shop.database.execute(back).await;
    let age = "SELECT extract(epoch FROM now() - seen_at)::bigint / 60 FROM access.sessions";
    let part = desk
        .request(Method::GET, "/console")
        .header("hx-request", "true");
    assert_eq!(part.send().await.unwrap().status(), 200);
    assert_eq!(shop.database.number(age).await, 10);
    assert_eq!(desk.get("/console").await.status, 200);
    assert_eq!(shop.database.number(age).await, 0);
    // A part that is asked for after the session ended makes htmx load the door.
    shop.database.execute("DELETE FROM access.sessions").await;
    let part = desk
        .request(Method::GET, "/console")
        .header("hx-request", "true");
    let part = Answer::of(part.send().await.unwrap()).await;
    assert_eq!(
        (part.status, part.header("hx-redirect")),
        (204, Some("/console/sign-in"))
    );
}

#[tokio::test]
async fn a_form_of_another_site_changes_nothing() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", "orders:cancel orders:read").await;
    let order = shop
        .place_new(&crate::request::small_order())
        .await
        .order_id();
    let path = format!("/console/orders/{order}/cancel");
    let form = [("key", "k"), ("reason", "because")];
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("x-nothing", "1"),
    ] {
        let request = desk.request(Method::POST, &path).header(name, value);
        let refused = Answer::of(request.form(&form).send().await.unwrap()).await;
        assert_eq!(refused.status, 403, "{name}: {value}");
        assert!(
            refused
                .text
                .contains("The request was not sent by a page of this console")
        );
    }
    assert_eq!(shop.database.status(&order).await, "PAID");
    let done = desk.post(&path, &form).await;
    assert_eq!(done.status, 303, "{done:?}");
    assert_eq!(shop.database.status(&order).await, "CANCELLED");
}

#[tokio::test]
async fn attempts_to_sign_in_are_bounded_before_a_key_is_looked_up() {
    let shop = Shop::open().await;
    let nobody = Desk::nobody(&shop);
    let good = shop.key("ann", "orders:read").await;
    for _ in 0..5 {
        let refused = nobody
            .post("/console/sign-in", &[("api_key", "oms_test_no")])
            .await;
        assert_eq!(refused.status, 422, "{refused:?}");
    }
    let refused = nobody.post("/console/sign-in", &[("api_key", &good)]).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    assert!(refused.text.contains("Too many attempts"), "{refused:?}");
    let sessions = "SELECT count(*) FROM access.sessions";
    assert_eq!(shop.database.number(sessions).await, 0);
}

#[tokio::test]
async fn the_api_takes_no_cookie_and_the_console_no_bearer_token() {
    let database = StoreDatabase::create().await;
    let scopes = "orders:read operations";
    let key = make_key_with(&database, PRODUCTION, TENANT, "ann", scopes).await;
    let console = ("OMS_CONSOLE_URL", "http://127.0.0.1:3000");
    let settings = [PRODUCTION, &[console]].concat();
    let shop = Shop::open_on(database, &settings).await;
    let desk = Desk::with_key(&shop, &key).await;
    assert_eq!(desk.get("/console").await.status, 200);
    desk.get("/orders")
        .await
        .assert_problem(401, "access.unauthenticated");
    let nobody = Desk::nobody(&shop);
    let bearer = nobody.request(Method::GET, "/console").bearer_auth(&key);
    assert_eq!(bearer.send().await.unwrap().status(), 303);
}

#[tokio::test]
async fn production_has_a_console_only_with_its_url_and_its_cookie_is_bound_to_the_host() {
    let shop = Shop::open_with(PRODUCTION).await;
    let nobody = Desk::nobody(&shop);
    assert_eq!(nobody.get("/console/sign-in").await.status, 404);

    let database = StoreDatabase::create().await;
    let key = make_key_with(&database, PRODUCTION, TENANT, "ann", "orders:read").await;
    let console = ("OMS_CONSOLE_URL", "https://oms.example.com");
    let shop = Shop::open_on(database, &[PRODUCTION, &[console]].concat()).await;
    let nobody = Desk::nobody(&shop);
    let request = nobody.request(Method::POST, "/console/sign-in");
    let request = request.header("origin", "https://oms.example.com");
    let entered = request
        .form(&[("api_key", key.as_str())])
        .send()
        .await
        .unwrap();
    let entered = Answer::of(entered).await;
    let line = entered.header("set-cookie").unwrap();
    assert!(line.starts_with("__Host-oms_session="), "{line}");
    assert!(
        line.contains("; Secure") && line.contains("; Path=/;"),
        "{line}"
    );
}

#[tokio::test]
async fn a_link_signs_in_once() {
    let shop = Shop::open().await;
    let link = async |words: &str| {
        let mut command = command(&shop.database.url(), "http://127.0.0.1:1", &[]);
        command
            .args(["console", "link"])
            .args(words.split_whitespace());
        let exit = Process::start(command).ended().await;
        assert!(exit.status.success(), "{exit:?}");
        let (_, token) = exit.stdout.trim().split_once("?token=").unwrap();
        token.to_owned()
    };
    let token = link("--name dev --scope orders:read").await;
    let mut desk = Desk::nobody(&shop);
    // What only looks at a link does not use it up.
    let door = desk
        .page(&format!("/console/sign-in/link?token={token}"))
        .await;
    assert!(door.contains("This link signs you in once"), "{door}");
    let entered = desk
        .post("/console/sign-in/link", &[("token", &token)])
        .await;
    assert_eq!(entered.status, 303, "{entered:?}");
    desk.cookie = cookie_of(&entered);
    let settings = desk.page("/console/settings").await;
    assert!(
        settings.contains("orders:read") && settings.contains(">dev<"),
        "{settings}"
    );
    assert_eq!(desk.get("/console/dead-letters").await.status, 403);

    let again = desk
        .post("/console/sign-in/link", &[("token", &token)])
        .await;
    assert_eq!(again.status, 422, "{again:?}");
    let late = link("").await;
    shop.database
        .execute("UPDATE access.sign_in_links SET expires_at = now()")
        .await;
    let late = desk
        .post("/console/sign-in/link", &[("token", &late)])
        .await;
    assert_eq!(late.status, 422, "{late:?}");
    let stored = "SELECT token_hash::text FROM access.sign_in_links";
    let stored = shop.database.rows(stored).await;
    assert!(!format!("{stored:?}").contains(&token));
}

#[tokio::test]
async fn what_does_not_exist_and_what_is_not_allowed_are_pages_too() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", "orders:read").await;
    for (path, status, text) in [
        ("/console/nothing", 404, "This address does not exist"),
        ("/console/orders/none", 404, "Order not found"),
        (
            "/console/dead-letters",
            403,
            "The scope operations is missing",
        ),
        ("/console/orders?status=PAYED", 400, "Status: is not valid"),
        (
            "/console/orders?after=a&after=b",
            400,
            "The request is not valid",
        ),
    ] {
        let answer = desk.get(path).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert_eq!(
            answer.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert!(answer.text.contains(text), "{path}: {}", answer.text);
        assert!(answer.text.contains("/console/orders"), "the menu is there");
        let back = "<a class=\"button\" href=\"/console/orders\">Orders</a>";
        let is_below = path == "/console/orders/none";
        assert_eq!(answer.text.contains(back), is_below, "{path}");
    }
    let request = desk.request(Method::DELETE, "/console/orders");
    let request = request.header("sec-fetch-site", "same-origin");
    let refused = Answer::of(request.send().await.unwrap()).await;
    assert_eq!(
        (refused.status, refused.header("allow")),
        (405, Some("GET"))
    );
    let request = desk.request(Method::POST, "/console/orders/views");
    let request = request.header("sec-fetch-site", "same-origin");
    let refused = Answer::of(request.json("name=A").send().await.unwrap()).await;
    assert_eq!(refused.status, 415, "{refused:?}");
    let text = "Send the form as application/x-www-form-urlencoded";
    assert!(refused.text.contains(text), "{refused:?}");
}

#[tokio::test]
async fn files_are_kept_for_ever_under_the_hash_of_their_content() {
    let shop = Shop::open().await;
    let nobody = Desk::nobody(&shop);
    let door = nobody.page("/console/sign-in").await;
    let mut paths = door
        .split('"')
        .filter(|it| it.starts_with("/console/assets/"));
    let paths: Vec<&str> = paths.by_ref().collect();
    assert_eq!(paths.len(), 3, "{door}");
    for path in paths {
        let file = nobody.get(path).await;
        assert_eq!(file.status, 200, "{path}");
        let kept = Some("public, max-age=31536000, immutable");
        assert_eq!(file.header("cache-control"), kept);
        assert_eq!(file.header("content-encoding"), Some("gzip"));
    }
    assert_eq!(nobody.get("/console/assets/console.css").await.status, 404);
}

#[tokio::test]
async fn an_address_that_says_something_twice_is_refused() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", "orders:read").await;
    let once = desk.get("/console/orders?status=PAID").await;
    assert_eq!(once.status, 200, "{once:?}");
    let twice = desk.get("/console/orders?status=PAID&status=FAILED").await;
    assert_eq!(twice.status, 400, "{twice:?}");
    let unknown = desk.get("/console/orders?status=PAYED").await;
    assert_eq!(unknown.status, 400, "{unknown:?}");
}
