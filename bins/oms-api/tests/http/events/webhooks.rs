//! Webhook endpoints over HTTP, with a receiver that verifies what it gets.

use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::eventually::until;
use crate::receiver::{Manner, Received, Receiver};
use crate::request::new_key;
use crate::shop::Shop;

impl Shop {
    async fn create_endpoint(&self, body: &Value) -> Answer {
        self.create_endpoint_with(&new_key(), body).await
    }

    async fn create_endpoint_with(&self, key: &str, body: &Value) -> Answer {
        let request = self.customer().post("/webhook-endpoints");
        let request = request.header("idempotency-key", key).json(body);
        Answer::of(request.send().await.unwrap()).await
    }

    /// An endpoint of a receiver, and its secret.
    async fn endpoint_at(&self, url: &str) -> (String, String) {
        let created = self.create_endpoint(&json!({ "url": url })).await;
        assert_eq!(created.status, 201, "{created:?}");
        let text = |name: &str| created.body[name].as_str().unwrap().to_owned();
        (text("id"), text("verificationKey"))
    }

    async fn on_endpoint(&self, method: Method, path: &str, body: &Value) -> Answer {
        let request = self.customer().request(method, path);
        let request = request
            .header("if-match", "*")
            .header("idempotency-key", new_key());
        Answer::of(request.json(body).send().await.unwrap()).await
    }

    async fn act_on(&self, id: &str, action: &str, body: &Value) -> Answer {
        let path = format!("/webhook-endpoints/{id}/{action}");
        let answer = self.on_endpoint(Method::POST, &path, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }
}

/// Fails unless one of the signatures of a webhook is valid, and returns its event.
fn verified(secret: &str, webhook: &Received) -> Value {
    let library = standardwebhooks::Webhook::new(secret).unwrap();
    let mut headers = reqwest::header::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, webhook.headers[name].parse().unwrap());
    }
    library.verify(&webhook.body, &headers).unwrap();
    let event: Value = serde_json::from_slice(&webhook.body).unwrap();
    assert_eq!(webhook.headers["webhook-id"], event["id"].as_str().unwrap());
    assert_eq!(webhook.headers["content-type"], "application/json");
    event
}

#[tokio::test]
async fn an_order_is_sent_to_an_endpoint_with_the_events_of_the_feed() {
    let shop = Shop::open().await;
    let receiver = Receiver::start(Manner::Answers(204)).await;
    let (id, secret) = shop.endpoint_at(&format!("{}/hooks", receiver.url)).await;
    shop.paid().await;
    let received = receiver.has_received(2).await;
    let events: Vec<Value> = received.iter().map(|it| verified(&secret, it)).collect();
    assert_eq!(events, shop.whole_feed().await);
    assert!(received.iter().all(|it| it.path == "/hooks"));

    let place = format!("/webhook-endpoints/{id}");
    until("the place is stored", async || {
        shop.get(&place).await.body["cursor"] == "e0000000000000002"
    })
    .await;
    let log = shop.get(&format!("{place}/attempts")).await.body;
    let types = log["items"].as_array().unwrap().iter();
    let types: Vec<&Value> = types.map(|it| &it["eventType"]).collect();
    assert_eq!(types, ["order.paid", "order.placed"]);
    assert_eq!(log["items"][0]["outcome"], "delivered");
    assert_eq!(log["items"][0]["httpStatus"], 204);
    let series = "oms_webhook_attempts_total{outcome=\"delivered\"}";
    assert_eq!(shop.metric(series).await.as_deref(), Some("2"));
}

