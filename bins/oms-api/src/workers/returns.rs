//! Closes returns of which nothing was received in time, and refunds credits that wait.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oms_orders::{OrderContext, ReturnsPass, settle_returns};
use oms_work::{CancellationToken, Next, Worker};
use tokio::sync::Mutex;

use super::next;

/// The worker that does both. It looks at every tenant, so that its interval is that of retention: nobody waits for it.
pub(super) struct ReturnsSettler {
    context: Arc<OrderContext>,
    interval: Duration,
    pass: Mutex<ReturnsPass>,
}

impl ReturnsSettler {
    pub(super) fn new(context: Arc<OrderContext>, interval: Duration) -> Self {
        Self {
            context,
            interval,
            pass: Mutex::default(),
        }
    }
}

#[async_trait]
impl Worker for ReturnsSettler {
    fn name(&self) -> &'static str {
        "returns"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    async fn turn(&self, _: &CancellationToken) -> Next {
        let mut pass = self.pass.lock().await;
        match settle_returns(&self.context, &mut pass).await {
            Ok(turn) => {
                if turn.expired > 0 || turn.refunds > 0 {
                    let (expired, refunds) = (turn.expired, turn.refunds);
                    tracing::info!(expired, refunds, "returns were closed and refunded");
                }
                next(turn.more)
            }
            Err(error) => {
                let cause: &dyn Error = &error;
                tracing::warn!(cause, "returns could not be settled");
                Next::AfterInterval
            }
        }
    }
}
