//! Deletion of expired rows, tenant by tenant, in statements of bounded size.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Double, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::{Connection, DbError, cached_sql};

/// Maximum rows per tenant and turn, so that no statement runs long.
const MAX_PER_TENANT: i64 = 1000;

/// The statements that find and delete the old rows of one table. Created by [`purge_of!`](crate::purge_of).
#[derive(Clone, Copy, Debug)]
pub struct Purge {
    /// Selects the `tenant_id` of tenants that have rows older than `$1` seconds.
    pub tenants: &'static str,
    /// Deletes rows of tenant `$1` that are older than `$2` seconds, the oldest `$3` at most.
    pub delete: &'static str,
}

/// Creates the [`Purge`] of a table, with the column that holds the age of a row. It needs an index on `tenant_id` and
/// this column. Rows with a null in the column are kept.
///
/// Each registered tenant costs one step in the index, regardless of the number of its rows. Locked rows are skipped.
#[macro_export]
macro_rules! purge_of {
    ($table:literal by $time:literal) => {
        $crate::Purge {
            tenants: concat!(
                "-- across tenants: what is old is deleted of every tenant
                 SELECT t.tenant_id FROM tenancy.tenants t
                 CROSS JOIN LATERAL (SELECT min(w.",
                $time,
                ") AS since FROM ",
                $table,
                " w WHERE w.tenant_id = t.tenant_id) oldest
                 WHERE oldest.since < now() - make_interval(secs => $1)"
            ),
            delete: concat!(
                "DELETE FROM ",
                $table,
                " WHERE tenant_id = $1 AND ctid = ANY (ARRAY(
                     SELECT t.ctid FROM ",
                $table,
                " t
                     WHERE t.tenant_id = $1 AND t.",
                $time,
                " < now() - make_interval(secs => $2)
                     ORDER BY t.",
                $time,
                " LIMIT $3 FOR UPDATE SKIP LOCKED
                 ))"
            ),
        }
    };
}

impl Purge {
    /// Deletes rows older than `older_than`, up to 1,000 per tenant, and returns their number. Repeat it until it
    /// returns 0.
    ///
    /// # Errors
    /// When the database fails. Rows that were already deleted stay deleted.
    pub async fn turn(
        &self,
        connection: &mut Connection,
        older_than: Duration,
    ) -> Result<usize, DbError> {
        #[derive(QueryableByName)]
        struct Tenant {
            #[diesel(sql_type = SqlUuid)]
            tenant_id: Uuid,
        }

        let age_s = older_than.as_secs_f64();
        let tenants: Vec<Tenant> = cached_sql(self.tenants)
            .bind::<Double, _>(age_s)
            .load(connection)
            .await?;
        let mut deleted = 0;
        for Tenant { tenant_id } in tenants {
            deleted += cached_sql(self.delete)
                .bind::<SqlUuid, _>(tenant_id)
                .bind::<Double, _>(age_s)
                .bind::<BigInt, _>(MAX_PER_TENANT)
                .execute(connection)
                .await?;
        }
        Ok(deleted)
    }
}
