//! Opens fulfilment orders of orders that an earlier version made `PAID`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oms_orders::{OpeningPass, OrderContext, open_missing};
use oms_work::{CancellationToken, Next, Worker};
use tokio::sync::Mutex;

/// The worker that opens them. After the first pass there is nothing to do, except during a deployment.
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
                if turn.opened > 0 {
                    tracing::info!(
                        opened = turn.opened,
                        "fulfilment orders of earlier orders were opened"
                    );
                }
                match turn.more {
                    true => Next::Immediately,
                    false => Next::AfterInterval,
                }
            }
            Err(error) => {
                let cause: &dyn Error = &error;
                tracing::warn!(cause, "fulfilment orders could not be opened");
                Next::AfterInterval
            }
        }
    }
}
