//! Stock that other transactions have locked.

use std::collections::{BTreeSet, HashMap, HashSet};

use oms_database::{Connection, DbError};
use oms_inventory::find_unlocked_levels;
use oms_validation::TenantId;

use super::draft::{Draft, Level};

/// The orders, by arrival index, that can't have their stock now, each with one level that it waits for: a locked one,
/// or one that earlier orders wait for.
pub(super) async fn held_levels(
    connection: &mut Connection,
    tenant: TenantId,
    drafts: &[Draft<'_>],
    awaited: &HashSet<Level>,
) -> Result<HashMap<usize, Level>, DbError> {
    let wanted: BTreeSet<Level> = drafts.iter().flat_map(Draft::levels).collect();
    let wanted: BTreeSet<Level> = wanted
        .difference(&awaited.iter().copied().collect())
        .copied()
        .collect();
    let unlocked = match wanted.is_empty() {
        true => BTreeSet::new(),
        false => find_unlocked_levels(connection, tenant, &wanted).await?,
    };
    let held = drafts.iter().filter_map(|draft| {
        let level = draft.levels().find(|level| !unlocked.contains(level))?;
        Some((draft.index, level))
    });
    Ok(held.collect())
}
