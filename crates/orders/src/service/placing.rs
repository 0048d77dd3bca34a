//! Places orders and collects their payments.

pub(crate) mod bounds;
pub(crate) mod check_payment;
pub(crate) mod collect;
pub(crate) mod currency_of;
pub(crate) mod intake;
pub(crate) mod locate;
pub(crate) mod look_up;
pub(crate) mod pay_order;
pub(crate) mod place_order;
pub(crate) mod place_together;
pub(crate) mod placing_outcome;
pub(crate) mod preview_routing;
pub(crate) mod price_lines;
pub(crate) mod stored_answer;
