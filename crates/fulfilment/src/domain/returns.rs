//! Returns: what customers send back, and what is done with it.

pub(crate) mod line;
pub(crate) mod list;
pub(crate) mod order_status;
pub(crate) mod refusal;
pub(crate) mod words;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use oms_validation::{OrderId, WarehouseId};
use serde_json::Value;

use crate::domain::id::{ReceiptId, ReturnId};
use crate::domain::limits::MAX_RECEIPTS;
use crate::domain::returns::line::{Received, ReturnLine};
use crate::domain::returns::refusal::ReturnRefusal;
use crate::domain::returns::words::{RequestedBy, ReturnReason, ReturnStatus};
use crate::domain::text::Note;

/// A return to request.
#[derive(Clone, Debug)]
pub struct ReturnDraft {
    /// Its ID.
    pub id: ReturnId,
    /// The order whose units are to come back.
    pub order_id: OrderId,
    /// Who requests it.
    pub requested_by: RequestedBy,
    /// Units and reasons, by the lines' numbers. Each quantity is at least 1.
    pub lines: BTreeMap<i32, (i32, ReturnReason)>,
    /// Where the units are to be sent, if that is known already.
    pub warehouse_id: Option<WarehouseId>,
    /// What the customer says.
    pub note: Option<Note>,
    /// Why an operator accepts it after its window.
    pub override_reason: Option<Note>,
    /// What was agreed about its money.
    pub terms: Value,
    /// When it expires, if it is approved immediately.
    pub approved_until: Option<DateTime<Utc>>,
}

/// A return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Return {
    /// Its ID.
    pub id: ReturnId,
    /// The order.
    pub order_id: OrderId,
    /// Numbered from 1 for each order.
    pub number: i32,
    /// Its status.
    pub status: ReturnStatus,
    /// Starts at 1 and increments with each change.
    pub version: i32,
    /// Where it is expected. It may arrive elsewhere.
    pub warehouse_id: Option<WarehouseId>,
    /// Who requested it.
    pub requested_by: RequestedBy,
    /// What the customer says. `None` once personal data is erased, as the two reasons.
    pub note: Option<Note>,
    /// Why an operator accepts it after its window.
    pub override_reason: Option<Note>,
    /// Why it was declined, cancelled or closed.
    pub decision_reason: Option<Note>,
    /// What was agreed about its money.
    pub terms: Value,
    /// When it was requested.
    pub requested_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// When it is closed if nothing was received.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was declined, cancelled or closed.
    pub closed_at: Option<DateTime<Utc>>,
    /// Its lines, ordered by number.
    pub lines: Vec<ReturnLine>,
    /// What arrived, oldest first.
    pub receipts: Vec<Receipt>,
}

/// What arrived at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its ID, under which the stock moved.
    pub id: ReceiptId,
    /// Where it arrived.
    pub warehouse_id: WarehouseId,
    /// What was done with the units of each line, by the lines' numbers.
    pub lines: BTreeMap<i32, Received>,
    /// Who received it.
    pub actor: String,
    /// When.
    pub received_at: DateTime<Utc>,
}

/// Whether units that did not come back count as returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remainder {
    /// They are missing.
    Missing,
    /// The customer may keep them.
    Kept,
}

impl Return {
    /// Whether something may still happen to it.
    pub const fn is_open(&self) -> bool {
        match self.status {
            ReturnStatus::Requested
            | ReturnStatus::Approved
            | ReturnStatus::Received
            | ReturnStatus::Other(_) => true,
            ReturnStatus::Declined | ReturnStatus::Closed | ReturnStatus::Cancelled => false,
        }
    }

    /// Whether it counts: it is neither declined nor cancelled.
    pub const fn counts(&self) -> bool {
        !matches!(
            self.status,
            ReturnStatus::Declined | ReturnStatus::Cancelled
        )
    }

    /// Units of a line that can't be returned once more.
    pub fn occupied(&self, line: &ReturnLine) -> i32 {
        match (self.counts(), self.is_open()) {
            (false, _) => 0,
            (true, true) => line.accepted.max(line.quantity - line.missing),
            (true, false) => line.accepted,
        }
    }

    /// Units that came back.
    pub fn received(&self) -> i64 {
        let units = self.lines.iter().map(|line| i64::from(line.received()));
        units.sum()
    }

