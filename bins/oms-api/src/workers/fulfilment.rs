//! Makes the fulfilment orders agree with orders that an earlier version of the program has changed.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oms_orders::{OpeningPass, OpeningTurn, OrderContext, open_missing};
use oms_work::{CancellationToken, Next, Worker};
use tokio::sync::Mutex;

use super::next;

/// The worker that does it. After the first pass there is nothing to do, except during a deployment.
pub(super) struct Opener {
    context: Arc<OrderContext>,
    interval: Duration,
    pass: Mutex<OpeningPass>,
}

impl Opener {
    pub(super) fn new(context: Arc<OrderContext>, interval: Duration) -> Self {
        Self {
            context,
            interval,
            pass: Mutex::default(),
        }
    }
}

#[async_trait]
impl Worker for Opener {
    fn name(&self) -> &'static str {
        "fulfilment"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    async fn turn(&self, _: &CancellationToken) -> Next {
        let mut pass = self.pass.lock().await;
        match open_missing(&self.context, &mut pass).await {
            Ok(turn) => {
                let OpeningTurn {
                    opened,
                    ended,
                    failed,
                    more,
                } = turn;
                if opened + ended + failed > 0 {
                    tracing::info!(opened, ended, failed, "mended fulfilment orders");
                }
                // The next pass looks again at what failed.
                next(more && failed == 0)
            }
            Err(error) => {
                let cause: &dyn Error = &error;
                tracing::warn!(cause, "fulfilment orders could not be opened");
                Next::AfterInterval
            }
        }
    }
}
