//! Finds what holders have reserved.

use oms_database::Statement;
use oms_validation::TenantId;

use crate::domain::holding::Reservation;
use crate::domain::id::HolderId;
use crate::store::reservations;

/// Returns a statement that reads the reservations of holders, ordered by holder, warehouse and product. A holder
/// without stock has none.
pub fn find_reservations<'q>(
    tenant: TenantId,
    holders: &[HolderId],
) -> Statement<'q, Vec<Reservation>> {
    reservations::find(tenant, holders)
}
