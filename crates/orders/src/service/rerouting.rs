//! Units that go to another warehouse: a request moves them, their warehouse rejects them, or it is evacuated. Fulfilment
//! orders, reservations and timeline change in one commit.

pub(crate) mod change_evacuation;
pub(crate) mod evacuate_order;
pub(crate) mod evacuate_warehouses;
pub(crate) mod facts;
pub(crate) mod find_moves;
pub(crate) mod move_fulfilment_order;
pub(crate) mod reject_fulfilment_order;
pub(crate) mod reroute;
pub(crate) mod rerouted;
pub(crate) mod start_evacuation;
