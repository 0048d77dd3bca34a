//! Migrations run while orders are placed. This refuses what would lock a table that has rows, and what would break the
//! version that is still running.
//!
//! The rules and their reasons are in `migrations/README.md`. A comment `-- online: <why>` above a statement lets it pass.

mod alter_table;
mod distributable;

use std::collections::BTreeSet;

use super::TextFile;
use super::findings::Finding;
use super::sql::{Statement, statements};

/// The newest migration that is older than these rules.
const NEWEST_EXEMPT: &str = "20261128000801";

const RULE: &str = "online-migration";

/// Introduces the reason why a statement may break a rule.
const EXCUSE: &str = "online:";

/// Checks every `up.sql` that is newer than the rules. `down.sql` is for development.
pub(super) fn check(files: &[TextFile]) -> Vec<Finding> {
    let ups = files.iter().filter_map(|file| {
        let folder = file
            .path
            .strip_prefix("migrations/")?
            .strip_suffix("/up.sql")?;
        (timestamp(folder).as_str() > NEWEST_EXEMPT).then_some((folder, file))
    });
    ups.flat_map(|(folder, up)| {
        let metadata = format!("migrations/{folder}/metadata.toml");
        let metadata = files.iter().find(|file| file.path == metadata);
        check_file(
            folder,
            &up.path,
            &up.text,
            metadata.map_or("", |file| &file.text),
        )
    })
    .collect()
}

fn timestamp(folder: &str) -> String {
    folder
        .split('_')
        .next()
        .unwrap_or_default()
        .replace('-', "")
}

fn check_file(folder: &str, path: &str, text: &str, metadata: &str) -> Vec<Finding> {
    let statements = statements(text);
    let error = |line, advice: &str| Finding::error(path, line, RULE, advice);
    if is_without_transaction(metadata) {
        let is_alone = statements.len() == 1 && statements[0].has("CONCURRENTLY");
        let advice =
            "a migration outside a transaction must be exactly one statement, with CONCURRENTLY";
        return (!is_alone).then(|| error(1, advice)).into_iter().collect();
    }
    let mut findings = Vec::new();
    if !statements
        .first()
        .is_some_and(|first| first.begins("SET LOCAL LOCK_TIMEOUT"))
    {
        findings.push(error(1, "begin with SET LOCAL lock_timeout = '5s': while this waits for a lock, every other query on the table waits behind it"));
    }
    let migration = Migration::of(&statements);
    let is_distributable = timestamp(folder).as_str() > distributable::NEWEST_EXEMPT;
    for statement in &statements {
        let refusal = migration.refusal(statement);
        if let Some(advice) = refusal.filter(|_| !is_excused(statement)) {
            findings.push(error(statement.line, advice));
        } else if is_distributable && let Some(advice) = distributable::refusal(statement) {
            let line = statement.line;
            findings.push(Finding::error(path, line, distributable::RULE, advice));
        }
    }
    findings
}

fn is_without_transaction(metadata: &str) -> bool {
    let lines = metadata.lines().map(|line| line.replace(' ', ""));
    lines
        .into_iter()
        .any(|line| line == "run_in_transaction=false")
}

/// At least three words of reason.
fn is_excused(statement: &Statement) -> bool {
    let reason = statement
        .comment
        .split_once(EXCUSE)
        .map(|(_, reason)| reason);
    reason.is_some_and(|reason| reason.split_whitespace().count() >= 3)
}

/// What the check of one statement must know about the others.
struct Migration<'a> {
    /// Tables that the migration creates: they are empty, and nothing uses them yet.
    new_tables: BTreeSet<&'a str>,
    statements: usize,
}

impl<'a> Migration<'a> {
    fn of(statements: &'a [Statement]) -> Self {
        let created = statements.iter().filter(|it| it.begins("CREATE TABLE"));
        Self {
            new_tables: created
                .filter_map(|it| it.name_after("CREATE TABLE"))
                .collect(),
            statements: statements.len(),
        }
    }

    fn refusal(&self, statement: &Statement) -> Option<&'static str> {
        let is_new =
            |table: Option<&str>| table.is_some_and(|table| self.new_tables.contains(table));
        if statement.begins("CREATE INDEX") || statement.begins("CREATE UNIQUE INDEX") {
            return (!is_new(statement.name_after("ON"))).then_some(INDEX);
        }
        if statement.begins("ALTER TABLE") {
            return (!is_new(statement.name_after("ALTER TABLE")))
                .then(|| self.refusal_of_change(statement))
                .flatten();
        }
        if statement.begins("UPDATE") || statement.begins("DELETE") {
            let table = statement
                .name_after("FROM")
                .filter(|_| statement.begins("DELETE"));
            return (!is_new(table.or_else(|| statement.name_after("UPDATE")))).then_some(BACKFILL);
        }
        let begins = |words: &&(&str, &'static str)| statement.begins(words.0);
        STATEMENTS.iter().find(begins).map(|(_, advice)| *advice)
    }

