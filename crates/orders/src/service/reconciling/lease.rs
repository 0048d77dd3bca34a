//! The lease under which one instance compares tenants.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::error::OrderError;
use crate::store::reconciliation_progress::{self, Claim};

/// A claim of this instance, extended for as long as the comparison takes.
pub(crate) struct Lease<'a> {
    context: &'a OrderContext,
    pub(super) claim: Claim,
    duration: Duration,
    kept_at: Mutex<Instant>,
}

impl<'a> Lease<'a> {
    pub(super) fn new(context: &'a OrderContext, claim: Claim, duration: Duration) -> Self {
        Self {
            context,
            claim,
            duration,
            kept_at: Mutex::new(Instant::now()),
        }
    }

    /// Extends the lease once an eighth of it has passed, so that the rest is long enough for the calls until the next
    /// extension. Returns `false` if another instance has taken over.
    pub(crate) async fn keep(&self) -> Result<bool, OrderError> {
        let now = Instant::now();
        {
            let mut kept_at = self.kept_at.lock().unwrap_or_else(PoisonError::into_inner);
            if now.duration_since(*kept_at) < self.duration / 8 {
                return Ok(true);
            }
            *kept_at = now;
        }
        self.postpone(&self.claim, self.duration).await
    }

    pub(super) async fn postpone(
        &self,
        claim: &Claim,
        delay: Duration,
    ) -> Result<bool, OrderError> {
        let (now, gateway) = (self.context.now(), self.context.gateway.name());
        let mut connection = self.context.database.acquire().await?;
        let kept = reconciliation_progress::postpone(&mut connection, now, gateway, claim, delay);
        Ok(kept.await?)
    }

    pub(super) async fn finish(
        &self,
        tenants: &BTreeSet<TenantId>,
        until: DateTime<Utc>,
        delay: Duration,
    ) -> Result<(), OrderError> {
        let (now, gateway) = (self.context.now(), self.context.gateway.name());
        let claim = self.claim.of(tenants);
        let mut connection = self.context.database.acquire().await?;
        let finished =
            reconciliation_progress::finish(&mut connection, now, gateway, &claim, until, delay);
        Ok(finished.await?)
    }
}
