//! Fulfilment orders: the part of an order that one warehouse has to send.

use chrono::{DateTime, Utc};
use oms_validation::{OrderId, ProductId, WarehouseId};

use crate::domain::hold::{Hold, HoldHandle};
use crate::domain::id::FulfilmentOrderId;
use crate::domain::limits::MAX_HOLDS;
use crate::domain::line::{Line, Units};
use crate::domain::refusal::Refusal;
pub use crate::domain::status::FulfilmentOrderStatus;
use crate::domain::words;

words! {
    ShownStatus, "The status of a fulfilment order. `ON_HOLD` and `SCHEDULED` take precedence over `OPEN` and `IN_PROGRESS`.", {
        /// Nobody has begun to work on it.
        Open = "OPEN",
        /// The warehouse is working on it, or has sent a part of it.
        InProgress = "IN_PROGRESS",
        /// It has a hold, and must not be sent.
        OnHold = "ON_HOLD",
        /// It must not be sent before `notBefore`.
        Scheduled = "SCHEDULED",
        /// Nothing is left to send, and something was sent.
        Closed = "CLOSED",
        /// Nothing is left to send, and nothing was sent.
        Cancelled = "CANCELLED",
    }
}

words! {
    Action, "A request that a fulfilment order accepts now.", {
        /// Begin to work on it.
        Start = "start",
        /// Return it to the work list.
        Stop = "stop",
        /// Pack or ship units of it.
        CreateShipment = "create_shipment",
        /// Move what is left to send to another warehouse.
        Move = "move",
        /// Reject what is left to send.
        Reject = "reject",
        /// Place a hold.
        PlaceHold = "place_hold",
        /// Release a hold.
        ReleaseHold = "release_hold",
    }
}

/// A fulfilment order to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFulfilmentOrder {
    /// The order.
    pub order_id: OrderId,
    /// The warehouse that sends it.
    pub warehouse_id: WarehouseId,
    /// The order's lines, in their order: products and units.
    pub lines: Vec<(ProductId, i32)>,
}

/// A fulfilment order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FulfilmentOrder {
    /// Its ID.
    pub id: FulfilmentOrderId,
    /// The order.
    pub order_id: OrderId,
    /// Numbered from 1 for each order.
    pub number: i32,
    /// The warehouse that sends it.
    pub warehouse_id: WarehouseId,
    /// Its stored status.
    pub status: FulfilmentOrderStatus,
    /// Starts at 1 and increments with each change.
    pub version: i32,
    /// When it is to be sent at the latest. `None` if nobody promised anything.
    pub ship_by: Option<DateTime<Utc>>,
    /// Before when it must not be sent.
    pub not_before: Option<DateTime<Utc>>,
    /// Whether that time was ahead when it was read.
    pub is_scheduled: bool,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// When it was closed or cancelled.
    pub closed_at: Option<DateTime<Utc>>,
    /// Its lines, ordered by number.
    pub lines: Vec<Line>,
    /// Its holds, ordered by handle.
    pub holds: Vec<Hold>,
}

impl FulfilmentOrder {
    /// The time by which work lists are ordered: without a time to be sent by, it is due since it was opened.
    pub fn due_at(&self) -> DateTime<Utc> {
        self.ship_by.unwrap_or(self.created_at)
    }

    /// Whether something is left to send.
    pub const fn is_open(&self) -> bool {
        match self.status {
            FulfilmentOrderStatus::Open
            | FulfilmentOrderStatus::InProgress
            | FulfilmentOrderStatus::Other(_) => true,
            FulfilmentOrderStatus::Closed | FulfilmentOrderStatus::Cancelled => false,
        }
    }

    /// The status that clients see.
    pub fn shown_status(&self) -> ShownStatus {
        match self.status {
            FulfilmentOrderStatus::Closed => ShownStatus::Closed,
            FulfilmentOrderStatus::Cancelled => ShownStatus::Cancelled,
            _ if !self.holds.is_empty() => ShownStatus::OnHold,
            _ if self.is_scheduled => ShownStatus::Scheduled,
            FulfilmentOrderStatus::Open => ShownStatus::Open,
            FulfilmentOrderStatus::InProgress => ShownStatus::InProgress,
            FulfilmentOrderStatus::Other(word) => ShownStatus::Other(word),
        }
    }

    /// Units that are neither sent nor cancelled.
    pub fn outstanding(&self) -> i64 {
        self.lines
            .iter()
            .map(|line| i64::from(line.outstanding()))
            .sum()
    }

    /// Units that were sent.
    pub fn shipped(&self) -> i64 {
        self.lines.iter().map(|line| i64::from(line.shipped)).sum()
    }

    /// Units that are about to be cancelled, by line.
    pub fn frozen(&self) -> Units {
        Units::above_zero(self.lines.iter().map(|line| (line.number, line.frozen)))
    }

    /// The requests that it accepts now.
    pub fn actions(&self) -> Vec<Action> {
        let possible = |action: &Action| match action {
            Action::Start => matches!(self.clone().start(), Ok(true)),
            Action::Stop => matches!(self.clone().stop(), Ok(true)),
            Action::CreateShipment => {
                let ready = Units::ready_of(&self.lines);
                self.clone().pack(&ready).is_ok()
            }
            Action::Move | Action::Reject => self.movable(None).is_ok(),
            Action::PlaceHold => self.is_open() && self.counted_holds() < MAX_HOLDS,
            Action::ReleaseHold => !self.holds.is_empty(),
            Action::Other(_) => false,
        };
        Action::ALL.iter().copied().filter(possible).collect()
    }

