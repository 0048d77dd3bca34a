//! Tests of the cache on a database.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use diesel_async::SimpleAsyncConnection;
use oms_circuit_breaker::CircuitBreaker;
use oms_database::{Database, DatabaseConfig, register_tenant};
use oms_geocoding::{
    Address, CachedGeocoder, Chain, Coordinates, DEFAULT_TTL, GeocodeError, Geocoder,
    purge_cached_locations,
};
use oms_testing::TestDatabase;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// A service whose answers depend on the address, and which can be paused.
struct Service {
    calls: AtomicUsize,
    reached: Semaphore,
    may_answer: Semaphore,
}

impl Service {
    fn ready() -> Arc<Self> {
        Self::waiting_for(Semaphore::MAX_PERMITS)
    }

    fn waiting_for(permits: usize) -> Arc<Self> {
        Arc::new(Self {
            calls: AtomicUsize::new(0),
            reached: Semaphore::new(0),
            may_answer: Semaphore::new(permits),
        })
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Geocoder for Service {
    async fn locate(&self, _: Uuid, address: &Address) -> Result<Coordinates, GeocodeError> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        self.reached.add_permits(1);
        self.may_answer.acquire().await.unwrap().forget();
        match address.as_str() {
            "unknown" => Err(GeocodeError::NotFound),
            "down" => Err(GeocodeError::Unavailable("down".into())),
            // Every call gets a different answer.
            _ => Ok(at(call)),
        }
    }

    fn breaker(&self) -> Option<&CircuitBreaker> {
        None
    }
}

fn at(call: usize) -> Coordinates {
    let degrees = f64::from(u32::try_from(call).unwrap());
    Coordinates::new(degrees + 0.25, -degrees - 90.5).unwrap()
}

fn cached(service: &Arc<Service>, database: Database) -> CachedGeocoder {
    CachedGeocoder::new(Arc::clone(service) as _, database, DEFAULT_TTL)
}

async fn ask(
    geocoder: &CachedGeocoder,
    tenant: Uuid,
    text: &str,
) -> Result<Coordinates, GeocodeError> {
    geocoder.locate(tenant, &Address::new(text).unwrap()).await
}

#[tokio::test]
async fn an_address_is_looked_up_once() {
    let (database, service) = (TestDatabase::create(), Service::ready());
    let geocoder = cached(&service, database.pool(1));
    let tenant = Uuid::now_v7();
    for _ in 0..3 {
        assert_eq!(ask(&geocoder, tenant, "1 Main St").await.unwrap(), at(0));
    }
    assert_eq!(service.calls(), 1);
    assert_eq!(ask(&geocoder, tenant, "2 Main St").await.unwrap(), at(1));
}

#[tokio::test]
async fn tenants_do_not_share_answers() {
    let (database, service) = (TestDatabase::create(), Service::ready());
    let geocoder = cached(&service, database.pool(1));
    let (one, other) = (Uuid::now_v7(), Uuid::now_v7());
    assert_eq!(ask(&geocoder, one, "1 Main St").await.unwrap(), at(0));
    assert_eq!(ask(&geocoder, other, "1 Main St").await.unwrap(), at(1));
    assert_eq!(ask(&geocoder, one, "1 Main St").await.unwrap(), at(0));
}

#[tokio::test]
async fn an_expired_answer_is_looked_up_again_and_replaced() {
    let (database, service) = (TestDatabase::create(), Service::ready());
    let geocoder = cached(&service, database.pool(1));
    let tenant = Uuid::now_v7();
    assert_eq!(ask(&geocoder, tenant, "1 Main St").await.unwrap(), at(0));
    let age = "UPDATE geocoding.cached_locations SET cached_at = cached_at - interval '30 days'";
    database.connect().await.batch_execute(age).await.unwrap();
    for _ in 0..2 {
        assert_eq!(ask(&geocoder, tenant, "1 Main St").await.unwrap(), at(1));
    }
    assert_eq!(service.calls(), 2);
}

#[tokio::test]
async fn only_successful_answers_are_cached() {
    let (database, service) = (TestDatabase::create(), Service::ready());
    let geocoder = cached(&service, database.pool(1));
    let tenant = Uuid::now_v7();
    for _ in 0..2 {
        let unknown = ask(&geocoder, tenant, "unknown").await;
        assert!(matches!(unknown, Err(GeocodeError::NotFound)));
        let down = ask(&geocoder, tenant, "down").await;
        assert!(matches!(down, Err(GeocodeError::Unavailable(_))));
    }
    assert_eq!(service.calls(), 4);
}

#[tokio::test]
async fn no_connection_is_held_during_a_call_to_the_service() {
    let (database, service) = (TestDatabase::create(), Service::waiting_for(0));
    let pool = database.pool(1);
    let geocoder = cached(&service, pool.clone());
    let tenant = Uuid::now_v7();
    let asked = ask(&geocoder, tenant, "1 Main St");
    let meanwhile = async {
        service.reached.acquire().await.unwrap().forget();
        let only_connection = pool.acquire().await.expect("the connection is free");
        drop(only_connection);
        service.may_answer.add_permits(1);
    };
    let (located, ()) = tokio::join!(asked, meanwhile);
    assert_eq!(located.unwrap(), at(0));
    assert_eq!(ask(&geocoder, tenant, "1 Main St").await.unwrap(), at(0));
}

#[tokio::test]
async fn an_unreachable_cache_does_not_fail_requests() {
    let service = Service::ready();
    let config = DatabaseConfig {
        acquire_timeout: Duration::from_millis(100),
        // A reserved port on which no database listens.
        ..DatabaseConfig::new("postgres://nobody@127.0.0.1:1/nothing")
    };
    let geocoder = cached(&service, Database::new(&config).unwrap());
    for call in 0..2 {
        assert_eq!(
            ask(&geocoder, Uuid::now_v7(), "1 Main St").await.unwrap(),
            at(call)
        );
    }
}

#[tokio::test]
async fn a_missing_table_does_not_fail_requests() {
    let (database, service) = (TestDatabase::create_empty(), Service::ready());
    let mut connection = database.connect().await;
    // The pool sets up each new connection with a call to PostGIS.
    connection
        .batch_execute("CREATE EXTENSION postgis")
        .await
        .unwrap();
    let geocoder = cached(&service, database.pool(1));
    assert_eq!(
        ask(&geocoder, Uuid::now_v7(), "1 Main St").await.unwrap(),
        at(0)
    );
}

#[tokio::test]
async fn addresses_are_stored_only_as_hashes() {
    let (database, service) = (TestDatabase::create(), Service::ready());
    let geocoder = cached(&service, database.pool(1));
    ask(&geocoder, Uuid::now_v7(), "1 Main St").await.unwrap();
    let check = "DO $$ BEGIN ASSERT (SELECT address_hash = sha256('1 Main St')
                 FROM geocoding.cached_locations); END $$";
    database.connect().await.batch_execute(check).await.unwrap();
}

