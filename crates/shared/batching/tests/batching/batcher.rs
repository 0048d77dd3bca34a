//! Tests of batches with real tasks and without sleeping: the work waits until the test releases it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use oms_batching::{Answer, Batch, BatchError, Batcher, Counts, Limits, NotDone, Turn, Work};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, yield_now};

const LIMITS: Limits = Limits {
    batch: 4,
    waiting: 8,
    wait: Duration::from_secs(60),
    in_flight_per_key: 1,
    in_flight: 4,
    overdue: Duration::from_secs(60),
    most_overdue: 2,
    patience: Duration::from_secs(60),
    patient: 1,
};

/// An error of the work.
#[derive(Debug, PartialEq)]
enum Bad {
    /// One of this many items is bad.
    Item(usize),
    /// No item can be processed.
    All,
    /// A resource of one item is held.
    Held,
}

impl BatchError for Bad {
    fn shared(&self) -> Option<Self> {
        (*self == Self::All).then_some(Self::All)
    }

    fn is_contended(&self) -> bool {
        *self == Self::Held
    }
}

/// Work that records its batches, waits for a permit, and answers each item with ten times its value. 7 makes it fail
/// for one item, 8 for all, 13 makes it panic, and 9 is contended unless patient. Items from 50 to 99 wait for their
/// tens digit to be released.
#[derive(Clone)]
struct Bench {
    batcher: Batcher<Bench>,
    batches: Arc<Mutex<Vec<Vec<u32>>>>,
    turns: Arc<Mutex<Vec<Turn>>>,
    released: Arc<Mutex<Vec<u32>>>,
    go: Arc<Semaphore>,
    /// The permits of patient items.
    patience: Arc<Semaphore>,
}

impl Work for Bench {
    type Key = &'static str;
    type Item = u32;
    type Output = u32;
    type Error = Bad;
    type Blocker = u32;

    async fn run(&self, _: &'static str, batch: Batch<Self>) -> Result<Vec<Answer<u32, u32>>, Bad> {
        let items: Vec<u32> = batch.items.iter().map(|item| **item).collect();
        self.batches.lock().unwrap().push(items.clone());
        self.turns.lock().unwrap().push(batch.turn);
        let permits = match batch.turn {
            Turn::Together | Turn::Alone => &self.go,
            Turn::Patient => &self.patience,
        };
        permits.acquire().await.unwrap().forget();
        assert!(!items.contains(&13), "the work panics for 13");
        if items.contains(&8) {
            return Err(Bad::All);
        }
        if items.contains(&7) {
            return Err(Bad::Item(items.len()));
        }
        if items.contains(&9) && batch.turn != Turn::Patient {
            return Err(Bad::Held);
        }
        let released = self.released.lock().unwrap();
        let answer = |item: &u32| match *item / 10 {
            tens @ 5..10 if batch.held.contains(&tens) || !released.contains(&tens) => {
                Answer::Wait(tens)
            }
            _ => Answer::Done(item * 10),
        };
        Ok(items.iter().map(answer).collect())
    }

    async fn freed(&self, _: &'static str, blockers: Vec<u32>) -> Vec<u32> {
        let released = self.released.lock().unwrap();
        let freed = blockers.into_iter().filter(|it| released.contains(it));
        freed.collect()
    }
}

impl Bench {
    fn new(limits: Limits) -> Self {
        Self {
            batcher: Batcher::new(limits),
            batches: Arc::default(),
            turns: Arc::default(),
            released: Arc::default(),
            go: Arc::new(Semaphore::new(0)),
            patience: Arc::new(Semaphore::new(0)),
        }
    }

    fn submit(&self, key: &'static str, item: u32) -> JoinHandle<Result<u32, NotDone>> {
        let bench = self.clone();
        tokio::spawn(async move {
            let done = bench.batcher.submit(key, Arc::new(item), &bench).await?;
            Ok(done.unwrap_or_else(|bad| match bad {
                Bad::Item(items) => u32::try_from(items).unwrap(),
                Bad::All => 888,
                Bad::Held => 999,
            }))
        })
    }

    fn turns(&self) -> Vec<Turn> {
        self.turns.lock().unwrap().clone()
    }

    fn batches(&self) -> Vec<Vec<u32>> {
        self.batches.lock().unwrap().clone()
    }

    async fn until_waiting(&self, waiting: u64) {
        while self.batcher.counts().waiting != waiting {
            yield_now().await;
        }
    }

    async fn until_begun(&self, batches: usize) {
        while self.batches().len() < batches {
            yield_now().await;
        }
    }
}

async fn answers(submitted: Vec<JoinHandle<Result<u32, NotDone>>>) -> Vec<Result<u32, NotDone>> {
    let mut answers = Vec::new();
    for task in submitted {
        answers.push(task.await.unwrap());
    }
    answers
}

