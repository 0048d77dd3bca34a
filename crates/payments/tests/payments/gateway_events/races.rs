//! Concurrent receivers and workers, each on its own connection.

use std::collections::HashSet;
use std::sync::Arc;

use oms_payments::{Received, claim_gateway_events};
use oms_testing::TestDatabase;
use oms_validation::TenantId;
use tokio::sync::Barrier;

use super::{LEASE, claim, event, receive};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_arrives_many_times_concurrently_is_stored_once() {
    let database = TestDatabase::create();
    let pool = database.pool(8);
    let tenant = TenantId::generate();
    for round in 0..20 {
        let barrier = Arc::new(Barrier::new(8));
        let receivers: Vec<_> = (0..8)
            .map(|_| {
                let (pool, barrier) = (pool.clone(), Arc::clone(&barrier));
                tokio::spawn(async move {
                    let mut connection = pool.acquire().await.unwrap();
                    barrier.wait().await;
                    receive(&mut connection, tenant, &event(&format!("evt_{round}"))).await
                })
            })
            .collect();
        let mut news = 0;
        for receiver in receivers {
            news += usize::from(receiver.await.unwrap() == Received::Stored);
        }
        assert_eq!(news, 1, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_workers_claim_different_events() {
    let database = TestDatabase::create();
    let pool = database.pool(8);
    let tenant = TenantId::generate();
    {
        let mut connection = pool.acquire().await.unwrap();
        for number in 0..64 {
            receive(&mut connection, tenant, &event(&format!("evt_{number}"))).await;
        }
    }
    let barrier = Arc::new(Barrier::new(8));
    let claimers: Vec<_> = (0..8)
        .map(|_| {
            let (pool, barrier) = (pool.clone(), Arc::clone(&barrier));
            tokio::spawn(async move {
                let mut connection = pool.acquire().await.unwrap();
                barrier.wait().await;
                let mut ids = Vec::new();
                for _ in 0..8 {
                    let claimed = claim_gateway_events(&mut connection, tenant, 4, LEASE).await;
                    ids.extend(claimed.unwrap().into_iter().map(|it| it.id));
                }
                ids
            })
        })
        .collect();
    let mut ids = Vec::new();
    for claimer in claimers {
        ids.extend(claimer.await.unwrap());
    }
    // A worker that finds all of the oldest events locked may get none; the next claim gets the rest.
    let mut connection = pool.acquire().await.unwrap();
    ids.extend(
        claim(&mut connection, tenant)
            .await
            .into_iter()
            .map(|it| it.id),
    );
    assert_eq!(ids.len(), 64);
    assert_eq!(ids.into_iter().collect::<HashSet<_>>().len(), 64);
}
