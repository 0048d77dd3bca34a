//! Evacuations: all open work of a warehouse moves to others.

use chrono::{DateTime, Utc};
use oms_validation::{Cursor, OrderId, WarehouseId};

use crate::domain::id::{EvacuationId, FulfilmentOrderId, MoveId};
use crate::domain::words;

words! {
    EvacuationStatus, "The status of an evacuation.", {
        /// A worker moves the open work.
        InProgress = "IN_PROGRESS",
        /// An operator stopped it.
        Stopped = "STOPPED",
        /// Nothing is open in the warehouse, except what is on hold.
        Finished = "FINISHED",
    }
}

words! {
    EvacuationOutcome, "What an evacuation did with a fulfilment order.", {
        /// Everything that was left to send went to another warehouse.
        Moved = "moved",
        /// It is on hold, with what could not be moved.
        Held = "held",
    }
}

/// An evacuation of a warehouse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evacuation {
    /// Its ID.
    pub id: EvacuationId,
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// Whether it goes on.
    pub status: EvacuationStatus,
    /// Why, in words.
    pub reason: String,
    /// Who started it.
    pub actor: String,
    /// Fulfilment orders that went to other warehouses.
    pub moved: i32,
    /// Fulfilment orders that are on hold with what could not be moved.
    pub held: i32,
    /// When it was started.
    pub created_at: DateTime<Utc>,
    /// When it last moved or held a fulfilment order, or was started or resumed.
    pub progressed_at: DateTime<Utc>,
    /// When it was finished.
    pub finished_at: Option<DateTime<Utc>>,
}

/// What an evacuation did with a fulfilment order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvacuatedOrder {
    /// The fulfilment order.
    pub fulfilment_order_id: FulfilmentOrderId,
    /// Its order.
    pub order_id: OrderId,
    /// Whether it was moved.
    pub outcome: EvacuationOutcome,
    /// Why something of it could not be moved.
    pub reason: Option<String>,
    /// The move, if something of it was moved.
    pub move_id: Option<MoveId>,
    /// When.
    pub recorded_at: DateTime<Utc>,
}

/// The end of a page of evacuations.
pub(crate) type EvacuationCursor = Cursor<EvacuationId>;

/// The end of a page of evacuated fulfilment orders.
pub(crate) type EvacuatedCursor = Cursor<FulfilmentOrderId>;

/// The place of a fulfilment order in the work list of its warehouse: when it is due, and its ID.
pub type WorkPosition = (DateTime<Utc>, FulfilmentOrderId);

/// An evacuation that this instance works on while its lease lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimedEvacuation {
    /// The evacuation.
    pub id: EvacuationId,
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// The last fulfilment order of the current pass. `None` at its beginning.
    pub after: Option<WorkPosition>,
    /// Whether the pass has passed over a fulfilment order that it could not work on.
    pub passed_over: bool,
    /// Whether it had moved and held nothing for some time when it was claimed.
    pub is_quiet: bool,
    /// The number of the claim.
    pub claim: i64,
}

/// Where a pass over the work list of a warehouse is after a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// It goes on after this fulfilment order.
    GoesOn(WorkPosition),
    /// It is over, and found something. Another one follows.
    Over,
    /// It found nothing, but units of unpaid orders are left, or it can't be sure yet. Another one follows later.
    Waits,
}
