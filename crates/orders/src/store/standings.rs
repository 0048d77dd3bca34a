//! The unpaid orders and declined payments of customers and tenants, for the limits on placing orders.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Double, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, Purge, Statement, cached_sql, purge_of};
use oms_payments::AttemptId;
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

use crate::domain::bounds::{DeclineLimit, Declined, Standing, Unpaid};
use crate::domain::clock::Now;
use crate::domain::id::CustomerId;

/// The standings of customers. `$1` is the tenant; the parameters are the customers, the time, the window in seconds,
/// and the maximum number of declines to look at. The newest declines count: another payment may be tried once the
/// oldest of them has left the window.
macro_rules! select_standings {
    ($customers:literal, $now:literal, $window:literal, $most:literal) => {
        concat!(
            "SELECT customer.id AS customer_id, unpaid.orders AS unpaid_orders, unpaid.units AS unpaid_units,
                    unpaid.oldest_s, declined.declines, declined.first_s
             FROM (SELECT DISTINCT id FROM unnest(", $customers, "::uuid[]) AS id) AS customer
             CROSS JOIN LATERAL (
                 SELECT count(*) AS orders, coalesce(sum(holding.units), 0)::bigint AS units,
                        extract(epoch FROM greatest(", $now, ", now()) - min(placed.created_at))::float8 AS oldest_s
                 FROM (
                     SELECT order_id, units FROM orders.reconciliations
                     WHERE tenant_id = $1 AND customer_id = customer.id
                     UNION ALL
                     SELECT order_id, units FROM orders.dead_letters
                     WHERE tenant_id = $1 AND customer_id = customer.id AND resolved_at IS NULL
                 ) AS holding
                 JOIN orders.orders AS placed ON placed.tenant_id = $1 AND placed.id = holding.order_id
             ) AS unpaid
             CROSS JOIN LATERAL (
                 SELECT count(*) AS declines,
                        extract(epoch FROM greatest(", $now, ", now()) - min(declined_at))::float8 AS first_s
                 FROM (
                     SELECT declined_at FROM orders.declines
                     WHERE tenant_id = $1 AND orders.declines.customer_id = customer.id
                       AND declined_at > greatest(", $now, ", now()) - make_interval(secs => ", $window, ")
                     ORDER BY declined_at DESC LIMIT ", $most, "
                 ) AS newest
             ) AS declined"
        )
    };
}
pub(super) use select_standings;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    customer_id: Uuid,
    #[diesel(embed)]
    figures: Figures,
}

/// A customer's figures as the database returns them; all `None` if the standing was not requested.
#[derive(QueryableByName)]
pub(super) struct Figures {
    #[diesel(sql_type = Nullable<BigInt>)]
    unpaid_orders: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    unpaid_units: Option<i64>,
    #[diesel(sql_type = Nullable<Double>)]
    oldest_s: Option<f64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    declines: Option<i64>,
    #[diesel(sql_type = Nullable<Double>)]
    first_s: Option<f64>,
}

impl From<Figures> for Standing {
    fn from(figures: Figures) -> Self {
        Self {
            unpaid: Unpaid {
                orders: count(figures.unpaid_orders),
                units: count(figures.unpaid_units),
                oldest: seconds(figures.oldest_s),
            },
            declined: Declined {
                count: count(figures.declines),
                first: seconds(figures.first_s),
            },
        }
    }
}

fn count(figure: Option<i64>) -> u64 {
    figure.unwrap_or_default().unsigned_abs()
}

/// Treats an event that another clock placed in the future as having happened just now.
fn seconds(age_s: Option<f64>) -> Duration {
    Duration::try_from_secs_f64(age_s.unwrap_or_default()).unwrap_or_default()
}

/// Makes transactions that place orders of the same customers wait for each other. Each transaction takes these locks
/// in the same order, and before any other.
///
/// Advisory locks, because customers have no rows to lock. Two customers whose hashes collide wait for each other too,
/// which is harmless.
pub(crate) fn lock_customers<'q>(
    tenant: TenantId,
    customers: &[CustomerId],
) -> Statement<'q, usize> {
    cached_sql(
        "SELECT pg_advisory_xact_lock(customer.hash)
         FROM (
             SELECT DISTINCT hashtextextended('unpaid ' || $1::text || ' ' || id::text, 0) AS hash
             FROM unnest($2::uuid[]) AS id ORDER BY hash
         ) AS customer",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(uuids(customers))
    .affected()
}

fn uuids(customers: &[CustomerId]) -> Vec<Uuid> {
    customers.iter().map(|id| id.as_uuid()).collect()
}

/// The current standings of the given customers.
pub(crate) async fn find_standings(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    customers: &[CustomerId],
    limit: DeclineLimit,
) -> Result<HashMap<CustomerId, Standing>, DbError> {
    let (window, most) = (limit.window, limit.per_customer);
    let standings = select(tenant, now, uuids(customers), window, most);
    standings.run(connection).await
}

