//! Counts calls to the gateway. Knows nothing of what the calls did.

use std::collections::{BTreeMap, HashMap};

use crate::endpoint::Operation;

/// The number of calls per operation since the process started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    pub(crate) total: BTreeMap<Operation, u64>,
    pub(crate) by_order: HashMap<String, BTreeMap<Operation, u64>>,
}

impl Calls {
    /// Counts one call.
    pub(crate) fn count(&mut self, operation: Operation, order_id: Option<&str>) {
        *self.total.entry(operation).or_default() += 1;
        if let Some(order_id) = order_id {
            let of_order = self.by_order.entry(order_id.to_owned()).or_default();
            *of_order.entry(operation).or_default() += 1;
        }
    }

    /// Returns, for each operation, the most calls that one order got.
    pub(crate) fn most_of_one_order(&self) -> BTreeMap<Operation, u64> {
        let mut most = BTreeMap::new();
        for (&operation, &count) in self.by_order.values().flatten() {
            let most = most.entry(operation).or_default();
            *most = count.max(*most);
        }
        most
    }

    /// Returns the order with the most calls in all, and their number. Among several it returns the one with the
    /// smallest ID.
    pub(crate) fn busiest_order(&self) -> Option<(&str, u64)> {
        let totals = self.by_order.iter();
        let totals = totals.map(|(id, counts)| (id.as_str(), counts.values().sum::<u64>()));
        totals.max_by(|(id, total), (other, most)| total.cmp(most).then(other.cmp(id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_calls_are_counted_by_operation_and_in_total() {
        let mut calls = Calls::default();
        for (operation, order_id) in [
            (Operation::Confirm, "o1"),
            (Operation::Confirm, "o1"),
            (Operation::Create, "o2"),
            (Operation::Confirm, "o2"),
            (Operation::Cancel, "o2"),
        ] {
            calls.count(operation, Some(order_id));
        }
        calls.count(Operation::List, None);
        assert_eq!(calls.busiest_order(), Some(("o2", 3)));
        let most = calls.most_of_one_order();
        assert_eq!(
            (most[&Operation::Confirm], most[&Operation::Cancel]),
            (2, 1)
        );
    }
}
