//! The payment deadline of orders, and the policy for declined payments.

use std::time::Duration;

use oms_orders::DeclinePolicy;

use super::reader::Reader;

/// The payment deadline of orders, and the policy for declined payments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PaymentSettings {
    pub(crate) deadline: Duration,
    pub(crate) decline_policy: DeclinePolicy,
}

const DECLINE_POLICY: &str = "OMS_DECLINE_POLICY";

impl PaymentSettings {
    /// Reads the settings.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            deadline: reader.milliseconds(
                "OMS_PENDING_PAYMENT_DEADLINE_MS",
                900_000,
                0..=604_800_000,
            ),
            decline_policy: reader.parsed(DECLINE_POLICY, "fail", |text| match text {
                "fail" => Ok(DeclinePolicy::Fail),
                "hold" => Ok(DeclinePolicy::Hold),
                _ => Err("must be fail or hold".to_owned()),
            }),
        }
    }

    /// Checks the rules between settings.
    pub(super) fn check(&self, reader: &mut Reader<'_>) {
        if self.decline_policy == DeclinePolicy::Hold && self.deadline.is_zero() {
            reader.problem(
                DECLINE_POLICY,
                "must be fail where OMS_PENDING_PAYMENT_DEADLINE_MS is 0, because no time is left for another payment method",
            );
        }
    }
}
