//! Which credits a refund pays out.

use crate::domain::credit::Credit;
use crate::domain::id::CreditId;

/// The credits that a refund pays out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PaidOut {
    /// Those that it pays out completely.
    pub(crate) whole: Vec<CreditId>,
    /// One that it pays out in part, and how much of it, in minor units.
    pub(crate) part: Option<(CreditId, i64)>,
}

/// What a refund of this amount pays out of credits, the first ones first. Fees are deducted from them.
pub(crate) fn paid_out(credits: &[Credit], amount_minor: i64) -> PaidOut {
    let (fees, credits): (Vec<&Credit>, Vec<&Credit>) =
        credits.iter().partition(|credit| credit.amount_minor < 0);
    let owed: i64 = credits.iter().map(|credit| credit.amount_minor).sum();
    let deducted: i64 = fees.iter().map(|credit| credit.amount_minor).sum();
    if owed + deducted <= 0 {
        return PaidOut::default();
    }
    let mut left = amount_minor - deducted;
    let mut paid = PaidOut {
        whole: fees.iter().map(|fee| fee.id).collect(),
        part: None,
    };
    for credit in credits {
        if credit.amount_minor <= left {
            paid.whole.push(credit.id);
            left -= credit.amount_minor;
        } else {
            paid.part = (left > 0).then_some((credit.id, left));
            break;
        }
    }
    paid
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::credit::CreditPart;

    fn credits(amounts: &[i64]) -> Vec<Credit> {
        let credit = |amount_minor: &i64| Credit {
            id: CreditId::generate(),
            part: CreditPart::Shipping,
            amount_minor: *amount_minor,
            refund_id: None,
            created_at: DateTime::UNIX_EPOCH,
            return_id: None,
        };
        amounts.iter().map(credit).collect()
    }

    #[test]
    fn a_refund_pays_out_its_amount_and_divides_the_last_credit() {
        for (amounts, refund, whole, part) in [
            (&[100, 200][..], 300, &[0, 1][..], None),
            (&[100, 200], 500, &[0, 1], None),
            (&[100, 200], 100, &[0], None),
            (&[100, 200], 150, &[0], Some((1, 50))),
            (&[100, 200], 50, &[], Some((0, 50))),
            // A fee of 40 is deducted.
            (&[100, -40, 200], 260, &[1, 0, 2], None),
            (&[100, -40, 200], 100, &[1, 0], Some((2, 40))),
            (&[100, -100], 100, &[], None),
            (&[], 100, &[], None),
        ] {
            let credits = credits(amounts);
            let expected = PaidOut {
                whole: whole
                    .iter()
                    .map(|index: &usize| credits[*index].id)
                    .collect(),
                part: part.map(|(index, minor): (usize, i64)| (credits[index].id, minor)),
            };
            assert_eq!(paid_out(&credits, refund), expected, "{amounts:?} {refund}");
        }
    }
}
