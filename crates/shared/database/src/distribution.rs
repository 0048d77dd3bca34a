//! The distribution of the tables over the nodes of Citus, <https://www.citusdata.com>: tables with a tenant are
//! distributed by tenant, and the others are copied to all nodes.

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::{Connection, DbError, Engine, cached_sql, transaction};

/// The table with whose shards all others are colocated, so that all rows of a tenant are on one node.
const FIRST: &str = "tenancy.tenants";

/// The reason why tables can't be distributed.
#[derive(Debug, thiserror::Error)]
pub enum DistributionError {
    /// The server is plain PostgreSQL.
    #[error(
        "this is not a Citus database: the extension `citus` is missing, and without it there is nothing to distribute"
    )]
    NoCitus,
    /// Foreign keys form a cycle, so that no table can be distributed first.
    #[error("foreign keys form a cycle: {0}")]
    Circle(String),
    /// A statement failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// The statements that distribute the tables that are not distributed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// Statements to run in one transaction, while no other session writes.
    pub distribute: Vec<String>,
    /// Statements to run after that transaction, each in its own transaction. They remove the local copies of rows that
    /// are now on the nodes.
    pub remove_copied: Vec<String>,
}

impl Distribution {
    /// Whether all tables are distributed.
    pub fn is_empty(&self) -> bool {
        self.distribute.is_empty()
    }
}

/// Finds the tables that are not distributed yet, each after the tables that its foreign keys refer to.
///
/// # Errors
/// If the server has no Citus, if foreign keys form a cycle, or if the database fails.
pub async fn plan(
    connection: &mut Connection,
    shards: u32,
) -> Result<Distribution, DistributionError> {
    if Engine::of(connection).await? == Engine::Plain {
        return Err(DistributionError::NoCitus);
    }
    let tables: Vec<Table> = cached_sql(TABLES)
        .load(connection)
        .await
        .map_err(DbError::from)?;
    let references: Vec<Reference> = cached_sql(REFERENCES)
        .load(connection)
        .await
        .map_err(DbError::from)?;
    let is_new = |table: &&Table| !table.is_distributed;
    let (of_tenants, of_all): (Vec<&Table>, Vec<&Table>) = tables
        .iter()
        .filter(is_new)
        .partition(|table| table.has_tenant);
    let names = of_tenants.iter().map(|table| table.name.as_str()).collect();
    let ordered = in_order(names, &references)?;
    let mut distribute = Vec::new();
    if !ordered.is_empty() {
        distribute.push(format!("SET LOCAL citus.shard_count = {shards}"));
    }
    for table in &ordered {
        let beside = if *table == FIRST { "none" } else { FIRST };
        distribute.push(format!(
            "SELECT create_distributed_table('{table}', 'tenant_id', colocate_with => '{beside}')"
        ));
    }
    let of_all = of_all.iter().map(|table| table.name.as_str());
    distribute.extend(of_all.map(|table| format!("SELECT create_reference_table('{table}')")));
    let remove =
        |table: &&str| format!("SELECT truncate_local_data_after_distributing_table('{table}')");
    Ok(Distribution {
        remove_copied: ordered.iter().map(remove).collect(),
        distribute,
    })
}

/// Runs the statements of a plan.
///
/// # Errors
/// When the database fails. Nothing is distributed then, unless only the removal of the copied rows failed. Running the
/// plan's `remove_copied` again removes them.
pub async fn run(connection: &mut Connection, plan: &Distribution) -> Result<(), DbError> {
    transaction(connection, async |connection| {
        for statement in &plan.distribute {
            connection.batch_execute(statement).await?;
        }
        Ok::<_, DbError>(())
    })
    .await?;
    for statement in &plan.remove_copied {
        connection.batch_execute(statement).await?;
    }
    Ok(())
}