#[tokio::test]
async fn a_repeated_request_creates_one_endpoint_with_one_secret() {
    let shop = Shop::open().await;
    let body = json!({
        "url": "http://127.0.0.1:1024/hooks",
        "description": "orders to the ERP",
        "types": ["order.*", "stock.moved"],
        "signing": "ed25519",
        "maxInFlight": 64,
    });
    let first = shop.create_endpoint_with("k", &body).await;
    assert_eq!(first.status, 201, "{first:?}");
    assert_eq!(first.header("cache-control"), Some("no-store"));
    let again = shop.create_endpoint_with("k", &body).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.body, first.body);
    let other = json!({ "url": "http://127.0.0.1:1025/hooks" });
    let reused = shop.create_endpoint_with("k", &other).await;
    reused.assert_problem(422, "webhooks.idempotency_key_reused");

    let id = first.body["id"].as_str().unwrap();
    let shown = shop.get(&format!("/webhook-endpoints/{id}")).await;
    assert_eq!(
        shown.body["publicKeys"],
        json!([first.body["verificationKey"]])
    );
    assert_eq!(shown.body["verificationKey"], Value::Null);
    let listed = shop.get("/webhook-endpoints").await.body;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let stored = "SELECT count(*) FROM events.secrets WHERE octet_length(sealed) = 12 + 32 + 16";
    assert_eq!(shop.database.number(stored).await, 1);
}

#[tokio::test]
async fn urls_that_lead_elsewhere_and_unknown_types_are_refused() {
    let shop = Shop::open().await;
    for url in [
        "",
        "erp.example.com",
        "ftp://127.0.0.1:8000/",
        "http://10.0.0.1:8000/",
        "http://[fd00::1]:8000/",
        "https://169.254.169.254/latest/meta-data",
        "https://2852039166/",
        "https://0xa9.0xfe.0xa9.0xfe/",
        "https://[::ffff:169.254.169.254]/",
        "https://user:secret@127.0.0.1:8443/",
        "https://127.0.0.1:8443/#fragment",
        "https://127.0.0.1:22/",
    ] {
        let refused = shop.create_endpoint(&json!({ "url": url })).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), ["url"], "{url}");
        assert!(!refused.text.contains("secret"), "{refused:?}");
    }
    let url = "http://127.0.0.1:1024/";
    for (body, field) in [
        (json!({ "url": url, "types": ["order.lost"] }), "types"),
        (json!({ "url": url, "types": ["order"] }), "types"),
        (json!({ "url": url, "types": [" order.paid"] }), "types"),
        (
            json!({ "url": url, "types": ["order.paid,order.failed"] }),
            "types",
        ),
        (
            json!({ "url": url, "types": vec!["order.*"; 101] }),
            "types",
        ),
        (json!({ "url": url, "maxInFlight": 65 }), "maxInFlight"),
        (json!({ "url": url, "maxInFlight": 0 }), "maxInFlight"),
        (
            json!({ "url": url, "description": "x".repeat(201) }),
            "description",
        ),
        (json!({ "url": url, "startAt": "first" }), "startAt"),
        (json!({ "url": url, "secret": "mine" }), "secret"),
    ] {
        let refused = shop.create_endpoint(&body).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field], "{body}");
    }
    let unknown = json!({ "url": "https://name.invalid/hooks" });
    let refused = shop.create_endpoint(&unknown).await;
    refused.assert_problem(422, "webhooks.url_not_allowed");
    assert_eq!(
        shop.database
            .number("SELECT count(*) FROM events.endpoints")
            .await,
        0
    );
}

#[tokio::test]
async fn a_tenant_has_at_most_20_endpoints() {
    let shop = Shop::open().await;
    let body = json!({ "url": "http://127.0.0.1:1024/hooks" });
    for _ in 0..20 {
        assert_eq!(shop.create_endpoint(&body).await.status, 201);
    }
    let refused = shop.create_endpoint(&body).await;
    refused.assert_problem(409, "webhooks.too_many_endpoints");
}

