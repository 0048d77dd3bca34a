//! Batches under way, with real tasks and no sleeping: the work waits until the test lets it go.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use oms_batching::{Batcher, Counts, Limits, NotDone};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, yield_now};

const LIMITS: Limits = Limits {
    batch: 4,
    waiting: 8,
    wait: Duration::from_secs(60),
    in_flight_per_key: 1,
    in_flight: 4,
};

/// Work that fails, with as many items as it had.
#[derive(Debug)]
struct Bad(usize);

/// Work that fails for 7, panics for 13, notes what it gets, and waits for a permit before it answers each item with its tenfold.
#[derive(Clone)]
struct Bench {
    batcher: Batcher<&'static str, u32, u32, Bad>,
    batches: Arc<Mutex<Vec<Vec<u32>>>>,
    go: Arc<Semaphore>,
}

impl Bench {
    fn new(limits: Limits) -> Self {
        Self {
            batcher: Batcher::new(limits),
            batches: Arc::default(),
            go: Arc::new(Semaphore::new(0)),
        }
    }

    fn submit(&self, key: &'static str, item: u32) -> JoinHandle<Result<u32, NotDone>> {
        let bench = self.clone();
        tokio::spawn(async move {
            let work = bench.clone();
            let work = move |_, items| work.clone().work(items);
            let done = bench.batcher.submit(key, Arc::new(item), work).await?;
            Ok(done.unwrap_or_else(|Bad(items)| u32::try_from(items).unwrap()))
        })
    }

    async fn work(self, items: Vec<Arc<u32>>) -> Result<Vec<u32>, Bad> {
        let items: Vec<u32> = items.iter().map(|item| **item).collect();
        self.batches.lock().unwrap().push(items.clone());
        self.go.acquire().await.unwrap().forget();
        assert!(!items.contains(&13), "13 is bad luck");
        match items.contains(&7) {
            true => Err(Bad(items.len())),
            false => Ok(items.iter().map(|item| item * 10).collect()),
        }
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
async fn who_finds_nothing_under_way_goes_at_once_and_the_others_go_together_after() {
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
    // Two with one item, and one with three or four.
    counts.batches_by_size[0] = 2;
    counts.batches_by_size[2] = 1;
    assert_eq!(bench.batcher.counts(), counts);
}

#[tokio::test]
async fn a_key_that_has_to_wait_delays_no_other() {
    let bench = Bench::new(LIMITS);
    let first = bench.submit("a", 1);
    let second = bench.submit("b", 2);
    bench.until_begun(2).await;
    bench.go.add_permits(2);
    assert_eq!(answers(vec![first, second]).await, [Ok(10), Ok(20)]);
}

#[tokio::test]
async fn what_is_too_much_is_refused_and_the_rest_is_done() {
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
async fn what_waited_too_long_is_not_done() {
    let limits = Limits {
        wait: Duration::ZERO,
        ..LIMITS
    };
    let bench = Bench::new(limits);
    assert_eq!(bench.submit("a", 1).await.unwrap(), Err(NotDone::TooLate));
    assert_eq!(bench.batches(), Vec::<Vec<u32>>::new());
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_not_done() {
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
async fn when_a_batch_fails_each_item_is_done_alone_and_one_that_fails_again_is_told_so() {
    let bench = Bench::new(LIMITS);
    let mut submitted = vec![bench.submit("a", 1)];
    bench.until_begun(1).await;
    for item in [6, 7, 8] {
        submitted.push(bench.submit("a", item));
        bench.until_waiting(submitted.len() as u64 - 1).await;
    }
    bench.go.add_permits(5);
    assert_eq!(answers(submitted).await, [Ok(10), Ok(60), Ok(1), Ok(80)]);
    let mut batches = bench.batches();
    batches[2..].sort();
    assert_eq!(batches, [vec![1], vec![6, 7, 8], vec![6], vec![7], vec![8]]);
}

#[tokio::test]
async fn what_is_done_alone_goes_on_when_nobody_waits_for_it_any_more() {
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
async fn a_batch_that_panics_takes_no_other_with_it() {
    let bench = Bench::new(LIMITS);
    let bad = bench.submit("a", 13);
    bench.until_begun(1).await;
    let good = bench.submit("a", 1);
    bench.until_waiting(1).await;
    bench.go.add_permits(2);
    assert_eq!(answers(vec![bad, good]).await, [Err(NotDone::Lost), Ok(10)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_thousand_items_at_once_each_is_done_once() {
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
