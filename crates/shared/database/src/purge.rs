//! Deleting rows that were kept for long enough, tenant by tenant, in statements of bounded size.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Double, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::{Connection, DbError, cached_sql};

/// Most rows of one tenant that a turn deletes, so that no statement runs long.
const MAX_PER_TENANT: i64 = 1000;

/// How the old rows of one table are found and deleted. Made by [`purge_of!`](crate::purge_of).
#[derive(Clone, Copy, Debug)]
pub struct Purge {
    /// Finds the tenants that have rows older than `$1` seconds, `tenant_id`.
    pub tenants: &'static str,
    /// Deletes the oldest rows of the tenant `$1` that are older than `$2` seconds, up to `$3`.
    pub delete: &'static str,
}

/// The [`Purge`] of a table whose rows are as old as a column says. It needs an index that begins with `tenant_id` and that
/// column; rows where the column is null are kept.
///
/// Each registered tenant costs one step in the index, however many rows it has. Rows that somebody has locked are passed over.
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
    /// Deletes rows older than `older_than`, up to 1,000 of each tenant, and returns how many. Repeat it until there are none.
    ///
    /// # Errors
    /// When the database does not answer; what was deleted before stays deleted.
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
