//! The locks that migrations hold, sampled while they run.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::store_database::StoreDatabase;

/// The modes, weakest first.
const MODES: [&str; 8] = [
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
];

/// The weakest mode that writes of rows wait for.
const BLOCKS_WRITES: usize = 4;

/// The tables that the program with the lock of migrations (an advisory lock) has locked, without new ones.
const HELD: &str = "
SELECT n.nspname || '.' || c.relname, l.mode
FROM pg_locks m
JOIN pg_locks l ON l.pid = m.pid AND l.granted
JOIN pg_class c ON c.oid = l.relation AND c.relkind = 'r'
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname <> 'pg_catalog'
WHERE m.locktype = 'advisory' AND m.objid = 7302515 AND m.granted
    AND m.database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Pause between two samples: no lock that is held for longer is missed.
const PAUSE: Duration = Duration::from_millis(5);

/// Samples locks until it is stopped.
pub struct LockWatch {
    sampling: JoinHandle<Held>,
    done: DropGuard,
}

/// The longest time that each mode was held, by table and strength of the mode.
#[derive(Debug, Default)]
pub struct Held(BTreeMap<String, BTreeMap<usize, Duration>>);

impl LockWatch {
    /// Begins to sample the locks of the program that migrates the database.
    pub async fn start(database: &StoreDatabase) -> Self {
        let client = database.another_client().await;
        let done = CancellationToken::new();
        let stop = done.clone();
        let sampling = tokio::spawn(async move {
            let mut held = Held::default();
            let mut since: BTreeMap<(String, usize), Instant> = BTreeMap::new();
            let mut pause = tokio::time::interval(PAUSE);
            while !stop.is_cancelled() {
                pause.tick().await;
                let at = Instant::now();
                let rows = client.query(HELD, &[]).await.unwrap();
                let now = rows.iter().filter_map(|row| {
                    let mode: &str = row.get(1);
                    let strength = MODES.iter().position(|it| *it == mode)?;
                    Some((row.get::<_, String>(0), strength))
                });
                let now: Vec<(String, usize)> = now.collect();
                since.retain(|lock, _| now.contains(lock));
                for lock in now {
                    let begun = *since.entry(lock.clone()).or_insert(at);
                    let (table, strength) = lock;
                    let longest = held.0.entry(table).or_default().entry(strength);
                    let longest = longest.or_default();
                    *longest = (*longest).max(begun.elapsed());
                }
            }
            held
        });
        Self {
            sampling,
            done: done.drop_guard(),
        }
    }

    /// Ends sampling.
    pub async fn stop(self) -> Held {
        drop(self.done);
        self.sampling.await.unwrap()
    }
}

impl Held {
    /// Prints each table whose rows could not be written for some time, and the strongest lock of the others.
    pub fn print(&self) {
        println!("{:<34} {:<26} longest", "table", "strongest lock");
        for (table, modes) in &self.0 {
            let Some((strength, longest)) = modes.last_key_value() else {
                continue;
            };
            let blocking = modes.range(BLOCKS_WRITES..).map(|(_, longest)| *longest);
            let blocked = blocking.max().unwrap_or_default();
            let mode = MODES[*strength];
            println!("{table:<34} {mode:<26} {longest:.0?}, writes blocked {blocked:.0?}");
        }
    }
}
