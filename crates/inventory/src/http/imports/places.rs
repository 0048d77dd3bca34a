//! Places for imports, which tenants take in turns.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oms_validation::TenantId;
use tokio::sync::oneshot;

/// A number of places. A free one goes to the waiting tenant that holds fewest, and of those to the one that came first.
pub(super) struct Places {
    state: Mutex<State>,
    /// Most that one tenant may hold and wait for.
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

/// A place, until it is dropped.
pub(super) struct Place {
    /// None when it has been taken back.
    places: Option<Arc<Places>>,
    tenant: TenantId,
}

impl Places {
    /// `count` places, of which each tenant may hold `most_of_a_tenant`.
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

    /// A place if there is a free one that this tenant may hold.
    pub(super) fn try_take(self: &Arc<Self>, tenant: TenantId) -> Option<Place> {
        let mut state = self.state();
        let is_free = state.free > 0 && state.held_by(tenant) < self.most_of_a_tenant;
        is_free.then(|| self.hand_out(&mut state, tenant))
    }

    /// A place, as soon as it is this tenant's turn. Dropping the future gives up the turn.
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
            .expect("the places outlive who waits for one, and drop no sender without a place")
    }

    /// Hands free places to those that wait.
    fn serve(self: &Arc<Self>, state: &mut State) {
        while state.free > 0 {
            let Some(next) = state.next(self.most_of_a_tenant) else {
                return;
            };
            let waiting = state.waiting.remove(next);
            if !waiting.place.is_closed() {
                let place = self.hand_out(state, waiting.tenant);
                if let Err(mut unwanted) = waiting.place.send(place) {
                    // Dropping it would wait for the lock that is held here.
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

    /// The place, if it has been handed out.
    fn handed_out(taking: &mut Pin<&mut impl Future<Output = Place>>) -> Option<Place> {
        let mut context = Context::from_waker(Waker::noop());
        match taking.as_mut().poll(&mut context) {
            std::task::Poll::Ready(place) => Some(place),
            std::task::Poll::Pending => None,
        }
    }

    #[test]
    fn a_free_place_goes_to_the_tenant_that_holds_fewest() {
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
    fn a_tenant_holds_its_share_at_most_while_others_find_a_place() {
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
    fn a_place_can_be_taken_after_the_one_who_waited_for_it_left() {
        let places = Places::new(1, 1);
        let held = places.try_take(tenant(1));
        {
            let mut gone = pin!(places.take(tenant(2)));
            assert!(handed_out(&mut gone).is_none());
        }
        let mut unread = Box::pin(places.take(tenant(3)));
        assert!(handed_out(&mut unread.as_mut()).is_none());
        drop(held);
        // Handed out to somebody who leaves before it is looked at.
        drop(unread);
        assert!(places.try_take(tenant(4)).is_some());
    }
}
