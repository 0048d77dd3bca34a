//! Rate limits of credentials, and the headers that report them.

use crate::answer::Answer;
use crate::api::Settings;
use crate::shop::Shop;

/// So slow that no allowance is refilled during a test.
const THREE: Settings<'_> = &[
    ("OMS_RATE_LIMIT_PER_MINUTE", "1"),
    ("OMS_RATE_LIMIT_BURST", "3"),
];

/// The number of requests left, and the seconds until more are allowed.
fn told(answer: &Answer) -> (u32, u32) {
    let policy = answer.header("ratelimit-policy");
    assert_eq!(policy, Some("\"credential\";q=3;w=180"), "{answer:?}");
    let limit = answer.header("ratelimit").unwrap();
    let numbers = limit.strip_prefix("\"credential\";r=").unwrap();
    let (remaining, seconds) = numbers.split_once(";t=").unwrap();
    (remaining.parse().unwrap(), seconds.parse().unwrap())
}

#[tokio::test]
async fn each_credential_has_its_own_limit_and_sees_the_remaining_quota() {
    let shop = Shop::open_with(THREE).await;
    let till = shop.key("till", "orders:read").await;
    let website = shop.key("website", "orders:read").await;
    for left in [2, 1, 0] {
        let answer = shop.read_as(&till, "/orders/x").await;
        answer.assert_problem(404, "orders.not_found");
        assert_eq!(told(&answer), (left, (3 - left) * 60));
    }
    let refused = shop.read_as(&till, "/orders/x").await;
    refused.assert_problem(429, "access.rate_limited");
    let (remaining, seconds) = told(&refused);
    assert_eq!((remaining, Some(seconds)), (0, refused.retry_after()));
    assert!((1..=60).contains(&seconds), "{refused:?}");

    let other = shop.read_as(&website, "/orders/x").await;
    other.assert_problem(404, "orders.not_found");
    assert_eq!(told(&other), (2, 60));
    let nobody = shop.get("/orders/x").await;
    assert_eq!(told(&nobody), (2, 60));
}

#[tokio::test]
async fn forbidden_requests_count_and_unauthenticated_ones_do_not() {
    let shop = Shop::open_with(THREE).await;
    let reader = shop.key("reader", "orders:read").await;
    for _ in 0..3 {
        let refused = shop.place_as(&reader).await;
        refused.assert_problem(403, "access.forbidden");
        told(&refused);
    }
    let refused = shop.place_as(&reader).await;
    refused.assert_problem(429, "access.rate_limited");
    for _ in 0..5 {
        let unknown = shop.read_as("unknown", "/orders/x").await;
        unknown.assert_problem(401, "access.unauthenticated");
        assert_eq!(unknown.header("ratelimit"), None);
        let health = shop.get("/health").await;
        assert_eq!((health.status, health.header("ratelimit")), (200, None));
    }
}

#[tokio::test]
async fn without_a_limit_the_headers_are_absent() {
    let shop = Shop::open().await;
    let till = shop.key("till", "orders:read").await;
    let answer = shop.read_as(&till, "/orders/x").await;
    answer.assert_problem(404, "orders.not_found");
    for name in ["ratelimit", "ratelimit-policy"] {
        assert_eq!(answer.header(name), None);
    }
}
