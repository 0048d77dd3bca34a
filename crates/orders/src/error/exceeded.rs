//! What clients are told when a limit is reached.

use oms_errors::{Problem, ProblemType};

use super::{TOO_MANY_DECLINES, TOO_MANY_UNITS, TOO_MANY_UNPAID};
use crate::domain::bounds::{Bound, Exceeded};

/// The refusal, with the limit and the ways to get below it.
pub(super) fn problem(exceeded: &Exceeded) -> Problem {
    let problem_type = type_of(exceeded.bound);
    let problem = Problem::new(problem_type, detail(exceeded))
        .with_extension("bound", exceeded.bound.as_str())
        .with_extension("most", exceeded.most);
    match exceeded.bound {
        Bound::OrderUnits => problem,
        _ => problem.with_retry_after_s(whole_seconds(exceeded)),
    }
}

fn type_of(bound: Bound) -> &'static ProblemType {
    match bound {
        Bound::CustomerOrders | Bound::CustomerUnits | Bound::TenantOrders | Bound::TenantUnits => {
            &TOO_MANY_UNPAID
        }
        Bound::OrderUnits => &TOO_MANY_UNITS,
        Bound::CustomerDeclines | Bound::CredentialDeclines => &TOO_MANY_DECLINES,
    }
}

fn detail(exceeded: &Exceeded) -> String {
    let most = exceeded.most;
    match exceeded.bound {
        Bound::CustomerOrders => format!(
            "the customer may have at most {most} unpaid orders: pay or cancel one, or wait until one expires"
        ),
        Bound::CustomerUnits => format!(
            "the unpaid orders of the customer may hold at most {most} units: pay or cancel one, or wait until one expires"
        ),
        Bound::OrderUnits => format!(
            "an unpaid order may hold at most {most} units: split it and pay each part, or raise OMS_MAX_UNPAID_UNITS_PER_CUSTOMER"
        ),
        Bound::TenantOrders => {
            format!(
                "the tenant may have at most {most} unpaid orders: wait until some are paid or expire"
            )
        }
        Bound::TenantUnits => format!(
            "the unpaid orders of the tenant may hold at most {most} units: wait until some are paid or expire"
        ),
        Bound::CustomerDeclines => {
            format!("{most} payments of the customer were declined recently: try again later")
        }
        Bound::CredentialDeclines => {
            format!("{most} payments of this credential were declined recently: try again later")
        }
    }
}

/// Rounds up, to at least one second.
fn whole_seconds(exceeded: &Exceeded) -> u32 {
    let seconds = exceeded.retry_after.as_millis().div_ceil(1000).max(1);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}