    /// Begins to work on it. Returns `false` if somebody already does.
    ///
    /// # Errors
    /// `Closed`, `OnHold`, `Scheduled`.
    pub fn start(&mut self) -> Result<bool, Refusal> {
        self.check_sendable()?;
        let is_new = self.status == FulfilmentOrderStatus::Open;
        self.status = FulfilmentOrderStatus::InProgress;
        Ok(is_new)
    }

    /// Returns it to the work list. Returns `false` if nobody works on it.
    ///
    /// # Errors
    /// `Closed`; `HasShipments` if units are packed or shipped.
    pub fn stop(&mut self) -> Result<bool, Refusal> {
        if !self.is_open() {
            return Err(Refusal::Closed(self.status));
        }
        if self
            .lines
            .iter()
            .any(|line| line.packed > 0 || line.shipped > 0)
        {
            return Err(Refusal::HasShipments);
        }
        let is_new = self.status == FulfilmentOrderStatus::InProgress;
        self.status = FulfilmentOrderStatus::Open;
        Ok(is_new)
    }

    /// Holds that clients placed. Those of oms itself don't count: they must be possible at any time.
    pub(crate) fn counted_holds(&self) -> usize {
        let holds = self.holds.iter();
        holds.filter(|hold| !hold.handle.is_reserved()).count()
    }

    /// Checks that another hold may be placed. A hold that replaces one with the same handle needs no check, nor does a
    /// hold of oms itself.
    ///
    /// # Errors
    /// `Closed`, `TooManyHolds`.
    pub fn check_hold(&self, handle: &HoldHandle) -> Result<(), Refusal> {
        if !self.is_open() {
            return Err(Refusal::Closed(self.status));
        }
        let is_there = self.holds.iter().any(|hold| hold.handle == *handle);
        match is_there || handle.is_reserved() || self.counted_holds() < MAX_HOLDS {
            true => Ok(()),
            false => Err(Refusal::TooManyHolds),
        }
    }

    /// Packs units: they stay in stock, and can no longer be cancelled without cancelling their shipment.
    ///
    /// # Errors
    /// `Closed`, `OnHold`, `Scheduled`, `UnknownLine`, `MoreThanOutstanding`; `NothingReady` for no units.
    pub fn pack(&mut self, units: &Units) -> Result<(), Refusal> {
        self.check_sendable()?;
        if units.is_empty() {
            return Err(Refusal::NothingReady);
        }
        units.check_ready(&self.lines)?;
        self.each(units, |line, quantity| line.packed += quantity);
        self.status = FulfilmentOrderStatus::InProgress;
        Ok(())
    }

    /// Sends packed units.
    ///
    /// # Errors
    /// `Closed`, `OnHold`, `Scheduled`.
    pub fn ship_packed(&mut self, units: &Units) -> Result<(), Refusal> {
        self.check_sendable()?;
        self.each(units, |line, quantity| {
            line.packed -= quantity;
            line.shipped += quantity;
        });
        self.settle();
        Ok(())
    }

    /// Unpacks units whose shipment was cancelled.
    pub fn unpack(&mut self, units: &Units) {
        self.each(units, |line, quantity| line.packed -= quantity);
    }

    /// Takes back units whose shipment never left. They are outstanding again.
    pub fn unship(&mut self, units: &Units) {
        self.each(units, |line, quantity| line.shipped -= quantity);
        self.status = FulfilmentOrderStatus::InProgress;
    }

    /// Keeps all units that are not sent from being sent, until [`cancel_frozen`](Self::cancel_frozen) or
    /// [`thaw`](Self::thaw). Shipments that are packed must be cancelled with it.
    pub fn freeze(&mut self) {
        for line in &mut self.lines {
            line.packed = 0;
            line.frozen = line.outstanding();
        }
    }

    /// Lets frozen units be sent.
    pub fn thaw(&mut self) {
        for line in &mut self.lines {
            line.frozen = 0;
        }
    }

    /// Cancels frozen units, and returns them.
    pub fn cancel_frozen(&mut self) -> Units {
        let units = self.frozen();
        self.each(&units, |line, quantity| {
            line.frozen -= quantity;
            line.cancelled += quantity;
        });
        self.settle();
        units
    }

    /// Cancels units that are outstanding, and neither packed nor frozen.
    pub(crate) fn cancel(&mut self, units: &Units) {
        self.each(units, |line, quantity| line.cancelled += quantity);
        self.settle();
    }

    /// Gives it its next version. Each request that changes it does so once.
    pub(crate) const fn raise_version(&mut self) {
        self.version += 1;
    }

    fn check_sendable(&self) -> Result<(), Refusal> {
        if !self.is_open() {
            return Err(Refusal::Closed(self.status));
        }
        if !self.holds.is_empty() {
            let handles = self.holds.iter().map(|hold| hold.handle.clone());
            return Err(Refusal::OnHold(handles.collect()));
        }
        match self.is_scheduled {
            true => Err(Refusal::Scheduled),
            false => Ok(()),
        }
    }

    fn each(&mut self, units: &Units, change: impl Fn(&mut Line, i32)) {
        for line in &mut self.lines {
            change(line, units.of(line.number));
        }
    }

    pub(super) fn settle(&mut self) {
        self.status = match (self.outstanding(), self.shipped()) {
            (0, 0) => FulfilmentOrderStatus::Cancelled,
            (0, _) => FulfilmentOrderStatus::Closed,
            (_, 0) => self.status,
            (_, _) => FulfilmentOrderStatus::InProgress,
        };
    }
}

#[cfg(test)]
pub(crate) mod tests;