#[tokio::test]
async fn a_paused_endpoint_continues_at_its_place() {
    let shop = Shop::open().await;
    let receiver = Receiver::start(Manner::Answers(200)).await;
    let (id, secret) = shop.endpoint_at(&receiver.url).await;
    let paused = shop.act_on(&id, "pause", &json!({})).await;
    assert_eq!(paused.body["status"], "paused");
    shop.paid().await;
    let feed = shop.whole_feed().await;
    assert_eq!(receiver.received().len(), 0);
    shop.act_on(&id, "enable", &json!({})).await;
    let received = receiver.has_received(2).await;
    let events: Vec<Value> = received.iter().map(|it| verified(&secret, it)).collect();
    assert_eq!(events, feed);

    let back = json!({ "resumeFrom": "earliest" });
    shop.act_on(&id, "enable", &back).await;
    assert_eq!(receiver.has_received(4).await.len(), 4);

    // Its place is older than what is kept.
    shop.act_on(&id, "pause", &json!({})).await;
    let purged = "UPDATE events.heads SET purged_to = position + 1, position = position + 1";
    shop.database.execute(purged).await;
    let path = format!("/webhook-endpoints/{id}/enable");
    let refused = shop.on_endpoint(Method::POST, &path, &json!({})).await;
    refused.assert_problem(409, "webhooks.position_expired");
    let latest = json!({ "resumeFrom": "latest" });
    let enabled = shop.act_on(&id, "enable", &latest).await;
    assert_eq!(enabled.body["cursor"], "e0000000000000003");
}

#[tokio::test]
async fn a_rotated_secret_and_the_previous_one_sign() {
    let shop = Shop::open().await;
    let receiver = Receiver::start(Manner::Answers(200)).await;
    let (id, first) = shop.endpoint_at(&receiver.url).await;
    let rotated = shop
        .act_on(&id, "rotate-secret", &json!({ "overlapHours": 1 }))
        .await;
    let second = rotated.body["verificationKey"].as_str().unwrap().to_owned();
    assert_ne!(second, first);
    let tested = shop.act_on(&id, "test", &json!({})).await.body;
    assert_eq!(tested["outcome"], "delivered");
    let received = receiver.has_received(1).await;
    assert_eq!(verified(&second, &received[0])["type"], "webhook.test");
    verified(&first, &received[0]);
    shop.act_on(&id, "rotate-secret", &json!({ "overlapHours": 0 }))
        .await;
    shop.act_on(&id, "test", &json!({})).await;
    let last = receiver.has_received(2).await.remove(1);
    assert_eq!(last.headers["webhook-signature"].matches("v1,").count(), 1);
    let secrets = [first, second].map(|secret| secret.replace("whsec_", ""));
    let logged = shop.api.process.lines().concat();
    assert!(
        secrets
            .iter()
            .all(|secret| !logged.contains(secret.as_str()))
    );
}

#[tokio::test]
async fn an_endpoint_is_changed_with_its_version_and_deleted() {
    let shop = Shop::open().await;
    let first = Receiver::start(Manner::Answers(200)).await;
    let second = Receiver::start(Manner::Answers(200)).await;
    let (id, secret) = shop.endpoint_at(&first.url).await;
    let path = format!("/webhook-endpoints/{id}");
    let patch = async |if_match: &str, body: &Value| {
        let request = shop.customer().request(Method::PATCH, &path);
        let request = request.header("if-match", if_match).json(body);
        Answer::of(request.send().await.unwrap()).await
    };
    let body = json!({ "url": second.url, "types": ["order.paid"] });
    patch("\"7\"", &body)
        .await
        .assert_problem(412, "request.precondition_failed");
    patch("*", &json!({}))
        .await
        .assert_problem(400, "request.invalid");
    let changed = patch("\"1\"", &body).await;
    assert_eq!(
        (changed.status, changed.header("etag")),
        (200, Some("\"2\""))
    );
    shop.paid().await;
    let received = second.has_received(1).await;
    assert_eq!(verified(&secret, &received[0])["type"], "order.paid");
    let deleted = shop.on_endpoint(Method::DELETE, &path, &json!({})).await;
    assert_eq!(deleted.status, 204);
    shop.get(&path)
        .await
        .assert_problem(404, "webhooks.endpoint_not_found");
    let left =
        "SELECT (SELECT count(*) FROM events.secrets) + (SELECT count(*) FROM events.deliveries)";
    assert_eq!(shop.database.number(left).await, 0);
    assert_eq!(first.received().len(), 0);
}

