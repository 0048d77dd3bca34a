//! The settings of tenants that were read last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oms_validation::TenantId;

use crate::domain::tenant_settings::VersionedSettings;

/// Maximum number of tenants.
const TENANTS: usize = 4096;

/// Remembers settings. They may be outdated: whoever relies on them compares their version in the statement or
/// transaction that matters.
#[derive(Default)]
pub(crate) struct SettingsMemory(Mutex<HashMap<TenantId, Arc<VersionedSettings>>>);

impl SettingsMemory {
    pub(crate) fn of(&self, tenant: TenantId) -> Option<Arc<VersionedSettings>> {
        self.all().get(&tenant).cloned()
    }

    pub(crate) fn remember(&self, tenant: TenantId, settings: Arc<VersionedSettings>) {
        let mut all = self.all();
        if all.len() >= TENANTS && !all.contains_key(&tenant) {
            all.clear();
        }
        all.insert(tenant, settings);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<TenantId, Arc<VersionedSettings>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
