//! The database privileges that the serving role needs, and no others. `oms-api grants` prints them, and the server
//! checks them at start.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::bail;
use oms_database::{Connection, DbError, Grant, Privilege, held_privileges, missing_privileges};

use crate::parts::PARTS;

/// The privileges, crate by crate.
fn grants() -> impl Iterator<Item = &'static Grant> {
    PARTS.iter().flat_map(|part| part.grants)
}

/// The schemas of their tables, without `public`, which is shared.
fn schemas() -> BTreeSet<&'static str> {
    let all = grants().filter_map(|grant| Some(grant.table.split_once('.')?.0));
    all.filter(|schema| *schema != "public").collect()
}

/// The statements that grant a role these privileges, and revoke all others on the tables and schemas.
pub(crate) fn statements(role: &str) -> String {
    let role = format!("\"{}\"", role.replace('"', "\"\""));
    let schemas = schemas().into_iter().collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "BEGIN;
REVOKE ALL ON ALL TABLES IN SCHEMA {schemas} FROM {role};
REVOKE ALL ON public.__diesel_schema_migrations FROM {role};
REVOKE ALL ON SCHEMA public, {schemas} FROM {role};
GRANT USAGE ON SCHEMA public, {schemas} TO {role};
"
    );
    for Grant {
        table,
        actions,
        updatable,
    } in grants()
    {
        let mut actions = actions.join(", ");
        if !updatable.is_empty() {
            write!(actions, ", UPDATE ({})", updatable.join(", "))
                .expect("writing to a string can't fail");
        }
        writeln!(text, "GRANT {actions} ON {table} TO {role};")
            .expect("writing to a string can't fail");
    }
    text.push_str("COMMIT;\n");
    text
}

fn needed() -> Vec<Privilege> {
    let of_table = |grant: &'static Grant| {
        let table = grant.table;
        let whole = grant.actions.iter().map(move |action| Privilege {
            table,
            action,
            column: None,
        });
        let columns = grant.updatable.iter().map(move |column| Privilege {
            table,
            action: "UPDATE",
            column: Some(column),
        });
        whole.chain(columns)
    };
    grants().flat_map(of_table).collect()
}

/// Fails when the connection's role lacks a privilege.
pub(crate) async fn check(connection: &mut Connection) -> anyhow::Result<()> {
    let missing = missing_privileges(connection, &needed()).await?;
    if !missing.is_empty() {
        bail!(
            "the role of DATABASE_URL lacks privileges: {}; `oms-api grants ROLE` prints the statements that the owner must run",
            missing.join(", ")
        );
    }
    Ok(())
}

/// The privileges to change a table's rows.
const ACTIONS: [&str; 4] = ["INSERT", "UPDATE", "DELETE", "TRUNCATE"];

/// Returns the privileges on whole tables that no part of oms needs.
fn needless() -> Vec<Privilege> {
    let of_table = |grant: &'static Grant| {
        let needless = ACTIONS.iter().filter(|it| !grant.actions.contains(it));
        needless.map(|action| Privilege {
            table: grant.table,
            action,
            column: None,
        })
    };
    grants().flat_map(of_table).collect()
}