#[tokio::test]
async fn a_forgotten_address_is_looked_up_again() {
    let (database, service) = (TestDatabase::create(), Service::ready());
    let geocoder = cached(&service, database.pool(1));
    let (tenant, other) = (Uuid::now_v7(), Uuid::now_v7());
    for tenant in [tenant, other] {
        ask(&geocoder, tenant, "1 Main St").await.unwrap();
        ask(&geocoder, tenant, "2 Main St").await.unwrap();
    }
    let address = Address::new("1 Main St").unwrap();
    let chain = Chain::new(vec![Arc::new(geocoder)]);
    let forgotten = std::slice::from_ref(&address);
    chain.forget(tenant, forgotten).await.unwrap();
    assert_eq!(chain.locate(tenant, &address).await.unwrap(), at(4));
    assert_eq!(chain.locate(other, &address).await.unwrap(), at(2));
    let second = Address::new("2 Main St").unwrap();
    assert_eq!(chain.locate(tenant, &second).await.unwrap(), at(1));
}

#[tokio::test]
async fn a_purge_deletes_up_to_a_thousand_old_answers_per_tenant() {
    let (database, service) = (TestDatabase::create(), Service::ready());
    let geocoder = cached(&service, database.pool(1));
    let (tenant, other) = (Uuid::now_v7(), Uuid::now_v7());
    let connection = &mut database.connect().await;
    let old = format!(
        "INSERT INTO geocoding.cached_locations (tenant_id, address_hash, location, cached_at)
         SELECT tenant, sha256(n::text::bytea), ST_SetSRID(ST_MakePoint(1, 2), 4326)::geography, now() - interval '31 days'
         FROM generate_series(1, 1001) n, unnest(ARRAY['{tenant}', '{other}']::uuid[]) tenant"
    );
    connection.batch_execute(&old).await.unwrap();
    for tenant in [tenant, other] {
        register_tenant(connection, tenant).await.unwrap();
    }
    ask(&geocoder, tenant, "1 Main St").await.unwrap();
    for expected in [2000, 2, 0] {
        let purged = purge_cached_locations(connection, DEFAULT_TTL).await;
        assert_eq!(purged.unwrap(), expected);
    }
    assert_eq!(ask(&geocoder, tenant, "1 Main St").await.unwrap(), at(0));
}
