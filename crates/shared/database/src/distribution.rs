//! Distributing the tables over the nodes of Citus, <https://www.citusdata.com>: every table of tenants by its tenant, those that
//! are no tenant's to all nodes.

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::across_tenants::is_distributed;
use crate::{Connection, DbError, cached_sql, transaction};

/// The table whose shards all others follow. A tenant's rows are on one node, whatever their tables.
const FIRST: &str = "tenancy.tenants";

/// Tables can't be distributed.
#[derive(Debug, thiserror::Error)]
pub enum DistributionError {
    /// The server is plain PostgreSQL.
    #[error(
        "the database is not one of Citus: the extension `citus` is missing, and without it nothing needs to be distributed"
    )]
    NoCitus,
    /// Foreign keys lead in a circle, so that no table can come first.
    #[error("foreign keys lead in a circle: {0}")]
    Circle(String),
    /// A statement failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// The statements that distribute what is not distributed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// To be run in one transaction, while nobody writes.
    pub distribute: Vec<String>,
    /// To be run after it, each by itself: they remove the rows that were copied to the nodes from where they were.
    pub remove_copied: Vec<String>,
}

impl Distribution {
    /// Whether everything is distributed.
    pub fn is_empty(&self) -> bool {
        self.distribute.is_empty()
    }
}

/// Works out what is not distributed yet, each table after those that its foreign keys refer to.
///
/// # Errors
/// [`DistributionError::NoCitus`] where there is no Citus, or why the database failed.
pub async fn plan(
    connection: &mut Connection,
    shards: u32,
) -> Result<Distribution, DistributionError> {
    if !is_distributed(connection).await? {
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
/// Why the database failed. Nothing is distributed then, unless it was removing the copied rows that failed: repeat it.
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

/// Whether the tables were distributed before: then those of a new migration have to be too.
///
/// # Errors
/// When the database does not answer.
pub async fn has_begun(connection: &mut Connection) -> Result<bool, DbError> {
    if !is_distributed(connection).await? {
        return Ok(false);
    }
    let tables: Vec<Table> = cached_sql(TABLES).load(connection).await?;
    Ok(tables.iter().any(|table| table.is_distributed))
}

/// All tables of the product, each with its schema: those of tenants, and the two that have no tenant and are read beside
/// them. Citus names the shards of a table after it, with their numbers at the end.
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

/// Foreign keys between two tables.
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

/// The tables, [`FIRST`] first and each after its parents among them.
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
    fn a_table_comes_after_those_that_it_refers_to() {
        let tables = vec!["a.lines", "a.orders", "b.refunds", "b.attempts", FIRST];
        let references = references(&[
            ("a.lines", "a.orders"),
            ("b.refunds", "b.attempts"),
            // One that is distributed already.
            ("a.orders", "c.customers"),
        ]);
        assert_eq!(
            in_order(tables, &references).unwrap(),
            [FIRST, "a.orders", "b.attempts", "a.lines", "b.refunds"]
        );
    }

    #[test]
    fn a_circle_is_refused() {
        let refused = in_order(vec!["a", "b"], &references(&[("a", "b"), ("b", "a")]));
        assert!(matches!(refused, Err(DistributionError::Circle(names)) if names == "a, b"));
    }
}
