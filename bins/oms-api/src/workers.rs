//! Runs the background workers. One that ends before the program stops is restarted, with an ERROR in the log: nobody else
//! would notice, and its gauges would keep their last value.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use oms_monitoring::metrics::{Counter, Metrics, MetricsError};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

/// Pause before a worker is restarted.
const PAUSE: Duration = Duration::from_secs(1);

/// A background worker.
#[async_trait]
pub(crate) trait Worker: Send + Sync + 'static {
    /// Its name in the log and in metrics.
    fn name(&self) -> &'static str;

    /// Works until the program stops. It beats after each turn, whether or not the turn succeeded.
    async fn run(&self, pulse: &Pulse);
}

/// When a worker last completed a turn.
#[derive(Clone)]
pub(crate) struct Pulse {
    started: Instant,
    last_ms: Arc<AtomicU64>,
}

impl Pulse {
    fn new() -> Self {
        Self {
            started: Instant::now(),
            last_ms: Arc::default(),
        }
    }

    /// A turn is completed.
    pub(crate) fn beat(&self) {
        self.last_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    fn age(&self) -> Duration {
        let last_ms = self.last_ms.load(Ordering::Relaxed);
        Duration::from_millis(self.now_ms().saturating_sub(last_ms))
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The workers of the program.
pub(crate) struct Workers {
    metrics: Metrics,
    restarts: Counter<1>,
    stopping: CancellationToken,
    running: Vec<(&'static str, JoinHandle<()>)>,
}

impl Workers {
    /// None yet. They stop when `stopping` comes.
    pub(crate) fn new(
        metrics: &Metrics,
        stopping: CancellationToken,
    ) -> Result<Self, MetricsError> {
        let help = "Restarts of background workers that ended unexpectedly";
        Ok(Self {
            restarts: metrics.counter("oms_worker_restarts_total", help, &["worker"])?,
            metrics: metrics.clone(),
            stopping,
            running: Vec::new(),
        })
    }

    /// Starts one.
    pub(crate) fn start(&mut self, worker: impl Worker) -> Result<(), MetricsError> {
        let (name, pulse) = (worker.name(), Pulse::new());
        self.restarts.add(&[name], 0);
        let help = "Time since a background worker last completed a turn";
        let sampled = pulse.clone();
        let age_s = move || sampled.age().as_secs_f64();
        let gauge = "oms_worker_turn_age_seconds";
        self.metrics
            .gauge_from(gauge, help, &[("worker", name)], age_s)?;
        let (restarts, stopping) = (self.restarts.clone(), self.stopping.clone());
        let running = async move { keep_running(&worker, &pulse, &restarts, &stopping).await };
        self.running.push((name, tokio::spawn(running)));
        Ok(())
    }

    /// Waits until each has finished its turn. Those that have not by the deadline are cut off.
    pub(crate) async fn stopped(self, deadline: Instant) {
        for (name, mut task) in self.running {
            match timeout_at(deadline, &mut task).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::error!(worker = name, %error, "a background worker failed");
                }
                Err(_) => task.abort(),
            }
        }
    }
}

async fn keep_running(
    worker: &impl Worker,
    pulse: &Pulse,
    restarts: &Counter<1>,
    stopping: &CancellationToken,
) {
    loop {
        let ended = AssertUnwindSafe(worker.run(pulse)).catch_unwind().await;
        if stopping.is_cancelled() {
            return;
        }
        let reason = match ended {
            Ok(()) => "it ended",
            Err(_) => "it panicked; the defect is on standard error",
        };
        restarts.increment(&[worker.name()]);
        tracing::error!(
            worker = worker.name(),
            reason,
            "a background worker ended unexpectedly, and is restarted"
        );
        if stopping.run_until_cancelled(sleep(PAUSE)).await.is_none() {
            return;
        }
    }
}
