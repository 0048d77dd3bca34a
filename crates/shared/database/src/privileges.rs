//! Checks of the serving role's privileges.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Nullable, Text};
use diesel_async::RunQueryDsl;

use crate::{Connection, DbError, cached_sql};

/// A privilege on a table, or on one of its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Privilege {
    /// The table, qualified with its schema.
    pub table: &'static str,
    /// `SELECT`, `INSERT`, `UPDATE` or `DELETE`.
    pub action: &'static str,
    /// The column; `None` for the whole table.
    pub column: Option<&'static str>,
}

/// Checks the schema first, because the tables of an inaccessible schema can't be named.
const MISSING: &str = "
SELECT DISTINCT
    CASE WHEN NOT has_schema_privilege(split_part(needed.name, '.', 1), 'USAGE')
        THEN 'USAGE on schema ' || split_part(needed.name, '.', 1)
        ELSE needed.action || coalesce(' (' || needed.part || ')', '') || ' on ' || needed.name END AS text
FROM unnest($1, $2, $3) AS needed (name, action, part)
WHERE NOT CASE
    WHEN NOT has_schema_privilege(split_part(needed.name, '.', 1), 'USAGE') THEN false
    WHEN needed.part IS NULL THEN has_table_privilege(needed.name, needed.action)
    ELSE has_column_privilege(needed.name, needed.part, needed.action) END
ORDER BY text";

const HELD: &str = "
SELECT needless.action || ' on ' || needless.name AS text
FROM unnest($1, $2) AS needless (name, action)
WHERE has_table_privilege(needless.name, needless.action)
ORDER BY text";

/// Returns those of the needless privileges on whole tables that the connection's role has, as text such as
/// `DELETE on orders.events`.
///
/// # Errors
/// When the database fails.
pub async fn held_privileges(
    connection: &mut Connection,
    needless: &[Privilege],
) -> Result<Vec<String>, DbError> {
    let tables: Vec<&str> = needless.iter().map(|it| it.table).collect();
    let actions: Vec<&str> = needless.iter().map(|it| it.action).collect();
    let held: Vec<Words> = cached_sql(HELD)
        .bind::<Array<Text>, _>(tables)
        .bind::<Array<Text>, _>(actions)
        .load(connection)
        .await?;
    Ok(held.into_iter().map(|row| row.text).collect())
}

/// A privilege as text.
#[derive(QueryableByName)]
struct Words {
    #[diesel(sql_type = Text)]
    text: String,
}

/// Returns those of the needed privileges that the connection's role lacks, as text such as `INSERT on orders.events`.
/// The tables must exist.
///
/// # Errors
/// When the database fails.
pub async fn missing_privileges(
    connection: &mut Connection,
    needed: &[Privilege],
) -> Result<Vec<String>, DbError> {
    let tables: Vec<&str> = needed.iter().map(|it| it.table).collect();
    let actions: Vec<&str> = needed.iter().map(|it| it.action).collect();
    let columns: Vec<Option<&str>> = needed.iter().map(|it| it.column).collect();
    let missing: Vec<Words> = cached_sql(MISSING)
        .bind::<Array<Text>, _>(tables)
        .bind::<Array<Text>, _>(actions)
        .bind::<Array<Nullable<Text>>, _>(columns)
        .load(connection)
        .await?;
    Ok(missing.into_iter().map(|row| row.text).collect())
}