#[tokio::test]
async fn an_idle_key_starts_immediately_and_later_items_share_the_next_batches() {
    let bench = Bench::new(LIMITS);
    let mut submitted = vec![bench.submit("a", 1)];
    bench.until_begun(1).await;
    for item in 2..=6 {
        submitted.push(bench.submit("a", item));
        bench.until_waiting(u64::from(item) - 1).await;
    }
    bench.go.add_permits(3);
    let expected: Vec<_> = (1..=6).map(|item| Ok(item * 10)).collect();
    assert_eq!(answers(submitted).await, expected);
    assert_eq!(bench.batches(), [vec![1], vec![2, 3, 4, 5], vec![6]]);
    let mut counts = Counts {
        items: 6,
        ..Counts::default()
    };
    // Two batches of one item, and one of three or four.
    counts.batches_by_size[0] = 2;
    counts.batches_by_size[2] = 1;
    assert_eq!(bench.batcher.counts(), counts);
}

#[tokio::test]
async fn a_waiting_key_does_not_delay_others() {
    let bench = Bench::new(LIMITS);
    let first = bench.submit("a", 1);
    let second = bench.submit("b", 2);
    bench.until_begun(2).await;
    bench.go.add_permits(2);
    assert_eq!(answers(vec![first, second]).await, [Ok(10), Ok(20)]);
}

#[tokio::test]
async fn an_item_is_refused_if_the_queue_is_full() {
    let limits = Limits {
        waiting: 1,
        ..LIMITS
    };
    let bench = Bench::new(limits);
    let first = bench.submit("a", 1);
    bench.until_begun(1).await;
    let second = bench.submit("a", 2);
    bench.until_waiting(1).await;
    assert_eq!(bench.submit("a", 3).await.unwrap(), Err(NotDone::Full));
    bench.go.add_permits(2);
    assert_eq!(answers(vec![first, second]).await, [Ok(10), Ok(20)]);
    assert_eq!(bench.batcher.counts().refused, 1);
}

#[tokio::test]
async fn an_item_that_waited_too_long_is_not_processed() {
    let limits = Limits {
        wait: Duration::ZERO,
        ..LIMITS
    };
    let bench = Bench::new(limits);
    assert_eq!(bench.submit("a", 1).await.unwrap(), Err(NotDone::TooLate));
    assert_eq!(bench.batches(), Vec::<Vec<u32>>::new());
}

#[tokio::test]
async fn an_item_without_a_submitter_is_not_processed() {
    let bench = Bench::new(LIMITS);
    let first = bench.submit("a", 1);
    bench.until_begun(1).await;
    let gone = bench.submit("a", 2);
    bench.until_waiting(1).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    let third = bench.submit("a", 3);
    bench.until_waiting(2).await;
    bench.go.add_permits(2);
    assert_eq!(answers(vec![first, third]).await, [Ok(10), Ok(30)]);
    assert_eq!(bench.batches(), [vec![1], vec![3]]);
}

#[tokio::test]
async fn after_a_failed_batch_each_item_is_processed_alone_and_gets_its_own_error() {
    let bench = Bench::new(LIMITS);
    let mut submitted = vec![bench.submit("a", 1)];
    bench.until_begun(1).await;
    for item in [5, 6, 7] {
        submitted.push(bench.submit("a", item));
        bench.until_waiting(submitted.len() as u64 - 1).await;
    }
    bench.go.add_permits(5);
    assert_eq!(answers(submitted).await, [Ok(10), Ok(50), Ok(60), Ok(1)]);
    let mut batches = bench.batches();
    batches[2..].sort();
    assert_eq!(batches, [vec![1], vec![5, 6, 7], vec![5], vec![6], vec![7]]);
}

#[tokio::test]
async fn an_item_processed_alone_continues_without_its_submitter() {
    let bench = Bench::new(LIMITS);
    let first = bench.submit("a", 1);
    bench.until_begun(1).await;
    let gone = [6, 7].map(|item| bench.submit("a", item));
    bench.until_waiting(2).await;
    bench.go.add_permits(2);
    bench.until_begun(4).await;
    for submitter in gone {
        submitter.abort();
        assert!(submitter.await.unwrap_err().is_cancelled());
    }
    bench.go.add_permits(2);
    while bench.go.available_permits() > 0 {
        yield_now().await;
    }
    assert_eq!(first.await.unwrap(), Ok(10));
    assert_eq!(bench.batches(), [vec![1], vec![6, 7], vec![6], vec![7]]);
}

#[tokio::test]
async fn a_panicking_batch_does_not_affect_others() {
    let bench = Bench::new(LIMITS);
    let bad = bench.submit("a", 13);
    bench.until_begun(1).await;
    let good = bench.submit("a", 1);
    bench.until_waiting(1).await;
    bench.go.add_permits(2);
    assert_eq!(answers(vec![bad, good]).await, [Err(NotDone::Lost), Ok(10)]);
}

#[tokio::test]
async fn an_error_that_applies_to_all_items_is_reported_to_each_without_a_retry() {
    let bench = Bench::new(LIMITS);
    let mut submitted = vec![bench.submit("a", 1)];
    bench.until_begun(1).await;
    for item in [2, 8, 3] {
        submitted.push(bench.submit("a", item));
        bench.until_waiting(submitted.len() as u64 - 1).await;
    }
    bench.go.add_permits(2);
    assert_eq!(
        answers(submitted).await,
        [Ok(10), Ok(888), Ok(888), Ok(888)]
    );
    assert_eq!(bench.batches(), [vec![1], vec![2, 8, 3]]);
}

