//! How much a customer, a tenant and a credential may have open or declined before further orders are refused: against
//! stock that is held for nothing, and against card testing.

use std::time::Duration;

/// Longest advice to wait for another unpaid order: it may be paid or cancelled long before its deadline.
const LONGEST_ADVICE: Duration = Duration::from_secs(60);
/// Advice to wait for the tenant's bound: an order of any customer that is paid makes room.
const TENANT_ADVICE: Duration = Duration::from_secs(1);

/// Most unpaid orders and the units that they hold. 0 is no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnpaidBound {
    /// Most orders that hold stock that is not paid for.
    pub orders: u64,
    /// Most units in them.
    pub units: u64,
}

/// The longest time within which declined payments may be counted; older ones are deleted.
pub const LONGEST_WINDOW: Duration = Duration::from_secs(86_400);

/// Most declined payments within a time. 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeclineLimit {
    /// The time before now that counts.
    pub window: Duration,
    /// Most of one customer.
    pub per_customer: u64,
    /// Most of one credential.
    pub per_credential: u64,
}

/// What is refused, before anything is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderBounds {
    /// Of each customer. Exact, on however many instances.
    pub customer: UnpaidBound,
    /// Of each tenant. Each instance counts once a second and before it refuses, so that more may get through on several.
    pub tenant: UnpaidBound,
    /// Of payments. Those that are being collected may exceed it.
    pub declines: DeclineLimit,
}

impl OrderBounds {
    /// Nothing is bounded.
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

    /// Whether all of `coming` may be added to what there is.
    pub(crate) fn has_room(&self, unpaid: &Unpaid, coming: &Unpaid) -> bool {
        let fits = |most, there: u64, more| most == 0 || there.saturating_add(more) <= most;
        fits(self.orders, unpaid.orders, coming.orders)
            && fits(self.units, unpaid.units, coming.units)
    }
}

/// A bound that a request met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Unpaid orders of the customer.
    CustomerOrders,
    /// Units in unpaid orders of the customer.
    CustomerUnits,
    /// Units of one order, which are more than a customer may have unpaid.
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
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::CustomerOrders,
        Self::CustomerUnits,
        Self::OrderUnits,
        Self::TenantOrders,
        Self::TenantUnits,
        Self::CustomerDeclines,
        Self::CredentialDeclines,
    ];

    /// As the metrics have it.
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

/// Why a request is refused: the bound, and when to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// Which bound.
    pub bound: Bound,
    /// What it is.
    pub most: u64,
    /// When another try may succeed. Of no use for [`Bound::OrderUnits`].
    pub retry_after: Duration,
}

/// Unpaid orders that there are.
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
    /// How long ago the first of the newest was, of as many as there may be.
    pub(crate) first: Duration,
}

/// What a customer has open and declined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) unpaid: Unpaid,
    pub(crate) declined: Declined,
}

impl OrderBounds {
    /// Whether anything of a customer must be looked at.
    pub(crate) const fn looks_at_customers(&self) -> bool {
        self.counts_unpaid() || self.declines.per_customer > 0
    }

    /// Whether orders of one customer must be placed one after the other to be counted.
    pub(crate) const fn counts_unpaid(&self) -> bool {
        self.customer.orders > 0 || self.customer.units > 0
    }

    /// Adds an order of so many units to what its customer has, unless that would be too much.
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

    /// The same for the tenant.
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
    fn nothing_is_refused_without_a_bound() {
        let (none, mut standing) = (OrderBounds::NONE, Standing::default());
        for _ in 0..1000 {
            none.admit(&mut standing, u64::MAX, HOUR).unwrap();
        }
        let mut unpaid = Unpaid::default();
        none.admit_to_tenant(&mut unpaid, u64::MAX).unwrap();
        none.admit_to_tenant(&mut unpaid, u64::MAX).unwrap();
    }

    #[test]
    fn a_declined_customer_may_try_again_when_the_first_decline_is_too_old() {
        let declined = Declined {
            count: 3,
            first: Duration::from_secs(600),
        };
        let refused = bounds().check_customer_declines(&declined).unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_secs(3000));
        assert_eq!(bounds().check_credential_declines(&declined), Ok(()));
    }

    #[test]
    fn the_advice_to_wait_is_the_time_that_the_oldest_order_has_left_and_a_minute_at_most() {
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
    fn each_bound_has_a_count_of_its_own() {
        for (index, bound) in Bound::ALL.into_iter().enumerate() {
            assert_eq!(bound as usize, index);
        }
    }
}
