//! Keys in a database.

use std::sync::Arc;
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use oms_access::{
    AccessError, ApiKey, Authenticator, AuthenticatorSettings, CreatedKey, KeyId, KeyMode,
    KeyState, NewKey, create_key, list_keys, revoke_key, rotate_key,
};
use oms_database::{Connection, Database, cached_sql};
use oms_testing::TestDatabase;
use oms_validation::{Scope, Scopes, TenantId};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use uuid::Uuid;

const DAY: Duration = Duration::from_secs(86_400);

fn tenant() -> TenantId {
    Uuid::from_u128(1).into()
}

struct World {
    pool: Database,
    connection: Connection,
    _database: TestDatabase,
}

impl World {
    async fn new() -> Self {
        let database = TestDatabase::create();
        Self {
            pool: database.pool(8),
            connection: database.connect().await,
            _database: database,
        }
    }

    /// Creates an authenticator that caches keys for this long.
    fn authenticator(&self, remember_for: Duration) -> Authenticator {
        let settings = AuthenticatorSettings {
            mode: KeyMode::Test,
            remember_for,
            most_remembered: 100,
            issuer: None,
        };
        Authenticator::new(self.pool.clone(), settings)
    }

    /// Whether a key is valid without a cache.
    async fn opens(&self, key: &ApiKey) -> bool {
        let authenticator = self.authenticator(Duration::ZERO);
        match authenticator.authenticate(key.expose()).await {
            Ok(_) => true,
            Err(AccessError::Unknown(_)) => false,
            Err(error) => panic!("{error}"),
        }
    }

    async fn create(&mut self, name: &str) -> CreatedKey {
        create_key(&mut self.connection, &new_key(name))
            .await
            .unwrap()
    }

    async fn rotate(&mut self, name: &str, overlap: Duration) -> Result<CreatedKey, AccessError> {
        let name = name.parse().unwrap();
        rotate_key(
            &mut self.connection,
            KeyMode::Test,
            tenant(),
            &name,
            overlap,
            None,
        )
        .await
    }

    async fn states(&mut self) -> Vec<KeyState> {
        let keys = list_keys(&mut self.connection, tenant()).await.unwrap();
        keys.iter().map(|key| key.state).collect()
    }
}

fn new_key(name: &str) -> NewKey {
    NewKey {
        mode: KeyMode::Test,
        tenant: tenant(),
        name: name.parse().unwrap(),
        scopes: Scopes::from_iter([Scope::OrdersRead, Scope::OrdersWrite]),
        expires_in: None,
    }
}

#[tokio::test]
async fn a_key_grants_its_tenant_and_scopes_and_its_text_is_not_stored() {
    let mut world = World::new().await;
    let created = world.create("till").await;
    let text = created.key.expose();
    let authenticator = world.authenticator(DAY);
    let credential = authenticator.authenticate(text).await.unwrap();
    assert_eq!(credential.tenant, tenant());
    assert_eq!(credential.name.as_str(), "till");
    assert!(credential.allows(Scope::OrdersRead) && !credential.allows(Scope::Operations));

    let secret = &text["oms_test_".len() + 22..text.len() - 6];
    let kept_as_its_hash = format!(
        "DO $$ BEGIN
             ASSERT (SELECT key_hash = sha256('{text}') FROM access.api_keys);
             ASSERT NOT EXISTS (SELECT FROM access.api_keys k WHERE k::text LIKE '%{secret}%');
         END $$"
    );
    let kept = world.connection.batch_execute(&kept_as_its_hash);
    kept.await.unwrap();
}