/// The statement of [`find_standings`], with the window and the maximum number of declines to look at.
pub(super) fn select<'q>(
    tenant: TenantId,
    now: Now,
    customers: Vec<Uuid>,
    window: Duration,
    most: u64,
) -> Statement<'q, HashMap<CustomerId, Standing>> {
    cached_sql(select_standings!("$2", "$3", "$4", "$5"))
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Array<SqlUuid>, _>(customers)
        .bind::<Nullable<Timestamptz>, _>(now)
        .bind::<Double, _>(window.as_secs_f64())
        .bind::<BigInt, _>(at_most(most))
        .rows::<Row>()
        .map(|rows| {
            let standing = |row: Row| (row.customer_id.into(), row.figures.into());
            rows.into_iter().map(standing).collect()
        })
}

/// Converts a limit to the type of SQL's `LIMIT`.
pub(super) fn at_most(most: u64) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

/// The unpaid orders of a tenant, counted up to `most`.
pub(crate) async fn find_unpaid_of_tenant(
    connection: &mut Connection,
    tenant: TenantId,
    most: u64,
) -> Result<Unpaid, DbError> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        orders: i64,
        #[diesel(sql_type = BigInt)]
        units: i64,
    }

    let counted: Counted = cached_sql(
        "SELECT count(*) AS orders, coalesce(sum(units), 0)::bigint AS units
         FROM (SELECT units FROM orders.reconciliations WHERE tenant_id = $1 AND customer_id IS NOT NULL
               UNION ALL
               SELECT units FROM orders.dead_letters
               WHERE tenant_id = $1 AND customer_id IS NOT NULL AND resolved_at IS NULL
               LIMIT $2) AS unpaid",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<BigInt, _>(at_most(most))
    .get_result(connection)
    .await?;
    Ok(Unpaid {
        orders: counted.orders.unsigned_abs(),
        units: counted.units.unsigned_abs(),
        oldest: Duration::ZERO,
    })
}

/// The declined payments that an actor caused, counted up to `most`.
pub(crate) async fn find_declines_of_actor(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    actor: &str,
    window: Duration,
    most: u64,
) -> Result<Declined, DbError> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        declines: i64,
        #[diesel(sql_type = Nullable<Double>)]
        first_s: Option<f64>,
    }

    // The newest ones: once the limit is reached, the age of the oldest of them decides.
    let counted: Counted = cached_sql(
        "SELECT count(*) AS declines,
                extract(epoch FROM greatest($3, now()) - min(declined_at))::float8 AS first_s
         FROM (SELECT declined_at FROM orders.declines
               WHERE tenant_id = $1 AND actor = $2
                 AND declined_at > greatest($3, now()) - make_interval(secs => $4)
               ORDER BY declined_at DESC LIMIT $5) AS declined",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Text, _>(actor)
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Double, _>(window.as_secs_f64())
    .bind::<BigInt, _>(at_most(most))
    .get_result(connection)
    .await?;
    Ok(Declined {
        count: counted.declines.unsigned_abs(),
        first: seconds(counted.first_s),
    })
}

/// The declined payments of an order's customer.
pub(crate) async fn find_declines_of_customer(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    limit: DeclineLimit,
) -> Result<Declined, DbError> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = SqlUuid)]
        customer_id: Uuid,
    }

    let found: Vec<Found> =
        cached_sql("SELECT customer_id FROM orders.orders WHERE tenant_id = $1 AND id = $2")
            .bind::<SqlUuid, _>(tenant.as_uuid())
            .bind::<SqlUuid, _>(order_id.as_uuid())
            .load(connection)
            .await?;
    let customers: Vec<CustomerId> = found.iter().map(|row| row.customer_id.into()).collect();
    let standings = find_standings(connection, tenant, now, &customers, limit).await?;
    let standing = standings.into_values().next().unwrap_or_default();
    Ok(standing.declined)
}

/// Deletes declines that are older than any window.
pub(crate) const DECLINED_LONG_AGO: Purge = purge_of!("orders.declines" by "declined_at");

/// Deletes the declines of a customer.
pub(crate) async fn delete_declines_of_customer(
    connection: &mut Connection,
    tenant: TenantId,
    customer: CustomerId,
) -> Result<(), DbError> {
    cached_sql("DELETE FROM orders.declines WHERE tenant_id = $1 AND customer_id = $2")
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(customer.as_uuid())
        .execute(connection)
        .await?;
    Ok(())
}

/// Records that the newest payment of an order was declined, and counts it against the actor that started the payment
/// by placing the order or starting another attempt, even if a gateway event or the sweeper discovered the decline.
pub(crate) async fn insert_decline(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    attempt_id: AttemptId,
) -> Result<(), DbError> {
    let now: Option<DateTime<Utc>> = now;
    // The last condition matches what `attempt_begins()` of the domain writes.
    cached_sql(
        "INSERT INTO orders.declines (tenant_id, declined_at, attempt_id, customer_id, actor)
         SELECT declined.tenant_id, greatest($2, now()), $4, declined.customer_id, begun.actor
         FROM orders.orders AS declined
         CROSS JOIN LATERAL (
             SELECT actor FROM orders.events
             WHERE tenant_id = $1 AND order_id = $3
               AND (sequence = 1 OR (from_status = 'PENDING_PAYMENT' AND to_status = 'PENDING_PAYMENT'
                                     AND reason LIKE 'payment attempt % begins'))
             ORDER BY sequence DESC LIMIT 1
         ) AS begun
         WHERE declined.tenant_id = $1 AND declined.id = $3",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<SqlUuid, _>(attempt_id.as_uuid())
    .execute(connection)
    .await?;
    Ok(())
}