/// Whether any table is distributed. If so, the tables of a new migration must be distributed too.
///
/// # Errors
/// When the database does not answer.
pub async fn has_begun(connection: &mut Connection) -> Result<bool, DbError> {
    if Engine::of(connection).await? == Engine::Plain {
        return Ok(false);
    }
    let tables: Vec<Table> = cached_sql(TABLES).load(connection).await?;
    Ok(tables.iter().any(|table| table.is_distributed))
}

/// All tables of the product, with their schemas: those with a tenant, and the two without one that are read together
/// with them. Shards are excluded by their names, which Citus makes of the table's name and a number.
const TABLES: &str = "
SELECT n.nspname || '.' || c.relname AS name, a.attname IS NOT NULL AS has_tenant,
    EXISTS (SELECT FROM pg_dist_partition p WHERE p.logicalrelid = c.oid) AS is_distributed
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
WHERE c.relkind = 'r' AND c.relname !~ '_[0-9]{6,}$'
    AND CASE WHEN a.attname IS NULL
        THEN (n.nspname, c.relname) IN (('installation', 'identity'), ('public', '__diesel_schema_migrations'))
        ELSE n.nspname !~ '^(pg_|citus)' AND n.nspname NOT IN ('information_schema', 'public') END
ORDER BY name";

/// The foreign keys between different tables.
const REFERENCES: &str = "
SELECT DISTINCT child.relnamespace::regnamespace || '.' || child.relname AS child,
    parent.relnamespace::regnamespace || '.' || parent.relname AS parent
FROM pg_constraint k
JOIN pg_class child ON child.oid = k.conrelid
JOIN pg_class parent ON parent.oid = k.confrelid
WHERE k.contype = 'f' AND k.conrelid <> k.confrelid";

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    has_tenant: bool,
    #[diesel(sql_type = Bool)]
    is_distributed: bool,
}

#[derive(QueryableByName)]
struct Reference {
    #[diesel(sql_type = Text)]
    child: String,
    #[diesel(sql_type = Text)]
    parent: String,
}

/// Sorts the tables: [`FIRST`] comes first, and each table after its parents.
fn in_order<'a>(
    mut tables: Vec<&'a str>,
    references: &[Reference],
) -> Result<Vec<&'a str>, DistributionError> {
    tables.sort_by_key(|table| (*table != FIRST, *table));
    let mut ordered = Vec::new();
    while !tables.is_empty() {
        let is_free = |table: &&str| {
            let mut parents = references.iter().filter(|it| it.child == *table);
            parents.all(|it| !tables.contains(&it.parent.as_str()))
        };
        let (free, waiting): (Vec<&str>, Vec<&str>) = tables.iter().copied().partition(is_free);
        if free.is_empty() {
            return Err(DistributionError::Circle(waiting.join(", ")));
        }
        ordered.extend(free);
        tables = waiting;
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(pairs: &[(&str, &str)]) -> Vec<Reference> {
        let reference = |(child, parent): &(&str, &str)| Reference {
            child: (*child).to_owned(),
            parent: (*parent).to_owned(),
        };
        pairs.iter().map(reference).collect()
    }

    #[test]
    fn a_table_comes_after_the_tables_that_it_refers_to() {
        let tables = vec!["a.lines", "a.orders", "b.refunds", "b.attempts", FIRST];
        let references = references(&[
            ("a.lines", "a.orders"),
            ("b.refunds", "b.attempts"),
            // This parent is already distributed.
            ("a.orders", "c.customers"),
        ]);
        assert_eq!(
            in_order(tables, &references).unwrap(),
            [FIRST, "a.orders", "b.attempts", "a.lines", "b.refunds"]
        );
    }

    #[test]
    fn a_cycle_of_foreign_keys_is_rejected() {
        let refused = in_order(vec!["a", "b"], &references(&[("a", "b"), ("b", "a")]));
        assert!(matches!(refused, Err(DistributionError::Circle(names)) if names == "a, b"));
    }
}
