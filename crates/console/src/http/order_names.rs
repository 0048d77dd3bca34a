//! The names of orders, on pages that list something else.

use std::collections::HashMap;

use oms_orders::{ExternalReference, find_references};
use oms_validation::{OrderId, Scope};
use oms_web::ProblemResponse;

use super::Console;
use super::operator::Operator;
use crate::display;

/// The names of orders.
pub(super) struct OrderNames(HashMap<OrderId, ExternalReference>);

impl OrderNames {
    /// Reads the names of some orders, if the session may read orders.
    pub(super) async fn read(
        console: &Console,
        operator: &Operator,
        ids: impl Iterator<Item = OrderId>,
    ) -> Result<Self, ProblemResponse> {
        if !operator.may(Scope::OrdersRead) {
            return Ok(Self(HashMap::new()));
        }
        let (tenant, ids): (_, Vec<OrderId>) = (operator.tenant(), ids.collect());
        let reading = console
            .orders
            .run(|context| async move { find_references(&context, tenant, &ids).await });
        Ok(Self(reading.await?))
    }

    /// The name of an order.
    pub(super) fn of(&self, id: OrderId) -> String {
        display::order_name(id, self.0.get(&id))
    }
}
