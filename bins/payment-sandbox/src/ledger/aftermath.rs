//! What can happen to a charge long after it was made: its refunds fail, and it is disputed.

use super::{Change, Executed, Ledger, new_id};
use crate::{
    answer::Answer,
    api_error::ApiError,
    charges::Charge,
    disputes::{self, Dispute, DisputeStatus, NewDispute},
    refunds::{self, RefundSettlement},
    rendering,
};

impl Ledger {
    /// Computes a change of a refund after it was made.
    pub(crate) fn settle_refund(&self, id: &str, settlement: &RefundSettlement) -> Executed {
        let settled = || {
            let refund = self.refunds.get(id)?;
            let charge = self.charges.get(&refund.charge_id)?;
            let (charge, refund) = refunds::settle(refund, charge, settlement)?;
            Ok::<_, ApiError>(Executed {
                answer: Answer::ok(&rendering::refund(&refund)),
                change: Change {
                    charge: Some(charge),
                    refund: Some(refund),
                    ..Change::default()
                },
            })
        };
        settled().unwrap_or_else(Executed::from)
    }

    /// Computes a dispute that a customer opens.
    pub(crate) fn open_dispute(&self, new: &NewDispute, now: i64) -> Executed {
        let opened = || {
            let charge = self.disputed_charge(new)?;
            let id = new_id("du", &self.disputes, now);
            let dispute = disputes::open(charge, new, &id)?;
            let mut opened = with_dispute(dispute);
            opened.change.charge = Some(Charge {
                disputed: true,
                ..charge.clone()
            });
            Ok::<_, ApiError>(opened)
        };
        opened().unwrap_or_else(Executed::from)
    }

    /// Computes a change of a dispute.
    pub(crate) fn settle_dispute(&self, id: &str, status: DisputeStatus) -> Executed {
        let dispute = self.disputes.get(id);
        let moved = dispute.map(|dispute| with_dispute(dispute.moved_to(status)));
        moved.unwrap_or_else(Executed::from)
    }

    /// A disputed charge can't be refunded, unless the bank only inquires.
    /// <https://docs.stripe.com/error-codes#charge-disputed>
    pub(super) fn refuse_disputed(&self, charge: &Charge) -> Result<(), ApiError> {
        let mut disputes = self.disputes.iter();
        let withheld =
            disputes.any(|dispute| dispute.charge_id == charge.id && dispute.status.withholds());
        if !withheld {
            return Ok(());
        }
        let message = format!(
            "Charge {} has been charged back; cannot issue a refund.",
            charge.id
        );
        Err(ApiError::invalid_request(400, message).with_code("charge_disputed"))
    }

    fn disputed_charge(&self, new: &NewDispute) -> Result<&Charge, ApiError> {
        if let Some(id) = &new.charge {
            return self.charges.get(id);
        }
        let id = new.payment_intent.as_deref();
        let intent = self
            .intents
            .get(id.ok_or_else(|| ApiError::missing("charge"))?)?;
        let charge = intent.latest_charge.as_deref();
        self.charges
            .get(charge.ok_or_else(|| ApiError::missing("charge"))?)
    }
}

fn with_dispute(dispute: Dispute) -> Executed {
    Executed {
        answer: Answer::ok(&rendering::dispute(&dispute)),
        change: Change {
            dispute: Some(dispute),
            ..Change::default()
        },
    }
}