#[tokio::test]
async fn malformed_keys_and_keys_of_other_installations_are_refused() {
    let mut world = World::new().await;
    let created = world.create("till").await;
    let live = NewKey {
        mode: KeyMode::Live,
        ..new_key("live")
    };
    let live = create_key(&mut world.connection, &live).await.unwrap();
    let elsewhere = World::new().await;
    assert!(!elsewhere.opens(&created.key).await);
    assert!(!world.opens(&live.key).await);
    let authenticator = world.authenticator(DAY);
    for text in ["", "oms_test_", "hush", &created.key.expose()[1..]] {
        let refused = authenticator.authenticate(text).await;
        assert!(matches!(refused, Err(AccessError::Unknown(_))), "{text}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_and_other_tenants_can_not_revoke_it() {
    let mut world = World::new().await;
    let CreatedKey { id, key } = world.create("till").await;
    let stranger = TenantId::from(Uuid::from_u128(2));
    for (tenant, id) in [(stranger, id), (tenant(), KeyId(Uuid::now_v7()))] {
        let refused = revoke_key(&mut world.connection, tenant, id).await;
        assert!(matches!(refused, Err(AccessError::NoSuchKey)));
    }
    assert!(world.opens(&key).await);
    for _ in 0..2 {
        revoke_key(&mut world.connection, tenant(), id)
            .await
            .unwrap();
        assert!(!world.opens(&key).await);
    }
    assert_eq!(world.states().await, [KeyState::Revoked]);
    assert!(
        list_keys(&mut world.connection, stranger)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn an_expired_key_is_refused_and_its_name_is_free() {
    let mut world = World::new().await;
    let expired = NewKey {
        expires_in: Some(Duration::ZERO),
        ..new_key("till")
    };
    let expired = create_key(&mut world.connection, &expired).await.unwrap();
    assert!(!world.opens(&expired.key).await);
    let again = world.create("till").await;
    assert!(world.opens(&again.key).await);
    assert_eq!(world.states().await, [KeyState::Expired, KeyState::Live]);
}

#[tokio::test]
async fn a_name_has_one_live_key_or_two_during_a_rotation() {
    let mut world = World::new().await;
    let nobody = world.rotate("till", DAY).await;
    assert!(matches!(nobody, Err(AccessError::NoSuchName(_))));
    let first = world.create("till").await;
    let taken = create_key(&mut world.connection, &new_key("till")).await;
    assert!(matches!(taken, Err(AccessError::NameTaken(_))));

    let second = world.rotate("till", DAY).await.unwrap();
    assert!(world.opens(&first.key).await && world.opens(&second.key).await);
    let third = world.rotate("till", DAY).await;
    assert!(matches!(third, Err(AccessError::TwoLive(_))));

    revoke_key(&mut world.connection, tenant(), first.id)
        .await
        .unwrap();
    let third = world.rotate("till", Duration::ZERO).await.unwrap();
    assert!(!world.opens(&first.key).await && !world.opens(&second.key).await);
    let credential = world.authenticator(DAY);
    let credential = credential.authenticate(third.key.expose()).await.unwrap();
    assert_eq!(credential.scopes, new_key("till").scopes);
    let fourth = world.rotate("till", DAY).await.unwrap();
    assert!(world.opens(&third.key).await && world.opens(&fourth.key).await);
}

#[tokio::test]
async fn an_unknown_scope_of_a_newer_version_survives_a_rotation() {
    let mut world = World::new().await;
    world.create("till").await;
    let sql = "UPDATE access.api_keys SET scopes = scopes || ARRAY['orders:later']";
    world.connection.batch_execute(sql).await.unwrap();
    world.rotate("till", DAY).await.unwrap();
    let keys = list_keys(&mut world.connection, tenant()).await.unwrap();
    assert_eq!(keys.len(), 2);
    for key in keys {
        assert_eq!(key.scopes, ["orders:read", "orders:write", "orders:later"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_creations_or_rotations_succeed_only_once() {
    const RIVALS: usize = 8;
    let world = World::new().await;
    for rotating in [false, true] {
        let barrier = Arc::new(Barrier::new(RIVALS));
        let mut rivals = JoinSet::new();
        for _ in 0..RIVALS {
            let (pool, barrier) = (world.pool.clone(), barrier.clone());
            rivals.spawn(async move {
                let mut connection = pool.acquire().await.unwrap();
                barrier.wait().await;
                let NewKey {
                    mode, tenant, name, ..
                } = new_key("till");
                match rotating {
                    false => create_key(&mut connection, &new_key("till")).await,
                    true => rotate_key(&mut connection, mode, tenant, &name, DAY, None).await,
                }
            });
        }
        let outcomes = rivals.join_all().await;
        let made = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(made, 1, "{outcomes:?}");
        let lost = |error: &AccessError| match rotating {
            false => matches!(error, AccessError::NameTaken(_)),
            true => matches!(error, AccessError::TwoLive(_)),
        };
        assert!(
            outcomes
                .iter()
                .filter_map(|outcome| outcome.as_ref().err())
                .all(lost)
        );
    }
}

#[tokio::test]
async fn a_key_without_scopes_is_refused() {
    let mut world = World::new().await;
    let nothing = NewKey {
        scopes: Scopes::default(),
        ..new_key("till")
    };
    let refused = create_key(&mut world.connection, &nothing).await;
    assert!(matches!(refused, Err(AccessError::NoScopes)));
    assert!(world.states().await.is_empty());
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// The number of keys with a recorded use.
async fn uses(connection: &mut Connection) -> i64 {
    let sql = "SELECT count(*) FROM access.api_keys WHERE last_used_at IS NOT NULL";
    let row: Count = cached_sql(sql).get_result(connection).await.unwrap();
    row.count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cached_key_needs_no_database_and_is_valid_until_its_entry_expires() {
    let mut world = World::new().await;
    let CreatedKey { id, key } = world.create("till").await;
    let (remembering, forgetful) = (
        world.authenticator(DAY),
        world.authenticator(Duration::ZERO),
    );
    for authenticator in [&remembering, &forgetful] {
        authenticator.authenticate(key.expose()).await.unwrap();
    }
    revoke_key(&mut world.connection, tenant(), id)
        .await
        .unwrap();
    remembering.authenticate(key.expose()).await.unwrap();
    let refused = forgetful.authenticate(key.expose()).await;
    assert!(matches!(refused, Err(AccessError::Unknown(_))));

    world.pool.close();
    remembering.authenticate(key.expose()).await.unwrap();
    let unavailable = forgetful.authenticate(key.expose()).await;
    assert!(matches!(unavailable, Err(AccessError::Database(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_use_of_a_key_is_recorded_once_a_minute() {
    let mut world = World::new().await;
    let key = world.create("till").await.key;
    assert_eq!(uses(&mut world.connection).await, 0);
    assert!(world.opens(&key).await);
    while uses(&mut world.connection).await == 0 {
        tokio::task::yield_now().await;
    }
    // A use within the last minute prevents another record; a use two minutes ago doesn't.
    let set =
        |ago: &str| format!("UPDATE access.api_keys SET last_used_at = now() - interval '{ago}'");
    let older_than = |seconds: u32| {
        format!(
            "DO $$ BEGIN ASSERT (SELECT last_used_at < now() - interval '{seconds} seconds' FROM access.api_keys); END $$"
        )
    };
    world
        .connection
        .batch_execute(&set("30 seconds"))
        .await
        .unwrap();
    assert!(world.opens(&key).await);
    world
        .connection
        .batch_execute(&older_than(29))
        .await
        .unwrap();
    world
        .connection
        .batch_execute(&set("2 minutes"))
        .await
        .unwrap();
    assert!(world.opens(&key).await);
    while world
        .connection
        .batch_execute(&older_than(60))
        .await
        .is_ok()
    {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_tenant_is_registered_with_its_first_key_and_with_its_first_request() {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        tenants: i64,
    }

    let mut world = World::new().await;
    world.create("till").await;
    world.create("robot").await;
    let authenticator = world.authenticator(DAY);
    // A token names this tenant, and no key does.
    let named_by_a_token = TenantId::generate();
    for tenant in [tenant(), named_by_a_token, named_by_a_token] {
        authenticator.register(tenant).await.unwrap();
    }
    let counting = cached_sql("SELECT count(*) AS tenants FROM tenancy.tenants");
    let counted: Counted = counting.get_result(&mut world.connection).await.unwrap();
    assert_eq!(counted.tenants, 2);
}
