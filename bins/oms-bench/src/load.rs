//! The load generator: closed loops, a fixed rate, and everybody at once.
//!
//! A closed loop's latency starts when the request is sent. At a fixed rate it starts when the request *should* have
//! been sent, so a server that makes its clients late is not spared their waiting (no coordinated omission).

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

/// Complaints that are kept; the others are counted.
const COMPLAINTS: usize = 5;

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// Each connection sends its next request when it has the last one's answer.
    Closed,
    /// So many requests a second in all, each at its time, by the first connection that is free.
    PerSecond(f64),
}

/// How long a run takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Sent, answered, checked, and not counted.
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

/// What came of a run.
pub(crate) struct Outcome {
    pub(crate) latencies: Latencies,
    /// How long the counted requests took.
    pub(crate) elapsed: Duration,
    /// Processor time meanwhile.
    pub(crate) spent: Spent,
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Every answer, counted or not.
    pub(crate) answers: u64,
    /// Answers that the workload does not expect; the first few in words.
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
    // In groups: a server's queue of connections to accept is short.
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

/// Sends requests for as long as the window says.
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

/// One client: its requests one after the other.
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
        let counted = due >= clock.counts_from && now <= clock.ends_at;
        let mut tally = tally.lock().expect("nobody panics while counting");
        let broken = matches!(answered, Answered::Nothing(_));
        count(&mut tally, answered, counted.then(|| now - due));
        if broken {
            return;
        }
    }
}

/// Everybody sends requests at once until there are none left: connection by connection, `total` in all.
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
                let mut tally = tally.lock().expect("nobody panics while counting");
                // All of them wanted to be first: each waits from the beginning.
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

/// What came of one request.
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
    let tally = Arc::into_inner(tally).context("a client still counts")?;
    let tally = tally.into_inner().expect("nobody panics while counting");
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

/// When the next request is due.
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

    /// The time at which the next request should be sent, once it has come; none after the end.
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
    async fn at_a_fixed_rate_requests_are_due_on_time_even_when_they_are_late() {
        let window = Window {
            warm_up: Duration::ZERO,
            measured: Duration::from_secs(1),
        };
        let clock = Clock::start(Pace::PerSecond(10.0), window);
        assert_eq!(clock.next().await, Some(clock.started));
        // The server took 350 ms: the next three should have been sent long since.
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
