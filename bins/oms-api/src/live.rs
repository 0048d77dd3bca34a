//! Feeds the console's page of live metrics from the registry of this process.

use std::sync::Arc;

use oms_console::{Live, SAMPLE_EVERY};
use oms_monitoring::metrics::Metrics;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Takes samples until the program stops.
pub(crate) fn watch(
    metrics: &Metrics,
    tasks: &TaskTracker,
    stopping: CancellationToken,
) -> Arc<Live> {
    let instance = format!(
        "oms {}, process {}",
        env!("CARGO_PKG_VERSION"),
        std::process::id()
    );
    let live = Arc::new(Live::new(instance));
    tasks.spawn(sample(metrics.clone(), live.clone(), stopping));
    live
}

async fn sample(metrics: Metrics, live: Arc<Live>, stopping: CancellationToken) {
    let began = Instant::now();
    let mut ticks = tokio::time::interval(SAMPLE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        live.record(began.elapsed().as_secs_f64(), &metrics.render());
    }
}