    fn refusal_of_change(&self, change: &Statement) -> Option<&'static str> {
        if change.has("VALIDATE CONSTRAINT") {
            return (self.statements > 2).then_some(VALIDATE);
        }
        alter_table::refusal(change)
    }
}

/// Statements that always need a reason.
const STATEMENTS: [(&str, &str); 6] = [
    ("DROP TABLE", DROP),
    ("DROP SCHEMA", DROP),
    (
        "DROP INDEX",
        "it locks the table: use DROP INDEX CONCURRENTLY in its own migration",
    ),
    ("TRUNCATE", DROP),
    ("DO", "a DO block can't be checked: write plain statements"),
    (
        "REINDEX",
        "it locks the table: use REINDEX INDEX CONCURRENTLY in its own migration",
    ),
];

const INDEX: &str =
    "it blocks writes while it is built: use CREATE INDEX CONCURRENTLY in its own migration";
const VALIDATE: &str = "it would scan the table while the other statements hold their locks: use VALIDATE CONSTRAINT in its own migration";
const DROP: &str = "the running version may use it: drop it in a later release, and say since when nothing uses it";
const BACKFILL: &str = "it locks every row until it commits: let a worker fill the rows in batches, or say why there are few";

#[cfg(test)]
mod tests {
    use super::alter_table::*;
    use super::*;

    const FOLDER: &str = "20270101000000_orders_notes";
    const LOCK: &str = "SET LOCAL lock_timeout = '5s';\n";

    fn found(folder: &str, up: &str, metadata: Option<&str>) -> Vec<(usize, String)> {
        let file = |name: &str, text: &str| TextFile {
            path: format!("migrations/{folder}/{name}"),
            text: text.to_owned(),
        };
        let mut files = vec![
            file("up.sql", up),
            file("down.sql", "DROP TABLE orders.notes;"),
        ];
        files.extend(metadata.map(|text| file("metadata.toml", text)));
        let findings = check(&files);
        findings
            .into_iter()
            .map(|finding| (finding.line, finding.advice))
            .collect()
    }

    fn advice(statement: &str) -> Option<String> {
        let mut found = found(FOLDER, &format!("{LOCK}{statement};"), None);
        assert!(found.len() < 2, "{found:?}");
        found.pop().map(|(_, advice)| advice)
    }

    #[test]
    fn migrations_from_before_the_rules_are_exempt() {
        let up = "CREATE INDEX a ON orders.orders (tenant_id);";
        assert_eq!(found("20261128000801_access_actors", up, None), []);
        assert_eq!(found("20261128000802_access_actors", up, None).len(), 2);
    }

    #[test]
    fn a_migration_begins_with_a_lock_timeout() {
        let table = "CREATE TABLE orders.notes (tenant_id uuid);";
        assert_eq!(found(FOLDER, &format!("-- why\n{LOCK}{table}"), None), []);
        for up in [
            table.to_owned(),
            format!("{table}{LOCK}"),
            "SET lock_timeout = '5s';".to_owned(),
        ] {
            let found = found(FOLDER, &up, None);
            assert!(
                found[0].1.contains("SET LOCAL lock_timeout"),
                "{up}: {found:?}"
            );
        }
    }

    #[test]
    fn a_new_table_may_have_anything() {
        let up = "CREATE TABLE orders.notes (tenant_id uuid NOT NULL, a int CHECK (a > 0));
            CREATE INDEX notes_a ON orders.notes (tenant_id, a);
            ALTER TABLE orders.notes ADD CONSTRAINT b CHECK (a < 9);
            UPDATE orders.notes SET a = 1; DELETE FROM orders.notes;
            INSERT INTO orders.notes SELECT id FROM orders.orders";
        assert_eq!(advice(up), None);
    }

    #[test]
    fn an_index_on_a_table_with_rows_is_built_concurrently() {
        for index in ["CREATE INDEX a", "CREATE UNIQUE INDEX IF NOT EXISTS a"] {
            let advice = advice(&format!("{index} ON orders.orders (tenant_id)"));
            assert_eq!(advice.as_deref(), Some(INDEX));
        }
        assert!(advice("DROP INDEX orders.a").is_some());
    }

