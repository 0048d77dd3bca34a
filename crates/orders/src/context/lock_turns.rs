//! Queues of requests that wait for a locked order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use oms_validation::TenantId;
use uuid::Uuid;

type Turn = tokio::sync::Mutex<()>;

/// One queue for each order, by ID. One request of a queue tries to lock the order; the others wait behind it in
/// arrival order.
#[derive(Default)]
pub(crate) struct LockTurns(Mutex<HashMap<(TenantId, Uuid), Weak<Turn>>>);

impl LockTurns {
    pub(crate) fn of(&self, tenant: TenantId, id: Uuid) -> Arc<Turn> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        let key = (tenant, id);
        if let Some(turn) = turns.get(&key).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::default();
        turns.insert(key, Arc::downgrade(&turn));
        turn
    }
}
