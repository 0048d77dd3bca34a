//! Tests of workers on a paused clock.

use std::sync::atomic::AtomicUsize;

use super::*;

const INTERVAL: Duration = Duration::from_secs(60);

/// A worker that follows a script.
struct Scripted {
    turns: Arc<AtomicUsize>,
    script: fn(usize) -> Next,
    interval: fn() -> Duration,
}

impl Scripted {
    fn new(script: fn(usize) -> Next) -> (Self, Arc<AtomicUsize>) {
        let turns: Arc<AtomicUsize> = Arc::default();
        let worker = Self {
            turns: turns.clone(),
            script,
            interval: || INTERVAL,
        };
        (worker, turns)
    }
}

#[async_trait::async_trait]
impl Worker for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn interval(&self) -> Duration {
        (self.interval)()
    }

    async fn turn(&self, _: &CancellationToken) -> Next {
        (self.script)(self.turns.fetch_add(1, Ordering::SeqCst))
    }
}

fn runner() -> (Runner, CancellationToken) {
    let stopping = CancellationToken::new();
    (Runner::new(stopping.clone()), stopping)
}

async fn settle() {
    // The paused clock advances only when every task waits.
    sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_takes_a_turn_each_interval_and_immediately_while_there_is_more() {
    let (mut runner, _stopping) = runner();
    let (worker, turns) = Scripted::new(|turn| match turn {
        0 | 1 => Next::Immediately,
        _ => Next::AfterInterval,
    });
    runner.start(worker);
    settle().await;
    assert_eq!(turns.load(Ordering::SeqCst), 3);
    sleep(INTERVAL.mul_f64(1.1)).await;
    assert_eq!(turns.load(Ordering::SeqCst), 4);
}

/// A worker that counts the turns of its kind that are being taken, and whose turn lasts for some time.
struct Lasting {
    at_once: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    turn: Duration,
}

#[async_trait::async_trait]
impl Worker for Lasting {
    fn name(&self) -> &'static str {
        "lasting"
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    async fn turn(&self, _: &CancellationToken) -> Next {
        let at_once = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(at_once, Ordering::SeqCst);
        sleep(self.turn).await;
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        Next::AfterInterval
    }
}

#[tokio::test(start_paused = true)]
async fn first_turns_are_taken_one_after_another_unless_one_takes_long() {
    for (turn, expected) in [(FIRST_TURN.mul_f64(0.9), 1), (FIRST_TURN.mul_f64(2.5), 3)] {
        let (mut runner, _stopping) = runner();
        let most: Arc<AtomicUsize> = Arc::default();
        let at_once: Arc<AtomicUsize> = Arc::default();
        for _ in 0..5 {
            let (at_once, most) = (at_once.clone(), most.clone());
            runner.start(Lasting {
                at_once,
                most,
                turn,
            });
        }
        sleep(INTERVAL / 2).await;
        assert_eq!(most.load(Ordering::SeqCst), expected);
        assert_eq!(at_once.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_waits_for_its_first_turn_is_stopped() {
    let (mut runner, stopping) = runner();
    runner.start(Lasting {
        at_once: Arc::default(),
        most: Arc::default(),
        turn: FIRST_TURN / 2,
    });
    let (waiting, turns) = Scripted::new(|_| Next::AfterInterval);
    runner.start(waiting);
    settle().await;
    stopping.cancel();
    runner.stopped(Instant::now() + INTERVAL).await;
    assert_eq!(turns.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_notification_wakes_a_worker() {
    let (mut runner, _stopping) = runner();
    let (worker, turns) = Scripted::new(|_| Next::AfterInterval);
    let wake = Arc::new(Notify::new());
    runner.start_woken(worker, wake.clone());
    settle().await;
    wake.notify_one();
    settle().await;
    assert_eq!(turns.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_only_its_turn_and_does_not_count_as_a_heartbeat() {
    let (mut runner, _stopping) = runner();
    let (worker, turns) = Scripted::new(|turn| {
        assert_ne!(turn, 0, "the first turn panics");
        Next::AfterInterval
    });
    let heartbeat = runner.start(worker);
    heartbeat.last_turn_ms.store(0, Ordering::Relaxed);
    settle().await;
    assert_eq!(
        (heartbeat.panics(), heartbeat.last_turn()),
        (1, Duration::ZERO)
    );
    sleep(INTERVAL.mul_f64(1.1)).await;
    assert_eq!((heartbeat.panics(), turns.load(Ordering::SeqCst)), (1, 2));
    assert!(heartbeat.last_turn() > Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_ends_outside_a_stop_is_reported() {
    let (mut runner, _stopping) = runner();
    let (mut worker, _) = Scripted::new(|_| Next::AfterInterval);
    worker.interval = || panic!("a bug outside the turn");
    runner.start(worker);
    let ended = runner.unexpected_end().await;
    assert!(ended.cause.is_some_and(|cause| cause.is_panic()));
}

#[tokio::test(start_paused = true)]
async fn workers_end_after_their_turn_when_the_program_stops() {
    let (mut runner, stopping) = runner();
    let (worker, turns) = Scripted::new(|_| Next::AfterInterval);
    runner.start(worker);
    settle().await;
    stopping.cancel();
    runner.stopped(Instant::now() + INTERVAL).await;
    assert_eq!(turns.load(Ordering::SeqCst), 1);
}
