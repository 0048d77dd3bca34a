//! Limits on the unpaid orders and declined payments of a customer, a tenant and a credential. They protect against
//! stock that is held for nothing, and against card testing.

use std::time::Duration;

/// Maximum `Retry-After` for a customer's limit: an unpaid order may be paid or cancelled long before its deadline.
const LONGEST_ADVICE: Duration = Duration::from_secs(60);
/// `Retry-After` for the tenant's limit: any order that is paid makes room.
const TENANT_ADVICE: Duration = Duration::from_secs(1);

/// Maximum number of unpaid orders, and of the units that they hold. 0 means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnpaidBound {
    /// Maximum number of orders that hold unpaid stock.
    pub orders: u64,
    /// Maximum number of units in them.
    pub units: u64,
}

/// Maximum length of the window in which declined payments are counted. Older ones are deleted.
pub const LONGEST_WINDOW: Duration = Duration::from_secs(86_400);

/// Maximum number of declined payments within a window. 0 means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeclineLimit {
    /// Length of the window, which ends now.
    pub window: Duration,
    /// Maximum for one customer.
    pub per_customer: u64,
    /// Maximum for one credential.
    pub per_credential: u64,
}

/// The limits on placing and paying orders. A refused request leaves nothing behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderBounds {
    /// For each customer. Exact, for any number of instances.
    pub customer: UnpaidBound,
    /// For each tenant. Each instance counts once a second and before it refuses, so several instances may admit more.
    pub tenant: UnpaidBound,
    /// For payments. Payments in progress may exceed it.
    pub declines: DeclineLimit,
}

impl OrderBounds {
    /// No limits.
    pub const NONE: Self = Self {
        customer: UnpaidBound::NONE,
        tenant: UnpaidBound::NONE,
        declines: DeclineLimit {
            window: Duration::from_secs(3600),
            per_customer: 0,
            per_credential: 0,
        },
    };
}

impl UnpaidBound {
    const NONE: Self = Self {
        orders: 0,
        units: 0,
    };

    /// Whether all of `coming` may be added to the unpaid orders.
    pub(crate) fn has_room(&self, unpaid: &Unpaid, coming: &Unpaid) -> bool {
        let fits = |most, there: u64, more| most == 0 || there.saturating_add(more) <= most;
        fits(self.orders, unpaid.orders, coming.orders)
            && fits(self.units, unpaid.units, coming.units)
    }
}

/// A limit that a request reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Unpaid orders of the customer.
    CustomerOrders,
    /// Units in unpaid orders of the customer.
    CustomerUnits,
    /// Units of one order that has more than a customer may have unpaid.
    OrderUnits,
    /// Unpaid orders of the tenant.
    TenantOrders,
    /// Units in unpaid orders of the tenant.
    TenantUnits,
    /// Declined payments of the customer.
    CustomerDeclines,
    /// Declined payments of the credential.
    CredentialDeclines,
}

impl Bound {
    /// All limits.
    pub const ALL: [Self; 7] = [
        Self::CustomerOrders,
        Self::CustomerUnits,
        Self::OrderUnits,
        Self::TenantOrders,
        Self::TenantUnits,
        Self::CustomerDeclines,
        Self::CredentialDeclines,
    ];

    /// The name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CustomerOrders => "customer_orders",
            Self::CustomerUnits => "customer_units",
            Self::OrderUnits => "order_units",
            Self::TenantOrders => "tenant_orders",
            Self::TenantUnits => "tenant_units",
            Self::CustomerDeclines => "customer_declines",
            Self::CredentialDeclines => "credential_declines",
        }
    }
}

/// A refusal: the limit that was reached, and when to retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// The limit that was reached.
    pub bound: Bound,
    /// Its value.
    pub most: u64,
    /// When a retry may succeed. Meaningless for [`Bound::OrderUnits`].
    pub retry_after: Duration,
}

/// Existing unpaid orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unpaid {
    pub(crate) orders: u64,
    pub(crate) units: u64,
    /// Age of the oldest.
    pub(crate) oldest: Duration,
}

/// Declined payments within the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Declined {
    pub(crate) count: u64,
    /// Age of the oldest of the declines that count towards the limit.
    pub(crate) first: Duration,
}

/// A customer's unpaid orders and declined payments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) unpaid: Unpaid,
    pub(crate) declined: Declined,
}

impl OrderBounds {
    /// Whether any limit applies to customers.
    pub(crate) const fn looks_at_customers(&self) -> bool {
        self.counts_unpaid() || self.declines.per_customer > 0
    }

    /// Whether orders of one customer must be placed one at a time, so that they can be counted.
    pub(crate) const fn counts_unpaid(&self) -> bool {
        self.customer.orders > 0 || self.customer.units > 0
    }