    /// Approves it. Returns `false` if it was approved before, for this warehouse.
    ///
    /// # Errors
    /// `WrongStatus`.
    pub fn approve(
        &mut self,
        warehouse_id: WarehouseId,
        expires_at: DateTime<Utc>,
        accepted: Acceptance,
    ) -> Result<bool, ReturnRefusal> {
        match self.status {
            ReturnStatus::Requested => {}
            ReturnStatus::Approved if self.warehouse_id == Some(warehouse_id) => return Ok(false),
            status => return Err(ReturnRefusal::WrongStatus(status)),
        }
        self.status = ReturnStatus::Approved;
        self.warehouse_id = Some(warehouse_id);
        self.expires_at = Some(expires_at);
        if accepted == Acceptance::Approved {
            self.accept_all();
        }
        Ok(true)
    }

    /// Declines it. Returns `false` if it was declined before.
    ///
    /// # Errors
    /// `WrongStatus`.
    pub fn decline(&mut self) -> Result<bool, ReturnRefusal> {
        self.end(ReturnStatus::Declined, &[ReturnStatus::Requested])
    }

    /// Cancels it. Returns `false` if it was cancelled before.
    ///
    /// # Errors
    /// `WrongStatus` once something was received; `Accepted` if the customer was credited for it.
    pub fn cancel(&mut self) -> Result<bool, ReturnRefusal> {
        if self.is_open() && self.lines.iter().any(|line| line.accepted > 0) {
            return match self.status {
                ReturnStatus::Approved => Err(ReturnRefusal::Accepted),
                status => Err(ReturnRefusal::WrongStatus(status)),
            };
        }
        let from = [ReturnStatus::Requested, ReturnStatus::Approved];
        self.end(ReturnStatus::Cancelled, &from)
    }

    /// Closes it, whatever is still to come. Returns `false` if it was closed before.
    ///
    /// # Errors
    /// `WrongStatus`.
    pub fn close(&mut self, remainder: Remainder) -> Result<bool, ReturnRefusal> {
        let from = [ReturnStatus::Approved, ReturnStatus::Received];
        if !self.end(ReturnStatus::Closed, &from)? {
            return Ok(false);
        }
        for line in &mut self.lines {
            match remainder {
                Remainder::Kept => line.accepted = line.accepted.max(line.quantity - line.missing),
                Remainder::Missing => {
                    line.missing += (line.quantity - line.missing - line.accepted).max(0);
                }
            }
        }
        Ok(true)
    }

    /// Receives units. The return is closed once every unit is accounted for. A closed return receives what the customer
    /// was credited for and could have kept, if it comes nevertheless.
    ///
    /// # Errors
    /// `WrongStatus`, `UnknownLine`, `MoreThanApproved`, `TooManyReceipts`.
    pub fn receive(&mut self, units: &BTreeMap<i32, Received>) -> Result<(), ReturnRefusal> {
        let is_late = self.status == ReturnStatus::Closed;
        let mut lines = self.lines.iter();
        match self.status {
            ReturnStatus::Approved | ReturnStatus::Received => {}
            ReturnStatus::Closed if lines.any(|line| line.accepted > line.received()) => {}
            status => return Err(ReturnRefusal::WrongStatus(status)),
        }
        if self.receipts.len() >= MAX_RECEIPTS {
            return Err(ReturnRefusal::TooManyReceipts);
        }
        for (number, received) in units {
            let mut lines = self.lines.iter_mut();
            let line = lines.find(|line| line.number == *number);
            let line = line.ok_or(ReturnRefusal::UnknownLine { line: *number })?;
            // What was credited did not go missing.
            if is_late && received.missing > 0 {
                return Err(ReturnRefusal::MoreThanApproved {
                    line: *number,
                    wanted: received.missing,
                    expected: 0,
                });
            }
            line.receive(*received)?;
        }
        let is_complete = self.lines.iter().all(|line| line.expected() == 0);
        self.status = match is_late || is_complete {
            true => ReturnStatus::Closed,
            false => ReturnStatus::Received,
        };
        Ok(())
    }

    fn accept_all(&mut self) {
        for line in &mut self.lines {
            line.accepted = line.quantity;
        }
    }

    fn end(&mut self, to: ReturnStatus, from: &[ReturnStatus]) -> Result<bool, ReturnRefusal> {
        if self.status == to {
            return Ok(false);
        }
        if !from.contains(&self.status) {
            return Err(ReturnRefusal::WrongStatus(self.status));
        }
        self.status = to;
        Ok(true)
    }
}

/// When a customer has done enough for units to be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// When the return is approved.
    Approved,
    /// When the units are received.
    Received,
}

#[cfg(test)]
pub(crate) mod tests;
