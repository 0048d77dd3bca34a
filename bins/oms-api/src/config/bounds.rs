//! Limits for unpaid orders and declined payments.

use oms_orders::{DeclineLimit, OrderBounds, UnpaidBound};

use super::Environment;
use super::reader::Reader;

/// Maximum unpaid orders of a customer in production, and the units in them. Development has no limit, because the
/// examples, tests and benchmarks order on behalf of one customer.
const ORDERS_PER_CUSTOMER: u64 = 5;
const UNITS_PER_CUSTOMER: u64 = 10_000;

/// Maximum declined payments of a customer and of a credential within the window, in production.
const DECLINES_PER_CUSTOMER: u64 = 10;
const DECLINES_PER_CREDENTIAL: u64 = 5000;

const MOST: u64 = 1_000_000_000;

/// Reads the limits. 0 is unlimited.
pub(super) fn order_bounds(reader: &mut Reader<'_>, environment: Environment) -> OrderBounds {
    let in_production = |bound: u64| match environment {
        Environment::Development => 0,
        Environment::Production => bound,
    };
    let mut bound = |name: &str, default: u64| reader.number(name, default, 0..=MOST);
    let customer = UnpaidBound {
        orders: bound(
            "OMS_MAX_UNPAID_ORDERS_PER_CUSTOMER",
            in_production(ORDERS_PER_CUSTOMER),
        ),
        units: bound(
            "OMS_MAX_UNPAID_UNITS_PER_CUSTOMER",
            in_production(UNITS_PER_CUSTOMER),
        ),
    };
    let tenant = UnpaidBound {
        orders: bound("OMS_MAX_UNPAID_ORDERS_PER_TENANT", 0),
        units: bound("OMS_MAX_UNPAID_UNITS_PER_TENANT", 0),
    };
    let (per_customer, per_credential) = (
        bound(
            "OMS_MAX_DECLINES_PER_CUSTOMER",
            in_production(DECLINES_PER_CUSTOMER),
        ),
        bound(
            "OMS_MAX_DECLINES_PER_CREDENTIAL",
            in_production(DECLINES_PER_CREDENTIAL),
        ),
    );
    OrderBounds {
        customer,
        tenant,
        declines: DeclineLimit {
            window: reader.milliseconds("OMS_DECLINE_WINDOW_MS", 3_600_000, 1000..=86_400_000),
            per_customer,
            per_credential,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn bounds(environment: Environment, variables: &[(&str, &str)]) -> OrderBounds {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let mut reader = Reader::new(&variable);
        let bounds = order_bounds(&mut reader, environment);
        reader.finish(bounds).unwrap()
    }

    #[test]
    fn production_has_limits_that_can_be_disabled_and_development_has_none() {
        assert_eq!(bounds(Environment::Development, &[]), OrderBounds::NONE);
        let production = bounds(Environment::Production, &[]);
        let customer = UnpaidBound {
            orders: 5,
            units: 10_000,
        };
        assert_eq!(production.customer, customer);
        assert_eq!(production.tenant, OrderBounds::NONE.tenant);
        let declines = DeclineLimit {
            window: Duration::from_secs(3600),
            per_customer: 10,
            per_credential: 5000,
        };
        assert_eq!(production.declines, declines);
        let off = [
            ("OMS_MAX_UNPAID_ORDERS_PER_CUSTOMER", "0"),
            ("OMS_MAX_UNPAID_UNITS_PER_CUSTOMER", "0"),
            ("OMS_MAX_DECLINES_PER_CUSTOMER", "0"),
            ("OMS_MAX_DECLINES_PER_CREDENTIAL", "0"),
        ];
        assert_eq!(bounds(Environment::Production, &off), OrderBounds::NONE);
    }
}