    /// Adds an order with this number of units to its customer's unpaid orders, unless that exceeds a limit.
    pub(crate) fn admit(
        &self,
        standing: &mut Standing,
        units: u64,
        deadline: Duration,
    ) -> Result<(), Exceeded> {
        self.check_customer_declines(&standing.declined)?;
        let UnpaidBound {
            orders,
            units: most,
        } = self.customer;
        if most > 0 && units > most {
            return Err(exceeded(Bound::OrderUnits, most, Duration::ZERO));
        }
        let retry_after = deadline
            .saturating_sub(standing.unpaid.oldest)
            .min(LONGEST_ADVICE);
        let unpaid = &mut standing.unpaid;
        if orders > 0 && unpaid.orders >= orders {
            return Err(exceeded(Bound::CustomerOrders, orders, retry_after));
        }
        if most > 0 && unpaid.units.saturating_add(units) > most {
            return Err(exceeded(Bound::CustomerUnits, most, retry_after));
        }
        unpaid.orders += 1;
        unpaid.units = unpaid.units.saturating_add(units);
        Ok(())
    }

    /// Adds an order with this number of units to its tenant's unpaid orders, unless that exceeds a limit.
    pub(crate) fn admit_to_tenant(&self, unpaid: &mut Unpaid, units: u64) -> Result<(), Exceeded> {
        let UnpaidBound {
            orders,
            units: most,
        } = self.tenant;
        if orders > 0 && unpaid.orders >= orders {
            return Err(exceeded(Bound::TenantOrders, orders, TENANT_ADVICE));
        }
        if most > 0 && unpaid.units.saturating_add(units) > most {
            return Err(exceeded(Bound::TenantUnits, most, TENANT_ADVICE));
        }
        unpaid.orders += 1;
        unpaid.units = unpaid.units.saturating_add(units);
        Ok(())
    }

    /// Whether the customer may try another payment.
    pub(crate) fn check_customer_declines(&self, declined: &Declined) -> Result<(), Exceeded> {
        let most = self.declines.per_customer;
        self.check_declines(declined, Bound::CustomerDeclines, most)
    }

    /// Whether the credential may try another payment.
    pub(crate) fn check_credential_declines(&self, declined: &Declined) -> Result<(), Exceeded> {
        let most = self.declines.per_credential;
        self.check_declines(declined, Bound::CredentialDeclines, most)
    }

    fn check_declines(&self, declined: &Declined, bound: Bound, most: u64) -> Result<(), Exceeded> {
        if most == 0 || declined.count < most {
            return Ok(());
        }
        let retry_after = self.declines.window.saturating_sub(declined.first);
        Err(exceeded(bound, most, retry_after))
    }
}

fn exceeded(bound: Bound, most: u64, retry_after: Duration) -> Exceeded {
    Exceeded {
        bound,
        most,
        retry_after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn bounds() -> OrderBounds {
        OrderBounds {
            customer: UnpaidBound {
                orders: 2,
                units: 10,
            },
            declines: DeclineLimit {
                window: HOUR,
                per_customer: 3,
                per_credential: 5,
            },
            ..OrderBounds::NONE
        }
    }

    fn admit(standing: &mut Standing, units: u64) -> Result<(), Bound> {
        let admitted = bounds().admit(standing, units, HOUR);
        admitted.map_err(|exceeded| exceeded.bound)
    }

    #[test]
    fn orders_and_units_are_counted_together() {
        let mut standing = Standing::default();
        assert_eq!(admit(&mut standing, 11), Err(Bound::OrderUnits));
        assert_eq!(admit(&mut standing, 9), Ok(()));
        assert_eq!(admit(&mut standing, 2), Err(Bound::CustomerUnits));
        assert_eq!(admit(&mut standing, 1), Ok(()));
        assert_eq!(admit(&mut standing, 1), Err(Bound::CustomerOrders));
    }

    #[test]
    fn nothing_is_refused_without_a_limit() {
        let (none, mut standing) = (OrderBounds::NONE, Standing::default());
        for _ in 0..1000 {
            none.admit(&mut standing, u64::MAX, HOUR).unwrap();
        }
        let mut unpaid = Unpaid::default();
        none.admit_to_tenant(&mut unpaid, u64::MAX).unwrap();
        none.admit_to_tenant(&mut unpaid, u64::MAX).unwrap();
    }

    #[test]
    fn a_declined_customer_may_try_again_when_the_oldest_decline_leaves_the_window() {
        let declined = Declined {
            count: 3,
            first: Duration::from_secs(600),
        };
        let refused = bounds().check_customer_declines(&declined).unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_secs(3000));
        assert_eq!(bounds().check_credential_declines(&declined), Ok(()));
    }

    #[test]
    fn the_advised_wait_is_the_time_left_to_the_oldest_order_up_to_a_minute() {
        let mut standing = Standing {
            unpaid: Unpaid {
                orders: 2,
                units: 2,
                oldest: HOUR - Duration::from_secs(7),
            },
            ..Standing::default()
        };
        let wait = |standing: &mut Standing| {
            let refused = bounds().admit(standing, 1, HOUR).unwrap_err();
            refused.retry_after.as_secs()
        };
        assert_eq!(wait(&mut standing), 7);
        standing.unpaid.oldest = Duration::ZERO;
        assert_eq!(wait(&mut standing), 60);
    }

    #[test]
    fn each_limit_has_its_own_counter() {
        for (index, bound) in Bound::ALL.into_iter().enumerate() {
            assert_eq!(bound as usize, index);
        }
    }
}
