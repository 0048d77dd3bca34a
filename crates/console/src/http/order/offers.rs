//! What an operator can do about an order: the steps of its explanation, as far as the session's scopes allow them.

use oms_fulfilment::FulfilmentOrder;
use oms_orders::{ExplainedOrder, OrderStatus, Step, Who};
use oms_validation::Scope;

use crate::http::operator::Operator;

/// How a step is done.
pub(super) enum Doing {
    /// A button that sends the form at once.
    Press { action: String, label: &'static str },
    /// A button that opens a form for the reason.
    Reason {
        action: String,
        label: &'static str,
        /// The label of the button in the form.
        submit: String,
        is_danger: bool,
        /// Whether the form asks what to cancel.
        has_scope: bool,
    },
    /// A link to the page or the place where it is done.
    Open { href: String, label: &'static str },
}

/// A step.
pub(super) struct Offer {
    pub(super) text: String,
    pub(super) doing: Doing,
    /// Whether it is the most useful one.
    pub(super) is_first: bool,
}

/// The steps, the most useful first.
pub(super) fn offers(explained: &ExplainedOrder, operator: &Operator) -> Vec<Offer> {
    let order = format!("/console/orders/{}", explained.details.order.id);
    let mut offers = Vec::new();
    let may_try = explained.is_waiting && operator.may(Scope::Operations);
    // While only the customer can go on, another look changes nothing.
    let helps = explained.explanation.next.who != Who::Customer;
    if may_try && helps {
        offers.push(try_now(&order, explained));
    }
    for possible in &explained.explanation.possible {
        if !operator.may(scope_of(possible.step)) {
            continue;
        }
        let Some(doing) = doing(possible.step, &possible.path, &order, explained) else {
            continue;
        };
        offers.push(Offer {
            text: crate::display::quoted(&possible.text),
            doing,
            is_first: false,
        });
    }
    if may_try && !helps {
        offers.push(try_now(&order, explained));
    }
    if let Some(first) = offers.first_mut() {
        first.is_first = true;
    }
    offers
}

fn try_now(order: &str, explained: &ExplainedOrder) -> Offer {
    let text = match explained.details.order.status {
        OrderStatus::Refunding => {
            "oms goes on with the refund now, and refunds nothing a second time."
        }
        OrderStatus::Cancelling => {
            "oms goes on with the cancellation now, and refunds nothing a second time."
        }
        _ => {
            "oms asks the gateway now for the outcome of the payment, and charges nothing a second time."
        }
    };
    Offer {
        text: text.to_owned(),
        doing: Doing::Press {
            action: format!("{order}/try"),
            label: "Try now",
        },
        is_first: false,
    }
}

fn scope_of(step: Step) -> Scope {
    match step {
        Step::RetryDeadLetter
        | Step::ResolveDeadLetter
        | Step::CreateDeadLetter
        | Step::ResolveFinding => Scope::Operations,
        Step::ApproveReturn => Scope::ReturnsWrite,
        Step::ReceiveReturn => Scope::ReturnsReceive,
        Step::ReleaseHold | Step::Move | Step::Ship => Scope::FulfilmentWrite,
        Step::Cancel => Scope::OrdersCancel,
        Step::Refund => Scope::OrdersRefund,
    }
}

fn doing(step: Step, path: &str, order: &str, explained: &ExplainedOrder) -> Option<Doing> {
    let dead_letter = || {
        let id = explained.dead_letter.as_ref()?.id;
        Some(format!("/console/dead-letters/{id}"))
    };
    // `/operations/findings/{id}/resolve`
    let parts: Vec<&str> = path.split('/').collect();
    // `/fulfilment-orders/{id}/move`. The page that is opened has the form open.
    let form_of = |form: &str| {
        let id = parts.get(2)?;
        Some(format!("{order}?open={form}-{id}#goods-{id}"))
    };
    let open = |href: String, label| Some(Doing::Open { href, label });
    match step {
        Step::RetryDeadLetter => Some(Doing::Press {
            action: format!("{}/retry", dead_letter()?),
            label: "Leave it to oms",
        }),
        Step::ResolveDeadLetter => open(dead_letter()?, "Resolve…"),
        Step::CreateDeadLetter => Some(Doing::Reason {
            action: format!("{order}/take"),
            label: "Settle by hand…",
            submit: "Settle by hand".to_owned(),
            is_danger: false,
            has_scope: false,
        }),
        Step::ResolveFinding => {
            let id = parts.iter().rev().nth(1)?;
            open(format!("/console/findings/{id}"), "Resolve the finding…")
        }
        Step::ApproveReturn | Step::ReceiveReturn => {
            let id = parts.iter().rev().nth(1)?;
            open(format!("/console/returns/{id}"), "Open the return")
        }
        Step::ReleaseHold => open(form_of("release")?, "Release a hold…"),
        Step::Move => open(form_of("move")?, "Move…"),
        Step::Ship => open(form_of("ship")?, "Ship…"),
        Step::Cancel => Some(Doing::Reason {
            action: format!("{order}/cancel"),
            label: "Cancel…",
            submit: cancellation(explained),
            is_danger: true,
            has_scope: explained.details.fulfilment.shipped() > 0,
        }),
        Step::Refund => open(format!("{order}/refund"), "Refund…"),
    }
}

/// What the button that cancels does, with the amount that it refunds.
fn cancellation(explained: &ExplainedOrder) -> String {
    let goods = &explained.details.fulfilment;
    if goods.shipped() > 0 {
        let left = goods.fulfilment_orders.iter();
        let left: i64 = left.map(FulfilmentOrder::outstanding).sum();
        let units = if left == 1 { "unit" } else { "units" };
        return format!("Cancel the {left} {units} not sent, and refund them");
    }
    match explained.refunded_if_cancelled() {
        Some(amount) => format!("Cancel the order and refund {amount}"),
        None => "Cancel the order".to_owned(),
    }
}