#[tokio::test]
async fn a_contended_item_is_retried_patiently_outside_the_turn_of_its_key() {
    let bench = Bench::new(LIMITS);
    let contended = bench.submit("a", 9);
    bench.until_begun(1).await;
    let other = bench.submit("a", 2);
    bench.until_waiting(1).await;
    bench.go.add_permits(1);
    // The contended item waits for its permit, and the other one has its turn.
    bench.until_begun(3).await;
    let mut turns = bench.turns();
    turns.sort_by_key(|turn| *turn == Turn::Patient);
    assert_eq!(turns, [Turn::Together, Turn::Together, Turn::Patient]);
    bench.go.add_permits(1);
    bench.patience.add_permits(1);
    assert_eq!(answers(vec![contended, other]).await, [Ok(90), Ok(20)]);
}

#[tokio::test(start_paused = true)]
async fn a_contended_item_is_refused_in_time_if_too_many_others_wait_patiently() {
    let bench = Bench::new(LIMITS);
    bench.go.add_permits(10);
    let mut submitted = vec![bench.submit("a", 9)];
    bench.until_begun(2).await;
    submitted.push(bench.submit("a", 9));
    let refused = answers(submitted).await;
    assert_eq!(refused, [Err(NotDone::Lost), Err(NotDone::Blocked)]);
}

#[tokio::test(start_paused = true)]
async fn an_item_behind_a_hanging_batch_is_refused_in_time() {
    let limits = Limits {
        wait: Duration::from_secs(5),
        ..LIMITS
    };
    let bench = Bench::new(limits);
    let hanging = bench.submit("a", 1);
    bench.until_begun(1).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(bench.submit("a", 2).await.unwrap(), Err(NotDone::TooLate));
    assert_eq!(begun.elapsed().as_secs(), 5);
    assert_eq!(bench.batcher.counts().waiting, 0);
    assert!(bench.batcher.oldest() >= Some(Duration::from_secs(5)));
    assert_eq!(hanging.await.unwrap(), Err(NotDone::Lost));
    assert_eq!(begun.elapsed().as_secs(), 65);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_batch_gives_up_its_slot() {
    let limits = Limits {
        overdue: Duration::from_secs(1),
        ..LIMITS
    };
    let bench = Bench::new(limits);
    let mut hanging = vec![bench.submit("a", 1)];
    bench.until_begun(1).await;
    hanging.push(bench.submit("a", 2));
    bench.until_waiting(1).await;
    tokio::time::advance(Duration::from_secs(2)).await;
    bench.until_begun(2).await;
    assert_eq!(bench.batches(), [vec![1], vec![2]]);
    let third = bench.submit("a", 3);
    tokio::time::advance(Duration::from_secs(2)).await;
    bench.until_begun(3).await;
    bench.go.add_permits(3);
    assert_eq!(third.await.unwrap(), Ok(30));
    assert_eq!(answers(hanging).await, [Ok(10), Ok(20)]);
    assert_eq!(bench.batcher.oldest(), None);
}

#[tokio::test(start_paused = true)]
async fn a_blocked_item_leaves_its_batch_and_returns_before_later_ones() {
    let bench = Bench::new(LIMITS);
    bench.go.add_permits(100);
    let mut parked = vec![bench.submit("a", 51), bench.submit("a", 61)];
    while bench.batcher.counts().parked < 2 {
        yield_now().await;
    }
    assert_eq!(bench.submit("a", 1).await.unwrap(), Ok(10));
    // This item needs the same blocker as an earlier parked item.
    parked.push(bench.submit("a", 62));
    while bench.batcher.counts().parked < 3 {
        yield_now().await;
    }
    let before = bench.batches().len();
    bench.released.lock().unwrap().push(6);
    assert_eq!(parked.pop().unwrap().await.unwrap(), Ok(620));
    assert_eq!(parked.pop().unwrap().await.unwrap(), Ok(610));
    assert_eq!(bench.batches()[before..], [vec![61, 62]]);
    assert_eq!(parked.pop().unwrap().await.unwrap(), Err(NotDone::Blocked));
    assert_eq!(bench.batcher.counts().parked, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_concurrent_items_are_each_processed_once() {
    let limits = Limits {
        waiting: 1000,
        in_flight_per_key: 2,
        ..LIMITS
    };
    let bench = Bench::new(limits);
    bench.go.add_permits(1000);
    let submitted: Vec<_> = (100..1100).map(|item| bench.submit("a", item)).collect();
    let expected: Vec<_> = (100..1100).map(|item| Ok(item * 10)).collect();
    assert_eq!(answers(submitted).await, expected);
    let mut done: Vec<u32> = bench.batches().into_iter().flatten().collect();
    done.sort_unstable();
    assert_eq!(done, (100..1100).collect::<Vec<_>>());
}
