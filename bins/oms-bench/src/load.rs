//! The load generator: closed loops, a fixed rate, and a burst.
//!
//! In a closed loop a latency starts when the request is sent. At a fixed rate it starts when the request *should* have
//! been sent, so the waiting that a slow server causes is counted (no coordinated omission).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::cpu::{Programs, Spent, Ticks};
use crate::http::Connection;
use crate::latencies::Latencies;
use crate::traffic::{Request, Traffic};

/// Number of complaints that are kept; the others are only counted.
const COMPLAINTS: usize = 5;

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// Each connection sends its next request when it has received the last answer.
    Closed,
    /// This many requests per second in all, each at its due time, on the first free connection.
    PerSecond(f64),
}

/// The duration of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Answers in this time are checked, but not counted.
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

impl Window {
    pub(crate) const fn of_ms(warm_up: u64, measured: u64) -> Self {
        Self {
            warm_up: Duration::from_millis(warm_up),
            measured: Duration::from_millis(measured),
        }
    }
}

/// The result of a run.
pub(crate) struct Outcome {
    pub(crate) latencies: Latencies,
    /// The duration of the counted requests.
    pub(crate) elapsed: Duration,
    /// Processor time during the run.
    pub(crate) spent: Spent,
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// All answers, counted or not.
    pub(crate) answers: u64,
    /// Answers that the workload does not expect; the first few are also kept as text.
    pub(crate) unexpected: u64,
    pub(crate) complaints: Vec<String>,
}

struct Tally {
    latencies: Latencies,
    statuses: BTreeMap<u16, u64>,
    answers: u64,
    unexpected: u64,
    complaints: Vec<String>,
}

impl Tally {
    fn complain(&mut self, complaint: String) {
        self.unexpected += 1;
        if self.complaints.len() < COMPLAINTS {
            self.complaints.push(complaint);
        }
    }
}

/// Opens connections, before any clock starts.
pub(crate) async fn connect(address: SocketAddr, count: usize) -> Result<Vec<Connection>> {
    let mut connections = Vec::with_capacity(count);
    // In groups, because a server's queue of connections to accept is short.
    while connections.len() < count {
        let mut opening = JoinSet::new();
        for _ in 0..(count - connections.len()).min(64) {
            opening.spawn(Connection::open(address));
        }
        while let Some(opened) = opening.join_next().await {
            connections.push(opened.context("a connection's task failed")??);
        }
    }
    Ok(connections)
}

/// Sends requests during the window.
pub(crate) async fn run(
    traffic: Arc<Traffic>,
    connections: Vec<Connection>,
    pace: Pace,
    window: Window,
    programs: &Programs,
) -> Result<Outcome> {
    let clock = Arc::new(Clock::start(pace, window));
    let tally = Arc::new(Mutex::new(empty()?));
    let mut clients = JoinSet::new();
    for connection in connections {
        clients.spawn(client(
            connection,
            traffic.clone(),
            clock.clone(),
            tally.clone(),
        ));
    }
    sleep_until(clock.counts_from).await;
    let before = Ticks::read(programs);
    sleep_until(clock.ends_at).await;
    let spent = Ticks::read(programs).since(&before);
    while let Some(ended) = clients.join_next().await {
        ended.context("a client's task failed")?;
    }
    conclude(tally, window.measured, spent)
}

/// One client, which sends its requests one after the other.
async fn client(
    mut connection: Connection,
    traffic: Arc<Traffic>,
    clock: Arc<Clock>,
    tally: Arc<Mutex<Tally>>,
) {
    while let Some(due) = clock.next().await {
        let request = traffic.next();
        let answered = exchange(&mut connection, &traffic, &request).await;
        let now = Instant::now();
        let counted = clock.counts(now);
        let mut tally = tally.lock().expect("no task panics while counting");
        let broken = matches!(answered, Answered::Nothing(_));
        count(&mut tally, answered, counted.then(|| now - due));
        if broken {
            return;
        }
    }
}