    #[test]
    fn concurrently_is_the_only_statement_and_outside_of_a_transaction() {
        let index = "-- why\nCREATE INDEX CONCURRENTLY a ON orders.orders (tenant_id);\n";
        let outside = Some("run_in_transaction = false\n");
        assert_eq!(found(FOLDER, index, outside), []);
        assert_eq!(found(FOLDER, &format!("{LOCK}{index}"), outside).len(), 1);
        assert_eq!(
            found(FOLDER, "ALTER TABLE orders.orders ADD a int;", outside).len(),
            1
        );
        assert_eq!(found(FOLDER, &format!("{LOCK}{index}"), None).len(), 1);
    }

    #[test]
    fn a_column_comes_with_a_default_or_without_not_null() {
        let add = |column: &str| advice(&format!("ALTER TABLE orders.orders ADD COLUMN {column}"));
        assert_eq!(add("a int"), None);
        assert_eq!(
            add("a int NOT NULL DEFAULT 0, ADD COLUMN b timestamptz DEFAULT now()"),
            None
        );
        assert_eq!(add("a int NOT NULL").as_deref(), Some(NOT_NULL));
        assert_eq!(
            add("a int NOT NULL DEFAULT 0, ADD b int NOT NULL").as_deref(),
            Some(NOT_NULL)
        );
        assert_eq!(
            add("a int CHECK (a IN (1, 2))").as_deref(),
            Some(COLUMN_CONSTRAINT)
        );
        assert_eq!(
            add("a uuid REFERENCES orders.b").as_deref(),
            Some(COLUMN_CONSTRAINT)
        );
        assert_eq!(
            add("a uuid NOT NULL DEFAULT gen_random_uuid()").as_deref(),
            Some(REWRITE)
        );
    }

    #[test]
    fn a_constraint_is_added_not_valid_and_validated_by_itself() {
        let alter = |action: &str| advice(&format!("ALTER TABLE ONLY orders.orders {action}"));
        assert_eq!(alter("ADD CONSTRAINT a CHECK (b > 0) NOT VALID"), None);
        assert_eq!(alter("ADD CONSTRAINT a UNIQUE USING INDEX b"), None);
        assert_eq!(alter("VALIDATE CONSTRAINT a"), None);
        for added in [
            "ADD CONSTRAINT a CHECK (b > 0)",
            "ADD FOREIGN KEY (b) REFERENCES c",
            "ADD UNIQUE (b)",
        ] {
            assert_eq!(alter(added).as_deref(), Some(CONSTRAINT), "{added}");
        }
        let both = "ADD CONSTRAINT a CHECK (b > 0) NOT VALID, ADD CONSTRAINT c CHECK (d > 0)";
        assert_eq!(alter(both).as_deref(), Some(CONSTRAINT));
        let widened = "DROP CONSTRAINT a; ALTER TABLE orders.orders ADD CONSTRAINT a CHECK (b IN (1, 2)) NOT VALID";
        assert_eq!(alter(widened), None);
        let together = "ADD a int; ALTER TABLE orders.orders VALIDATE CONSTRAINT b";
        assert_eq!(alter(together).as_deref(), Some(VALIDATE));
    }

    #[test]
    fn what_the_version_that_serves_may_use_stays() {
        let alter = |action: &str| advice(&format!("ALTER TABLE orders.orders {action}"));
        assert_eq!(alter("RENAME COLUMN a TO b").as_deref(), Some(RENAME));
        assert_eq!(alter("DROP COLUMN a").as_deref(), Some(DROP));
        assert_eq!(alter("ALTER COLUMN a TYPE bigint").as_deref(), Some(TYPE));
        assert_eq!(
            alter("ALTER COLUMN a SET NOT NULL").as_deref(),
            Some(SET_NOT_NULL)
        );
        assert_eq!(alter("ALTER COLUMN a DROP NOT NULL"), None);
        assert_eq!(alter("ALTER COLUMN a SET DEFAULT 1"), None);
        assert_eq!(advice("DROP TABLE orders.lines").as_deref(), Some(DROP));
        assert_eq!(
            advice("UPDATE orders.orders SET a = 1").as_deref(),
            Some(BACKFILL)
        );
        assert_eq!(
            advice("DELETE FROM orders.orders").as_deref(),
            Some(BACKFILL)
        );
        assert!(advice("DO $$ BEGIN END $$").is_some());
    }

    #[test]
    fn a_reason_above_a_statement_lets_it_pass() {
        let drop = "DROP TABLE orders.lines";
        assert_eq!(
            advice(&format!("-- online: nothing reads it since 1.4\n{drop}")),
            None
        );
        assert!(advice(&format!("-- online:\n{drop}")).is_some());
        assert!(advice(&format!("-- nothing reads it since 1.4\n{drop}")).is_some());
    }
}
