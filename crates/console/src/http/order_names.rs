//! The names of orders, on pages that list something else.

use std::collections::HashMap;

use oms_errors::Problem;
use oms_orders::{ExternalReference, find_references};
use oms_validation::{OrderId, Scope};

use super::page_request::PageRequest;
use crate::display;

/// The names of orders.
pub(super) struct OrderNames(HashMap<OrderId, ExternalReference>);

impl OrderNames {
    /// Reads the names of some orders, if the session may read orders.
    pub(super) async fn read(
        request: &PageRequest,
        ids: impl Iterator<Item = OrderId>,
    ) -> Result<Self, Problem> {
        let operator = request.operator()?;
        if !operator.may(Scope::OrdersRead) {
            return Ok(Self(HashMap::new()));
        }
        let ids: Vec<OrderId> = ids.collect();
        let found = find_references(&request.console.orders, operator.tenant(), &ids).await?;
        Ok(Self(found))
    }

    /// The name of an order.
    pub(super) fn of(&self, id: OrderId) -> String {
        display::order_name(id, self.0.get(&id))
    }
}
