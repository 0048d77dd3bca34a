//! Gates of the in-memory gateway's operations, which hold calls until the test releases them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use oms_payments::Operation;
use tokio::sync::Semaphore;

use super::lock;

/// The closed gates, by operation.
#[derive(Default)]
pub(super) struct Gates(Mutex<HashMap<&'static str, Arc<Gate>>>);

struct Gate {
    /// Has a permit for each released call.
    open: Semaphore,
    /// Has a permit for each call that has arrived.
    arrived: Semaphore,
}

impl Gates {
    pub(super) fn close(&self, operation: Operation) {
        let gate = Gate {
            open: Semaphore::new(0),
            arrived: Semaphore::new(0),
        };
        lock(&self.0).insert(operation.as_str(), Arc::new(gate));
    }

    pub(super) fn release(&self, operation: Operation, calls: usize) {
        self.closed(operation).open.add_permits(calls);
    }

    pub(super) async fn arrived(&self, operation: Operation, calls: u32) {
        let gate = self.closed(operation);
        let arrived = gate.arrived.acquire_many(calls).await;
        arrived.expect("nobody closes the semaphore").forget();
    }

    pub(super) async fn pass(&self, operation: Operation) {
        if let Some(gate) = self.find(operation) {
            gate.arrived.add_permits(1);
            let open = gate.open.acquire().await;
            open.expect("nobody closes the semaphore").forget();
        }
    }

    fn find(&self, operation: Operation) -> Option<Arc<Gate>> {
        lock(&self.0).get(operation.as_str()).cloned()
    }

    fn closed(&self, operation: Operation) -> Arc<Gate> {
        self.find(operation)
            .expect("the test holds calls of the operation")
    }
}
