//! The permitted and the actual number of gateway calls for an order.

use serde_json::Value;

use crate::shop::Shop;
use crate::store_database::StoreDatabase;

/// Numbers of gateway calls for one order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    pub create: u64,
    pub confirm: u64,
    pub retrieve: u64,
    pub cancel: u64,
}

/// The maximum for `POST /orders`: one preparation, one confirmation, and one look-up of a payment whose confirmation
/// got no answer. Nothing is repeated, because the customer waits. Unknown outcomes are left to the sweeper.
pub const REQUEST: Calls = Calls {
    create: 1,
    confirm: 1,
    retrieve: 1,
    cancel: 0,
};

/// The maximum for one attempt of the sweeper: one look-up and one cancellation. A payment whose reference was not
/// stored is prepared again with the same key, which finds the earlier preparation. It is never confirmed, because the
/// sweeper has no card.
pub const SWEEP: Calls = Calls {
    create: 1,
    confirm: 0,
    retrieve: 1,
    cancel: 1,
};

impl Calls {
    /// The maximum for an order after one request and this many attempts of the sweeper.
    pub fn budget(tries: u64) -> Self {
        let of = |request: u64, sweep: u64| request + tries * sweep;
        Self {
            create: of(REQUEST.create, SWEEP.create),
            confirm: of(REQUEST.confirm, SWEEP.confirm),
            retrieve: of(REQUEST.retrieve, SWEEP.retrieve),
            cancel: of(REQUEST.cancel, SWEEP.cancel),
        }
    }

    /// The sandbox's counts. Other operations must not have been called.
    pub fn of(counts: &Value) -> Self {
        let count = |operation: &str| counts[operation].as_u64().unwrap();
        for other in ["capture", "refund"] {
            assert_eq!(count(other), 0, "{other}: {counts}");
        }
        Self {
            create: count("create"),
            confirm: count("confirm"),
            retrieve: count("retrieve"),
            cancel: count("cancel"),
        }
    }

    /// Whether no count exceeds that of `budget`.
    pub fn is_within(self, budget: Self) -> bool {
        self.create <= budget.create
            && self.confirm <= budget.confirm
            && self.retrieve <= budget.retrieve
            && self.cancel <= budget.cancel
    }
}

impl StoreDatabase {
    /// Records the sweeper's attempts of orders that are no longer on the work list, from now on.
    pub async fn keep_tries(&self) {
        self.execute(
            "CREATE TABLE public.tries (order_id uuid NOT NULL, tries bigint NOT NULL);
             CREATE FUNCTION public.keep_tries() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 INSERT INTO public.tries VALUES (OLD.order_id, OLD.tries);
                 RETURN OLD;
             END $$;
             CREATE TRIGGER keep_tries AFTER DELETE ON orders.reconciliations
                 FOR EACH ROW EXECUTE FUNCTION public.keep_tries()",
        )
        .await;
    }

    /// The number of attempts that the sweeper made for an order.
    pub async fn tries(&self, order_id: &str) -> u64 {
        let sql = format!(
            "SELECT coalesce(sum(tries), 0) FROM (
                 SELECT tries FROM public.tries WHERE order_id = '{order_id}'
                 UNION ALL
                 SELECT tries FROM orders.reconciliations WHERE order_id = '{order_id}'
             ) t"
        );
        self.number(&sql).await.try_into().unwrap()
    }
}

impl StoreDatabase {
    /// The maximum number of attempts that any order took.
    pub async fn most_tries(&self) -> u64 {
        let most = self.number("SELECT max(tries) FROM public.tries").await;
        most.try_into().unwrap()
    }
}

impl Shop {
    /// Checks that no order cost more calls than its attempts allow. Requires [`StoreDatabase::keep_tries`].
    pub async fn assert_within_budget(&self) {
        let orders = self.database.rows("SELECT id FROM orders.orders").await;
        for order_id in orders.iter().flatten() {
            let calls = Calls::of(&self.sandbox.order(order_id).await["calls"]);
            let tries = self.database.tries(order_id).await;
            assert!(
                calls.is_within(Calls::budget(tries)),
                "order {order_id} after {tries} tries: {calls:?}"
            );
        }
    }
}

impl StoreDatabase {
    /// The operation and outcome of each call in an order's history, oldest first.
    pub async fn calls_kept(&self, order_id: &str) -> Vec<(String, String)> {
        let sql = format!(
            "SELECT operation, outcome FROM payments.gateway_calls WHERE order_id = '{order_id}' ORDER BY id"
        );
        let rows = self.rows(&sql).await.into_iter();
        rows.map(|row| (row[0].clone(), row[1].clone())).collect()
    }
}

impl Shop {
    /// Checks that the history has exactly the calls that the gateway received for an order, answered or not. The order
    /// must not be in progress, and the API must not have been killed.
    pub async fn assert_calls_kept(&self, order_id: &str) {
        let made = Calls::of(&self.sandbox.order(order_id).await["calls"]);
        let history = self.database.calls_kept(order_id).await;
        let count = |operation: &str| history.iter().filter(|(kept, _)| kept == operation).count();
        let kept = Calls {
            create: count("prepare") as u64,
            confirm: count("confirm") as u64,
            retrieve: count("lookup") as u64,
            cancel: count("cancel") as u64,
        };
        assert_eq!(kept, made, "{history:?}");
    }
}

#[test]
fn one_extra_call_of_any_kind_exceeds_the_budget() {
    let budget = Calls::budget(2);
    assert!(budget.is_within(budget));
    let one_more = |change: fn(&mut Calls)| {
        let mut calls = budget;
        change(&mut calls);
        calls
    };
    for over in [
        one_more(|calls| calls.create += 1),
        one_more(|calls| calls.confirm += 1),
        one_more(|calls| calls.retrieve += 1),
        one_more(|calls| calls.cancel += 1),
    ] {
        assert!(!over.is_within(budget), "{over:?}");
    }
}
