//! The property: whoever writes, relays, reads and dies meanwhile, a reader is told the history, each event once and
//! those of an order in their order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use oms_database::{DbError, transaction};
use oms_events::{FeedStart, append, relay};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use tokio::task::{JoinSet, yield_now};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::history::{World, change, context, read_on, wrong};

const WRITERS: u64 = 8;
const CHANGES: usize = 40;

/// Changes random orders; some transactions are rolled back, and some are cut off.
async fn write(world: Arc<World>, orders: Vec<Uuid>, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..CHANGES {
        let count = random.random_range(1..=3);
        let ids: Vec<Uuid> = (0..count)
            .map(|_| orders[random.random_range(0..orders.len())])
            .collect();
        let (gives_up, polls) = (random.random_ratio(1, 8), random.random_range(0..60));
        let cut_off = random.random_ratio(1, 4);
        let (pool, tenant) = (world.pool.clone(), world.tenant);
        let writing = tokio::spawn(async move {
            let connection = &mut *pool.acquire().await?;
            transaction(connection, async |connection| {
                let keys = change(connection, &ids).await?;
                append(tenant, &keys).run(connection).await?;
                match gives_up {
                    true => Err(DbError::UnexpectedState("the test gives up")),
                    false => Ok(()),
                }
            })
            .await
        });
        if cut_off {
            cut(&writing, polls).await;
        }
        let _ = writing.await;
    }
}

/// Aborts a task somewhere in its work.
async fn cut<T>(task: &tokio::task::JoinHandle<T>, polls: u32) {
    for _ in 0..polls {
        yield_now().await;
    }
    task.abort();
}

/// Relays like an instance that is killed again and again.
async fn relay_and_die(world: Arc<World>, over: Arc<AtomicBool>, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    while !over.load(Ordering::Relaxed) {
        let context = Arc::new(context(world.pool.clone()));
        let relaying =
            tokio::spawn(async move { relay(&context, &CancellationToken::new()).await });
        if random.random_ratio(1, 2) {
            cut(&relaying, random.random_range(0..60)).await;
        }
        let _ = relaying.await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_is_told_the_history_whoever_writes_relays_and_dies_meanwhile() {
    let world = Arc::new(World::open().await);
    let orders = world.orders(12).await;
    let seed = rand::rng().next_u64();
    println!("seed {seed}");
    let over = Arc::new(AtomicBool::new(false));
    let mut relays = JoinSet::new();
    for number in 0..2 {
        relays.spawn(relay_and_die(world.clone(), over.clone(), seed ^ number));
    }
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        writers.spawn(write(
            world.clone(),
            orders.clone(),
            seed.wrapping_add(number),
        ));
    }
    let reading = {
        let (world, over) = (world.clone(), over.clone());
        tokio::spawn(async move {
            let (mut told, mut start) = (Vec::new(), FeedStart::Earliest);
            while !over.load(Ordering::Relaxed) {
                start = FeedStart::After(read_on(&world, &mut told, start).await);
            }
            (told, start)
        })
    };
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    while let Some(done) = relays.join_next().await {
        done.unwrap();
    }
    let (mut told, mut start) = reading.await.unwrap();
    world.relay_all().await;
    loop {
        let before = told.len();
        start = FeedStart::After(read_on(&world, &mut told, start).await);
        if told.len() == before {
            break;
        }
    }
    let history = world.history().await;
    assert!(history.len() > 100, "{}", history.len());
    assert_eq!(wrong(&history, &told), Vec::<String>::new());
    assert_eq!(told, world.feed().await, "a later reader is told the same");
}
