//! The default currencies of tenants, as this process saw them last.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use oms_validation::{Currency, TenantId};

/// Remembers the default currency of each tenant for which it is not the installation's. It is only a guess, with which
/// prices are read in the same round trip as the settings.
#[derive(Default)]
pub(crate) struct DefaultCurrencies(Mutex<HashMap<TenantId, Currency>>);

impl DefaultCurrencies {
    /// The remembered currency.
    pub(crate) fn find(&self, tenant: TenantId) -> Option<Currency> {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.get(&tenant).copied()
    }

    /// Remembers a currency.
    pub(crate) fn remember(&self, tenant: TenantId, currency: Currency) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.insert(tenant, currency);
    }
}
