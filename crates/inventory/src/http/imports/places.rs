//! Slots for imports, which are shared fairly between tenants.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oms_validation::TenantId;
use tokio::sync::oneshot;

/// A bounded number of slots. A free slot goes to the waiting tenant that holds the fewest, and on a tie to the one
/// that has waited longest.
pub(super) struct Places {
    state: Mutex<State>,
    /// Maximum slots that one tenant may hold.
    most_of_a_tenant: usize,
}

struct State {
    free: usize,
    held: HashMap<TenantId, usize>,
    waiting: Vec<Waiting>,
}

struct Waiting {
    tenant: TenantId,
    place: oneshot::Sender<Place>,
}

/// A slot, which is freed on drop.
pub(super) struct Place {
    /// `None` once the slot has been freed.
    places: Option<Arc<Places>>,
    tenant: TenantId,
}

impl Places {
    /// Creates `count` slots, of which each tenant may hold `most_of_a_tenant`.
    pub(super) fn new(count: usize, most_of_a_tenant: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                free: count,
                held: HashMap::new(),
                waiting: Vec::new(),
            }),
            most_of_a_tenant,
        })
    }

    /// Takes a slot if one is free and the tenant may hold another.
    pub(super) fn try_take(self: &Arc<Self>, tenant: TenantId) -> Option<Place> {
        let mut state = self.state();
        let is_free = state.free > 0 && state.held_by(tenant) < self.most_of_a_tenant;
        is_free.then(|| self.hand_out(&mut state, tenant))
    }

    /// Waits for a slot until it is the tenant's turn. Dropping the future gives up the turn.
    pub(super) async fn take(self: &Arc<Self>, tenant: TenantId) -> Place {
        let place = {
            let mut state = self.state();
            let (sender, receiver) = oneshot::channel();
            state.waiting.push(Waiting {
                tenant,
                place: sender,
            });
            self.serve(&mut state);
            receiver
        };
        place
            .await
            .expect("the slots outlive their waiters, and send a slot before they drop a sender")
    }

    /// Hands free slots to waiters.
    fn serve(self: &Arc<Self>, state: &mut State) {
        while state.free > 0 {
            let Some(next) = state.next(self.most_of_a_tenant) else {
                return;
            };
            let waiting = state.waiting.remove(next);
            if !waiting.place.is_closed() {
                let place = self.hand_out(state, waiting.tenant);
                if let Err(mut unwanted) = waiting.place.send(place) {
                    // Dropping the slot would deadlock on the lock that is held here.
                    unwanted.places = None;
                    state.take_back(waiting.tenant);
                }
            }
        }
    }

    fn hand_out(self: &Arc<Self>, state: &mut State, tenant: TenantId) -> Place {
        state.free -= 1;
        *state.held.entry(tenant).or_default() += 1;
        Place {
            places: Some(self.clone()),
            tenant,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn held_by(&self, tenant: TenantId) -> usize {
        self.held.get(&tenant).copied().unwrap_or_default()
    }

    fn next(&self, most_of_a_tenant: usize) -> Option<usize> {
        let may = |waiting: &&Waiting| self.held_by(waiting.tenant) < most_of_a_tenant;
        let turns = self.waiting.iter().enumerate();
        turns
            .filter(|(_, waiting)| may(waiting))
            .min_by_key(|(at, waiting)| (self.held_by(waiting.tenant), *at))
            .map(|(at, _)| at)
    }

    fn take_back(&mut self, tenant: TenantId) {
        self.free += 1;
        if let Some(held) = self.held.get_mut(&tenant) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(&tenant);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(places) = self.places.take() {
            let mut state = places.state();
            state.take_back(self.tenant);
            places.serve(&mut state);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Waker};

    use uuid::Uuid;

    use super::*;

    fn tenant(number: u128) -> TenantId {
        TenantId::from(Uuid::from_u128(number))
    }

    /// The slot, if it has been handed out.
    fn handed_out(taking: &mut Pin<&mut impl Future<Output = Place>>) -> Option<Place> {
        let mut context = Context::from_waker(Waker::noop());
        match taking.as_mut().poll(&mut context) {
            std::task::Poll::Ready(place) => Some(place),
            std::task::Poll::Pending => None,
        }
    }

    #[test]
    fn a_freed_slot_goes_to_the_waiting_tenant_that_holds_the_fewest() {
        let places = Places::new(2, 2);
        let (one, two) = (places.try_take(tenant(1)), places.try_take(tenant(1)));
        assert!(places.try_take(tenant(2)).is_none());
        let mut third = pin!(places.take(tenant(1)));
        let mut other = pin!(places.take(tenant(2)));
        assert!(handed_out(&mut third).is_none() && handed_out(&mut other).is_none());
        drop(one);
        assert!(handed_out(&mut third).is_none());
        let other = handed_out(&mut other);
        assert!(other.is_some());
        drop(two);
        assert!(handed_out(&mut third).is_some());
    }

    #[test]
    fn a_tenant_at_its_share_must_wait_while_others_get_a_slot() {
        let places = Places::new(3, 1);
        let held = places.try_take(tenant(1));
        assert!(held.is_some() && places.try_take(tenant(1)).is_none());
        assert!(places.try_take(tenant(2)).is_some());
        let mut second = pin!(places.take(tenant(1)));
        assert!(handed_out(&mut second).is_none());
        drop(held);
        assert!(handed_out(&mut second).is_some());
    }

    #[test]
    fn a_slot_can_be_reused_after_its_waiter_has_left() {
        let places = Places::new(1, 1);
        let held = places.try_take(tenant(1));
        {
            let mut gone = pin!(places.take(tenant(2)));
            assert!(handed_out(&mut gone).is_none());
        }
        let mut unread = Box::pin(places.take(tenant(3)));
        assert!(handed_out(&mut unread.as_mut()).is_none());
        drop(held);
        // The slot is handed to a waiter that is dropped before it polls again.
        drop(unread);
        assert!(places.try_take(tenant(4)).is_some());
    }
}