#[tokio::test]
async fn a_rejected_event_is_listed_and_can_be_sent_again() {
    let shop = Shop::open().await;
    let receiver = Receiver::start(Manner::Answers(422)).await;
    let (id, _) = shop.endpoint_at(&receiver.url).await;
    shop.paid().await;
    let list = format!("/webhook-endpoints/{id}/deliveries");
    until("the events are left behind", async || {
        shop.get(&list).await.body["items"]
            .as_array()
            .unwrap()
            .len()
            == 2
    })
    .await;
    let listed = shop.get(&list).await.body["items"].clone();
    assert_eq!(
        (&listed[0]["state"], &listed[0]["lastStatus"]),
        (&json!("retrying"), &json!(422))
    );
    assert_eq!(
        (&listed[1]["state"], &listed[1]["eventType"]),
        (&json!("behind"), &json!("order.paid"))
    );
    receiver.becomes(Manner::Answers(200));
    let event = listed[0]["eventId"].as_str().unwrap();
    shop.act_on(&id, &format!("deliveries/{event}/retry"), &json!({}))
        .await;
    until("both are delivered", async || {
        shop.get(&list).await.body["items"] == json!([])
    })
    .await;
    let path = format!("{list}/{event}/retry");
    let gone = shop.on_endpoint(Method::POST, &path, &json!({})).await;
    gone.assert_problem(404, "webhooks.delivery_not_found");
}

#[tokio::test]
async fn a_span_is_replayed_with_its_id_in_a_header() {
    let shop = Shop::open().await;
    let receiver = Receiver::start(Manner::Answers(204)).await;
    let (id, secret) = shop.endpoint_at(&receiver.url).await;
    shop.paid().await;
    receiver.has_received(2).await;
    let path = format!("/webhook-endpoints/{id}/replays");
    until("the place is stored", async || {
        let shown = shop.get(&format!("/webhook-endpoints/{id}")).await;
        shown.body["cursor"] == "e0000000000000002"
    })
    .await;
    let body = json!({ "from": "2026-01-01T00:00:00Z", "types": ["order.paid"] });
    let started = shop.on_endpoint(Method::POST, &path, &body).await;
    assert_eq!(started.status, 202, "{started:?}");
    let replay = started.body["id"].as_str().unwrap();
    let shown = format!("{path}/{replay}");
    assert_eq!(started.header("location"), Some(shown.as_str()));
    let webhook = receiver.has_received(3).await.remove(2);
    assert_eq!(verified(&secret, &webhook)["type"], "order.paid");
    assert_eq!(webhook.headers["oms-replay"], replay);
    until("it is finished", async || {
        shop.get(&shown).await.body["state"] == "finished"
    })
    .await;
    let ended = shop.get(&shown).await.body;
    let counts = ["events", "delivered", "rejected"].map(|name| ended[name].as_u64().unwrap());
    assert_eq!(counts, [2, 1, 0]);
    let listed = shop.get(&path).await.body;
    assert_eq!(listed["items"], json!([ended]));
    let log = shop
        .get(&format!("/webhook-endpoints/{id}/attempts"))
        .await
        .body;
    assert_eq!(log["items"][0]["trigger"], "replay");

    let cancel = format!("{shown}/cancel");
    let cancelled = shop.on_endpoint(Method::POST, &cancel, &json!({})).await;
    assert_eq!(cancelled.body["state"], "finished", "{cancelled:?}");
    for (body, field) in [
        (json!({}), "from"),
        (json!({ "from": "latest" }), "from"),
        (json!({ "from": "earliest", "to": "yesterday" }), "to"),
        (
            json!({ "from": "earliest", "types": ["order.lost"] }),
            "types",
        ),
    ] {
        let refused = shop.on_endpoint(Method::POST, &path, &body).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field], "{body}");
    }
    let nothing = json!({ "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z" });
    let refused = shop.on_endpoint(Method::POST, &path, &nothing).await;
    refused.assert_problem(422, "webhooks.replay_empty");
    let unknown = shop.get(&format!("{path}/unknown")).await;
    unknown.assert_problem(404, "webhooks.replay_not_found");
}
