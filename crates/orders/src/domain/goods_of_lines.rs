//! Units of an order's lines, as far as they decide what is credited.

use std::collections::BTreeMap;

use oms_fulfilment::{Fulfilment, Return};

use crate::domain::apportion::share_of_first;
use crate::domain::credited::Credited;
use crate::domain::line::OrderLine;
use crate::domain::return_terms::{CreditOn, ReturnTerms};

/// Units of a line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LineGoods {
    /// Units that will not be sent.
    pub(crate) cancelled: i32,
    /// Units that will not be sent if the refund of their price succeeds.
    pub(crate) frozen: i32,
    /// Accepted units of returns that are credited automatically.
    pub(crate) accepted: i32,
    /// Accepted units of returns that an operator refunds.
    pub(crate) manual: i32,
}

/// The units of an order, by the numbers of its lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct GoodsOfLines(BTreeMap<i32, LineGoods>);

impl GoodsOfLines {
    /// The units of an order.
    pub(crate) fn of(known: &Fulfilment) -> Self {
        let mut goods = Self::without_credits(known);
        for it in known.returns.iter().filter(|it| is_credited(it)) {
            goods.accept(it);
        }
        goods
    }

    /// The units of an order, except those of returns that are credited automatically.
    pub(crate) fn without_credits(known: &Fulfilment) -> Self {
        let mut goods = Self::default();
        for line in known.fulfilment_orders.iter().flat_map(|it| &it.lines) {
            let of_line = goods.line_mut(line.number);
            of_line.cancelled += line.cancelled;
            of_line.frozen += line.frozen;
        }
        let manual = known.returns.iter().filter(|it| it.counts());
        for it in manual.filter(|it| !is_credited(it)) {
            for line in &it.lines {
                goods.line_mut(line.number).manual += line.accepted;
            }
        }
        goods
    }

    /// Adds the accepted units of a return.
    pub(crate) fn accept(&mut self, it: &Return) {
        for line in &it.lines {
            self.line_mut(line.number).accepted += line.accepted;
        }
    }

    /// The units of a line.
    pub(crate) fn line(&self, number: i32) -> LineGoods {
        self.0.get(&number).copied().unwrap_or_default()
    }

    /// The units of a line, to change them.
    pub(crate) fn line_mut(&mut self, number: i32) -> &mut LineGoods {
        self.0.entry(number).or_default()
    }
}

/// Whether a return is credited automatically.
pub(crate) fn is_credited(it: &Return) -> bool {
    it.counts() && ReturnTerms::stored(&it.terms).credit_on != CreditOn::Manual
}

/// What is due for the units of a line that are not sent or came back, less what was credited for units before. It is
/// negative if more was credited.
///
/// Units that came back cost the first shares of the line, and units that are not sent its last, so that any sequence
/// sums to the line's share. What a request refunded for units counts as refunded for these: too little can be refunded
/// later, and too much can't be taken back. Only units that an operator refunds, because of the terms of their return,
/// are none of these. `credited_unsent` of the units that are not sent were credited before.
pub(crate) fn due_for_units(
    line: &OrderLine,
    before: &Credited,
    goods: LineGoods,
    credited_unsent: i32,
) -> i64 {
    let payable = line.payable.amount_minor;
    let share = |units| share_of_first(payable, units, line.quantity);
    let unsent = goods.cancelled + goods.frozen;
    let sent = line.quantity - unsent;
    let for_unsent = payable - share(sent);
    let requested_units = (before.units - before.returned_units - credited_unsent).max(0);
    let of_unsent = payable - share(line.quantity - credited_unsent);
    let requested_minor = (before.for_units_minor - before.returned_minor - of_unsent).max(0);
    let manual = goods.manual.min(requested_units);
    let of_manual = match manual > 0 {
        true => share_of_first(requested_minor, manual, requested_units),
        false => 0,
    };
    let accepted = goods.accepted.min(sent - manual);
    let due = for_unsent + share(accepted + manual) - share(manual);
    due - (before.for_units_minor - of_manual)
}
