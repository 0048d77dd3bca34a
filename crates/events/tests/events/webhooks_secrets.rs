//! What signs webhooks.

use std::time::Duration;

use oms_events::{Ordering, SealingKeys, Signing, pause_endpoint, rotate_secret};
use oms_validation::{Actor, ExpectedVersion, IdempotencyKey, Once};

use crate::receiver::{Hooks, KEY};

const ANY: ExpectedVersion = ExpectedVersion::Any;

#[tokio::test]
async fn both_secrets_sign_during_a_rotation() {
    let hooks = Hooks::open().await;
    let orders = hooks.world.orders(1).await;
    for (key, signing, scheme) in [("a", Signing::Hmac, "v1,"), ("b", Signing::Ed25519, "v1a,")] {
        let endpoint = hooks.endpoint_with(key, Ordering::Unordered, signing).await;
        let (context, tenant) = (&hooks.context, hooks.world.tenant);
        let day = Duration::from_secs(86_400);
        let signatures = async || {
            hooks.publish(&orders).await;
            hooks.deliver().await;
            let signature = hooks.receiver.last_signature();
            signature
                .split(' ')
                .filter(|it| it.starts_with(scheme))
                .count()
        };
        assert_eq!(signatures().await, 1);
        let new_key = IdempotencyKey::parse(&format!("rotate {key}")).unwrap();
        let rotated = rotate_secret(context, tenant, endpoint.id, &new_key, &ANY, day).await;
        let secret = rotated.unwrap().into_inner().verification_key;
        assert_eq!(signatures().await, 2);
        // A repeated request deletes no secret that still signs.
        let again = rotate_secret(context, tenant, endpoint.id, &new_key, &ANY, day).await;
        assert!(matches!(again, Ok(Once::Before(it)) if it.verification_key == secret));
        assert_eq!(signatures().await, 2);
        hooks.clock.pass(day);
        assert_eq!(signatures().await, 1);
        pause_endpoint(
            context,
            tenant,
            endpoint.id,
            &ANY,
            &Actor::of_client("ann").unwrap(),
        )
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn the_next_delivery_seals_a_secret_with_the_newest_key_so_that_the_old_key_can_be_removed() {
    let mut hooks = Hooks::open().await;
    let orders = hooks.world.orders(1).await;
    hooks.endpoint().await;
    let newer = "k2:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    for keys in [KEY.to_owned(), format!("{newer},{KEY}"), newer.to_owned()] {
        hooks.context = hooks.context_with(SealingKeys::parse(&keys).unwrap());
        hooks.publish(&orders).await;
        hooks.deliver().await;
    }
    assert_eq!(hooks.receiver.accepted(), hooks.feed().await);
}