/// Sends `total` requests concurrently, each connection taking the next one until none is left.
pub(crate) async fn burst(
    traffic: Arc<Traffic>,
    connections: Vec<Connection>,
    total: u64,
    programs: &Programs,
) -> Result<Outcome> {
    let before = Ticks::read(programs);
    let tally = Arc::new(Mutex::new(empty()?));
    let left = Arc::new(AtomicU64::new(total));
    let started = Instant::now();
    let mut clients = JoinSet::new();
    for mut connection in connections {
        let (traffic, tally, left) = (traffic.clone(), tally.clone(), left.clone());
        clients.spawn(async move {
            let one_less = |left: u64| left.checked_sub(1);
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
                .is_ok()
            {
                let request = traffic.next_order();
                let answered = exchange(&mut connection, &traffic, &request).await;
                let mut tally = tally.lock().expect("no task panics while counting");
                // All buyers arrived at the start, so each one's latency starts there.
                count(&mut tally, answered, Some(started.elapsed()));
            }
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended.context("a client's task failed")?;
    }
    let elapsed = started.elapsed();
    conclude(tally, elapsed, Ticks::read(programs).since(&before))
}

/// The result of one request.
enum Answered {
    Fine(u16),
    Unexpected(u16, String),
    Nothing(String),
}

async fn exchange(connection: &mut Connection, traffic: &Traffic, request: &Request) -> Answered {
    match connection.exchange(request).await {
        Ok((status, body)) => match traffic.judge(request, status, &body) {
            Ok(()) => Answered::Fine(status.as_u16()),
            Err(complaint) => Answered::Unexpected(status.as_u16(), complaint),
        },
        Err(error) => Answered::Nothing(format!("{:?} got no answer: {error:#}", request.purpose)),
    }
}

fn count(tally: &mut Tally, answered: Answered, latency: Option<Duration>) {
    let status = match answered {
        Answered::Fine(status) => status,
        Answered::Unexpected(status, complaint) => {
            tally.complain(complaint);
            status
        }
        Answered::Nothing(complaint) => return tally.complain(complaint),
    };
    tally.answers += 1;
    if let Some(latency) = latency {
        *tally.statuses.entry(status).or_default() += 1;
        tally.latencies.record(latency);
    }
}

fn empty() -> Result<Tally> {
    Ok(Tally {
        latencies: Latencies::new()?,
        statuses: BTreeMap::new(),
        answers: 0,
        unexpected: 0,
        complaints: Vec::new(),
    })
}

fn conclude(tally: Arc<Mutex<Tally>>, elapsed: Duration, spent: Spent) -> Result<Outcome> {
    let tally = Arc::into_inner(tally).context("a client is still counting")?;
    let tally = tally.into_inner().expect("no task panics while counting");
    ensure!(
        tally.answers > 0,
        "no request was answered: {:?}",
        tally.complaints
    );
    Ok(Outcome {
        latencies: tally.latencies,
        elapsed,
        spent,
        statuses: tally.statuses,
        answers: tally.answers,
        unexpected: tally.unexpected,
        complaints: tally.complaints,
    })
}

/// The schedule of requests.
struct Clock {
    started: Instant,
    counts_from: Instant,
    ends_at: Instant,
    pace: Pace,
    sent: AtomicU64,
}

impl Clock {
    fn start(pace: Pace, window: Window) -> Self {
        let started = Instant::now();
        let counts_from = started + window.warm_up;
        Self {
            started,
            counts_from,
            ends_at: counts_from + window.measured,
            pace,
            sent: AtomicU64::new(0),
        }
    }

    /// Whether an answer counts that arrives now. Requests that are in flight when the window begins stand for those that are
    /// in flight when it ends. Counting only requests that begin and end in it would find next to none whose answers take
    /// as long as the window, however many there are.
    fn counts(&self, now: Instant) -> bool {
        (self.counts_from..=self.ends_at).contains(&now)
    }

    /// Waits until the next request is due, and returns the due time; `None` after the end.
    async fn next(&self) -> Option<Instant> {
        let due = match self.pace {
            Pace::Closed => Instant::now(),
            Pace::PerSecond(rate) => {
                let number = self.sent.fetch_add(1, Ordering::Relaxed);
                let due =
                    self.started + Duration::from_secs_f64(crate::latencies::float(number) / rate);
                if due < self.ends_at {
                    sleep_until(due).await;
                }
                due
            }
        };
        (due < self.ends_at).then_some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn at_a_fixed_rate_due_times_do_not_shift_when_requests_are_late() {
        let window = Window {
            warm_up: Duration::ZERO,
            measured: Duration::from_secs(1),
        };
        let clock = Clock::start(Pace::PerSecond(10.0), window);
        assert_eq!(clock.next().await, Some(clock.started));
        // The server took 350 ms: the next three requests are overdue.
        tokio::time::advance(Duration::from_millis(350)).await;
        for tenth in 1..=3 {
            let due = clock.started + Duration::from_millis(100 * tenth);
            assert_eq!(clock.next().await, Some(due));
            assert_eq!(clock.started.elapsed(), Duration::from_millis(350));
        }
        assert_eq!(
            clock.next().await,
            Some(clock.started + Duration::from_millis(400))
        );
        for _ in 5..10 {
            assert!(clock.next().await.is_some());
        }
        assert_eq!(clock.next().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn answers_count_that_arrive_in_the_window() {
        let window = Window::of_ms(100, 1000);
        let clock = Clock::start(Pace::Closed, window);
        // Four clients whose requests take 800 ms: two answers each in 1.6 s, one of them in the window.
        let begun = clock.started;
        let answers = (1..=2).map(|answer| begun + Duration::from_millis(800 * answer));
        let counted: Vec<bool> = answers.map(|at| clock.counts(at)).collect();
        assert_eq!(counted, [true, false]);
        let edges = [99, 100, 1100, 1101].map(Duration::from_millis);
        let counted = edges.map(|after| clock.counts(begun + after));
        assert_eq!(counted, [false, true, true, false]);
    }

    #[test]
    fn a_lost_connection_and_a_wrong_answer_are_both_unexpected() {
        let mut tally = empty().unwrap();
        count(
            &mut tally,
            Answered::Fine(201),
            Some(Duration::from_millis(1)),
        );
        count(
            &mut tally,
            Answered::Unexpected(500, "five hundred".to_owned()),
            None,
        );
        count(&mut tally, Answered::Nothing("gone".to_owned()), None);
        assert_eq!((tally.answers, tally.unexpected), (2, 2));
        assert_eq!(tally.complaints, ["five hundred", "gone"]);
    }
}
