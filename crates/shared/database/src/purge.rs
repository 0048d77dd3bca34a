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
/// Each tenant costs one step in the index, regardless of its number of rows. Locked rows are skipped.
#[macro_export]
macro_rules! purge_of {
    ($table:literal by $time:literal) => {
        $crate::Purge {
            tenants: concat!(
                "WITH RECURSIVE oldest (tenant_id, since) AS (
                     (SELECT t.tenant_id, t.",
                $time,
                " FROM ",
                $table,
                " t
                      WHERE t.",
                $time,
                " IS NOT NULL ORDER BY t.tenant_id, t.",
                $time,
                " LIMIT 1)
                     UNION ALL
                     SELECT following.tenant_id, following.since FROM oldest
                     CROSS JOIN LATERAL (
                         SELECT t.tenant_id, t.",
                $time,
                " AS since FROM ",
                $table,
                " t
                         WHERE t.",
                $time,
                " IS NOT NULL AND t.tenant_id > oldest.tenant_id
                         ORDER BY t.tenant_id, t.",
                $time,
                " LIMIT 1
                     ) following
                 )
                 SELECT tenant_id FROM oldest WHERE since < now() - make_interval(secs => $1)"
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
