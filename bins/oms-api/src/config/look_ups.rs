//! Limits for the addresses that each tenant may look up.

use std::num::NonZeroU32;

use super::reader::Reader;

/// Maximum calls of the geocoding service per minute and tenant. `None` is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LookUpLimits {
    /// For orders and warehouses.
    pub(crate) of_orders: Option<NonZeroU32>,
    /// For previews.
    pub(crate) of_previews: Option<NonZeroU32>,
}

impl LookUpLimits {
    /// Reads the limits. 0 is unlimited.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let mut limit =
            |name: &str, default: u32| NonZeroU32::new(reader.number(name, default, 0..=6_000_000));
        Self {
            of_orders: limit("OMS_GEOCODER_ORDERS_PER_MINUTE", 6000),
            of_previews: limit("OMS_GEOCODER_PREVIEWS_PER_MINUTE", 600),
        }
    }
}