/// Returns the privileges of the connection's role that oms never needs, such as deleting history.
pub(crate) async fn more_than_needed(connection: &mut Connection) -> Result<Vec<String>, DbError> {
    held_privileges(connection, &needless()).await
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn a_role_is_quoted() {
        let text = statements("o\"ms; DROP");
        assert!(text.contains("TO \"o\"\"ms; DROP\";"), "{text}");
    }

    #[test]
    fn append_only_tables_can_only_be_appended_to() {
        let text = statements("oms");
        for table in [
            "orders.events",
            "orders.lines",
            "orders.retries",
            "orders.settlements",
            "inventory.stock_movements",
            "payments.gateway_calls",
        ] {
            let line = format!("GRANT SELECT, INSERT ON {table} TO \"oms\";");
            assert!(text.contains(&line), "{table}");
        }
        for never in ["TRUNCATE", "REFERENCES", "TRIGGER", "OPTION", "CREATE"] {
            assert!(!text.contains(never), "{never}");
        }
    }

    #[test]
    fn every_schema_of_the_migrations_is_granted() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
        let migrations = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let texts: Vec<String> = migrations
            .filter_map(|migration| fs::read_to_string(migration.join("up.sql")).ok())
            .collect();
        let created: BTreeSet<&str> = texts
            .iter()
            .flat_map(|text| text.lines())
            .filter_map(|line| line.strip_prefix("CREATE SCHEMA ")?.strip_suffix(';'))
            .collect();
        assert_eq!(schemas(), created);
    }

    /// The rights of a row of the page about the serving role, as it words them, and its tables.
    fn row_of_page(line: &str) -> Option<(&'static str, Vec<&str>)> {
        let mut cells = line.strip_prefix("| `")?.split('|');
        let (tables, words) = (cells.next()?, cells.next()?.trim());
        let kinds = [
            ("read and insert: rows are never changed", "SELECT, INSERT"),
            (
                "read, insert, and update ",
                "SELECT, INSERT, UPDATE of columns",
            ),
            ("read, insert, update", "SELECT, INSERT, UPDATE"),
            ("read, insert and delete", "SELECT, INSERT, DELETE"),
            ("the same, and delete", "SELECT, INSERT, UPDATE, DELETE"),
            ("read, and update ", "SELECT, UPDATE of columns"),
            ("read", "SELECT"),
        ];
        let kind = kinds.iter().find(|(start, _)| words.starts_with(start));
        let (_, rights) = kind.unwrap_or_else(|| panic!("unknown rights: {words}"));
        let tables = tables.split(',').map(|it| it.trim().trim_matches('`'));
        Some((rights, tables.collect()))
    }

    #[test]
    fn the_page_about_the_serving_role_lists_the_rights_on_every_table() {
        let page = include_str!("../../../docs/operating/database-role.md");
        let rows = page.lines().filter_map(row_of_page);
        let told: BTreeSet<(&str, String)> = rows
            .flat_map(|(rights, tables)| tables.into_iter().map(move |it| (it, rights.to_owned())))
            .collect();
        let granted = grants().map(|grant| {
            let mut rights = grant.actions.join(", ");
            if !grant.updatable.is_empty() {
                rights.push_str(", UPDATE of columns");
            }
            (grant.table, rights)
        });
        let granted: BTreeSet<(&str, String)> = granted.collect();
        let wrong: Vec<_> = told.symmetric_difference(&granted).collect();
        assert!(
            wrong.is_empty(),
            "docs/operating/database-role.md: {wrong:#?}"
        );
    }

    /// Compares with the statements of the stores, as far as the privileges can be seen from their text.
    #[test]
    fn every_statement_of_the_stores_is_allowed() {
        let mut used = BTreeSet::new();
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates");
        collect(&crates, &mut used);
        assert!(used.len() > 60, "{}", used.len());
        let allowed: BTreeSet<(String, &str)> = needed()
            .into_iter()
            .map(|it| (it.table.to_owned(), it.action))
            .collect();
        // Done by the owner.
        let of_owner = ("access.api_keys".to_owned(), "INSERT");
        let missing: Vec<_> = used.difference(&allowed).collect();
        assert_eq!(missing, [&of_owner]);
    }

    fn collect(folder: &Path, used: &mut BTreeSet<(String, &'static str)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "tests" && name != "testing" {
                collect(&path, used);
            } else if name.ends_with(".rs") && name != "tests.rs" {
                let text = fs::read_to_string(&path).unwrap();
                of_text(text.split("#[cfg(test)]").next().unwrap(), used);
            }
        }
    }

    fn of_text(text: &str, used: &mut BTreeSet<(String, &'static str)>) {
        let words: Vec<&str> = text.split_whitespace().chain([""; 3]).collect();
        for (index, four) in words.windows(4).enumerate() {
            match four {
                ["INSERT" | "\"INSERT", "INTO", table, _] => note(table, "INSERT", used),
                ["DELETE" | "\"DELETE", "FROM", table, _] => note(table, "DELETE", used),
                ["UPDATE" | "\"UPDATE", table, ..] => note(table, "UPDATE", used),
                ["FROM" | "JOIN", table, ..] => note(table, "SELECT", used),
                ["FOR", "UPDATE" | "SHARE", ..] | ["FOR", "NO" | "KEY", "KEY" | "SHARE", _] => {
                    for table in locked(&words[..index]) {
                        note(table, "UPDATE", used);
                    }
                }
                _ => {}
            }
            if let Some(macro_of) = four.iter().position(|it| it.ends_with("claim_sql!("))
                && let Some(table) = four.get(macro_of + 1)
            {
                note(table, "UPDATE", used);
            }
        }
    }

    /// The tables of the query that ends with these words. Locking a row needs the privilege to update its table.
    fn locked<'a>(words: &[&'a str]) -> Vec<&'a str> {
        let (mut depth, mut tables) = (0_i32, Vec::new());
        for (index, word) in words.iter().enumerate().rev() {
            let is_at_query = depth == 0 && word.ends_with("SELECT");
            if depth == 0 && matches!(*word, "FROM" | "JOIN") {
                tables.extend(words.get(index + 1));
            }
            for character in word.chars().rev() {
                match character {
                    ')' => depth += 1,
                    '(' => depth -= 1,
                    _ => {}
                }
            }
            if depth < 0 || is_at_query {
                break;
            }
        }
        tables
    }

    fn note(table: &str, action: &'static str, used: &mut BTreeSet<(String, &'static str)>) {
        let table = table.trim_matches(|c: char| !c.is_alphanumeric() && c != '_');
        let schema = table.split_once('.').map(|(schema, _)| schema);
        if schema.is_some_and(|schema| schemas().contains(schema)) {
            used.insert((table.to_owned(), action));
        }
    }

    #[test]
    fn locking_a_row_needs_the_privilege_to_update() {
        for (text, expected) in [
            (
                "\"SELECT id FROM orders.lines WHERE a = 1 FOR UPDATE OF o SKIP",
                "orders.lines",
            ),
            (
                "(SELECT FROM orders.lines l WHERE EXISTS (SELECT FROM orders.events) FOR NO KEY UPDATE)",
                "orders.lines",
            ),
            (
                "SELECT a FROM (SELECT b FROM orders.events) x JOIN orders.lines USING (a) FOR SHARE OF x",
                "orders.lines",
            ),
            ("claim_sql!( \"orders.lines\", key (\"id\")", "orders.lines"),
        ] {
            let mut used = BTreeSet::new();
            of_text(text, &mut used);
            used.retain(|(_, action)| *action == "UPDATE");
            let expected = BTreeSet::from([(expected.to_owned(), "UPDATE")]);
            assert_eq!(used, expected, "{text}");
        }
    }
}
