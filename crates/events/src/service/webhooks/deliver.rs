//! Claims endpoints with something to send, and sends it.

use std::error::Error;
use std::sync::Arc;

use oms_database::DbError;
use oms_validation::TenantId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::context::webhooks::WebhooksContext;
use crate::domain::webhooks::endpoint::ClaimedEndpoint;
use crate::error::WebhooksError;
use crate::service::webhooks::courier::{Courier, LEASE};
use crate::store::webhooks::endpoints::DELIVERABLE;
use crate::store::webhooks::leases;

/// Maximum number of endpoints to which an instance sends at the same time.
const MAX_ENDPOINTS: usize = 64;

/// Sends to the endpoints of all tenants. A slow endpoint delays no other, unless 64 are slow.
pub struct Couriers {
    context: Arc<WebhooksContext>,
    places: Arc<Semaphore>,
    tasks: TaskTracker,
}

/// What a turn began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dispatched {
    /// Number of endpoints that something is being sent to.
    pub endpoints: usize,
    /// Whether more endpoints may be due, for which there is no place.
    pub is_full: bool,
}

impl Couriers {
    /// Creates couriers whose work is tracked by `tasks`, so that its owner can wait for it.
    pub fn new(context: Arc<WebhooksContext>, tasks: TaskTracker) -> Self {
        Self {
            context,
            places: Arc::new(Semaphore::new(MAX_ENDPOINTS)),
            tasks,
        }
    }

    /// Claims due endpoints and begins to send to them. Does not wait for answers.
    ///
    /// # Errors
    /// If the due endpoints can't be found.
    pub async fn dispatch(
        &self,
        stopping: &CancellationToken,
    ) -> Result<Dispatched, WebhooksError> {
        let mut connection = self.context.database.acquire().await?;
        let now = self.context.now();
        let tenants = leases::find_due_tenants(&mut connection, now).await?;
        let mut dispatched = Dispatched::default();
        for tenant in tenants.into_iter().map(|due| due.tenant) {
            let free = self.places.available_permits();
            if free == 0 || stopping.is_cancelled() {
                dispatched.is_full = free == 0;
                break;
            }
            let claimed = leases::claim(&mut connection, tenant, now, free, LEASE).await?;
            for endpoint in claimed {
                // There are as many places as endpoints were claimed: only this task takes any.
                let Ok(place) = self.places.clone().try_acquire_owned() else {
                    break;
                };
                dispatched.endpoints += 1;
                self.send(tenant, endpoint, place, stopping.clone());
            }
        }
        Ok(dispatched)
    }

    fn send(
        &self,
        tenant: TenantId,
        claimed: ClaimedEndpoint,
        place: OwnedSemaphorePermit,
        stopping: CancellationToken,
    ) {
        let context = self.context.clone();
        self.tasks.spawn(async move {
            let endpoint = claimed.endpoint.id;
            let sent = async {
                let courier = Courier::new(&context, tenant, claimed).await?;
                courier.run(&stopping).await
            };
            match sent.await {
                Ok(()) => {}
                Err(WebhooksError::Database(DbError::NotAsExpected)) => {
                    // A request changed the endpoint meanwhile, or another instance has taken over.
                    tracing::debug!(%tenant, %endpoint, "the claim of an endpoint has ended");
                }
                Err(error) => {
                    // The lease ends, and the endpoint is due again.
                    let cause: &dyn Error = &error;
                    tracing::warn!(cause, %tenant, %endpoint, "webhooks could not be sent");
                }
            }
            drop(place);
            // An endpoint may have waited for the place.
            DELIVERABLE.notify_one();
        });
    }
}
