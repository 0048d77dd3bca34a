//! Closes attempts, together with the calls that prove how they ended.

use std::collections::HashSet;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Uuid as SqlUuid};
use oms_database::{
    CachedStatement, Engine, Statement, cached_sql, expect_sql, in_transaction_sql,
};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::store::gateway_calls::{self, Columns, bind_calls, insert_calls_sql};
use crate::{AttemptId, ClosedAttempt, DeclineCode};

/// Closes attempts, and returns those that it closed. An attempt that is in none of the states that its closing starts
/// from is left as it is. Fails with [`NotAsExpected`](oms_database::DbError::NotAsExpected) if fewer than `expected`
/// were closed.
pub(crate) fn close_attempts<'q>(
    tenant_id: TenantId,
    closed: &'q [ClosedAttempt<'q>],
    expected: Option<usize>,
) -> Statement<'q, HashSet<AttemptId>> {
    let closed = Closed {
        tenant_id,
        ids: closed.iter().map(|it| it.attempt_id.as_uuid()).collect(),
        // PostgreSQL has no arrays of arrays of different lengths.
        from: closed
            .iter()
            .map(|it| {
                let states = it.closing.from().iter().map(|state| state.as_str());
                states.collect::<Vec<_>>().join(",")
            })
            .collect(),
        to: closed.iter().map(|it| it.closing.to().as_str()).collect(),
        captured: closed
            .iter()
            .map(|it| it.closing.captured().map(|money| money.amount_minor))
            .collect(),
        codes: closed
            .iter()
            .map(|it| it.closing.decline_code().map(DeclineCode::as_str))
            .collect(),
        calls: Columns::of(closed.iter().map(|it| it.calls)),
        expected: expected.map(|count| i64::try_from(count).unwrap_or(i64::MAX)),
    };
    Statement::for_engine(move |engine| match engine {
        Engine::Plain => close_with_calls(closed),
        Engine::Distributed => insert_calls_then_close(closed),
    })
}

/// Closings, column by column.
struct Closed<'q> {
    tenant_id: TenantId,
    ids: Vec<Uuid>,
    from: Vec<String>,
    to: Vec<&'static str>,
    captured: Vec<Option<i64>>,
    codes: Vec<Option<&'q str>>,
    calls: Columns<'q>,
    expected: Option<i64>,
}

/// The closed attempts.
#[derive(QueryableByName)]
struct ClosedIds {
    #[diesel(sql_type = Array<SqlUuid>)]
    ids: Vec<Uuid>,
}

fn closed_ids(rows: Vec<ClosedIds>) -> HashSet<AttemptId> {
    let ids = rows.into_iter().flat_map(|row| row.ids);
    ids.map(AttemptId::from).collect()
}

/// Closes attempts, as the text of a CTE and the SELECT of its result. Can be sent together with the BEGIN and the
/// COMMIT of its transaction.
macro_rules! close_sql {
    ($closings:literal, $is_complete:literal) => {
        concat!(
            "changed AS (
         UPDATE payments.attempts a
         SET updated_at = now(), state = closed.state, captured_minor = closed.captured_minor,
             decline_code = closed.decline_code, customer_action = NULL
         FROM unnest(",
            $closings,
            ") AS closed (id, from_states, state, captured_minor, decline_code)
         WHERE a.tenant_id = $1 AND a.id = closed.id
           AND a.state = ANY (string_to_array(closed.from_states, ',')) AND ",
            in_transaction_sql!(),
            " RETURNING a.id)
     SELECT coalesce(array_agg(id), '{}') AS ids, ",
            expect_sql!($is_complete),
            " FROM changed"
        )
    };
}

fn close_with_calls(closed: Closed<'_>) -> Statement<'_, HashSet<AttemptId>> {
    let statement = cached_sql(concat!(
        "-- plain PostgreSQL: saves a statement
         WITH calls AS (",
        insert_calls_sql!(" AND ", in_transaction_sql!()),
        "), ",
        close_sql!(
            "$14::uuid[], $15::text[], $16::text[], $17::bigint[], $18::text[]",
            "count(*) = $19"
        )
    ));
    bind_calls!(statement, closed.tenant_id, closed.calls)
        .bind::<Array<SqlUuid>, _>(closed.ids)
        .bind::<Array<Text>, _>(closed.from)
        .bind::<Array<Text>, _>(closed.to)
        .bind::<Array<Nullable<BigInt>>, _>(closed.captured)
        .bind::<Array<Nullable<Text>>, _>(closed.codes)
        .bind::<Nullable<BigInt>, _>(closed.expected)
        .rows::<ClosedIds>()
        .map(closed_ids)
}

fn insert_calls_then_close(closed: Closed<'_>) -> Statement<'_, HashSet<AttemptId>> {
    let close = cached_sql(concat!(
        "WITH ",
        close_sql!(
            "$2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[]",
            "count(*) = $7"
        )
    ))
    .bind::<SqlUuid, _>(closed.tenant_id.as_uuid())
    .bind::<Array<SqlUuid>, _>(closed.ids)
    .bind::<Array<Text>, _>(closed.from)
    .bind::<Array<Text>, _>(closed.to)
    .bind::<Array<Nullable<BigInt>>, _>(closed.captured)
    .bind::<Array<Nullable<Text>>, _>(closed.codes)
    .bind::<Nullable<BigInt>, _>(closed.expected)
    .rows::<ClosedIds>()
    .map(closed_ids);
    let insert = gateway_calls::inserting(closed.tenant_id, closed.calls);
    insert.and(close).map(|(_, closed)| closed)
}
