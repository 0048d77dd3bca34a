//! A rule for database schemas: each context owns one schema, and no other context names its tables. Some schemas are
//! shared: every crate may read them, but only the owning crate writes.

use std::collections::BTreeSet;

use super::TextFile;
use super::findings::Finding;
use super::rust::{Kind, RustFile};

/// The schemas that statements of all crates may read, each with the crate that writes its tables.
const SHARED: [(&str, &str); 2] = [
    ("installation", "crates/shared/database/"),
    ("tenancy", "crates/shared/database/"),
];

/// The text before the name of a table that a statement writes.
const WRITES: [&str; 3] = ["insert into ", "update ", "delete from "];

/// A table with its schema, as the migrations create it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Table {
    schema: String,
    name: String,
}

/// The tables that the migrations create.
pub(super) fn tables(files: &[TextFile]) -> BTreeSet<Table> {
    let migrations = files
        .iter()
        .filter(|file| file.path.starts_with("migrations/") && file.path.ends_with("/up.sql"));
    migrations.flat_map(|file| created(&file.text)).collect()
}

/// Reports schemas without an owner.
pub(super) fn check_owners(files: &[TextFile], tables: &BTreeSet<Table>) -> Vec<Finding> {
    let schemas: BTreeSet<&str> = tables.iter().map(|it| it.schema.as_str()).collect();
    let is_owned = |schema: &&str| has_crate(files, schema) || writer_of(schema).is_some();
    let finding = |schema| {
        let advice = format!(
            "the schema {schema} has neither a crate of its name nor a row in SHARED of xtask/src/tidy/schemas.rs"
        );
        Finding::error("migrations", 1, "own-schema-only", advice)
    };
    let ownerless = schemas.into_iter().filter(|schema| !is_owned(schema));
    ownerless.map(finding).collect()
}

/// Returns the crate that writes the tables of a shared schema.
fn writer_of(schema: &str) -> Option<&'static str> {
    let mut shared = SHARED.iter();
    let row = shared.find(|(shared, _)| *shared == schema);
    row.map(|(_, writer)| *writer)
}

fn has_crate(files: &[TextFile], schema: &str) -> bool {
    let folders = [
        format!("crates/{schema}/"),
        format!("crates/shared/{schema}/"),
    ];
    let is_inside = |file: &TextFile| folders.iter().any(|it| file.path.starts_with(it));
    files.iter().any(is_inside)
}

/// Finds places in a context's code that name another context's table, in SQL text or in diesel's `table!`.
pub(super) fn check(file: &RustFile<'_>, tables: &BTreeSet<Table>) -> Vec<Finding> {
    let Some(own) = file.context() else {
        return Vec::new();
    };
    let may_read = |table: &&Table| table.schema == own || writer_of(&table.schema).is_some();
    let foreign: Vec<&Table> = tables.iter().filter(|table| !may_read(table)).collect();
    let read_only = tables
        .iter()
        .filter(|table| writer_of(&table.schema).is_some());
    let written = read_only.flat_map(|table| {
        let texts = file.tokens.iter().filter(|token| token.kind == Kind::Text);
        let written = texts.filter(|token| is_written(token.text, table));
        written.map(move |token| (token.line, table))
    });
    let in_text = file
        .tokens
        .iter()
        .filter(|token| token.kind == Kind::Text)
        .flat_map(|token| {
            let named = foreign
                .iter()
                .filter_map(|table| Some((table, position_of(token.text, table)?)));
            named.map(|(table, position)| {
                (
                    token.line + token.text[..position].matches('\n').count(),
                    *table,
                )
            })
        });
    let in_code = file.tokens.windows(3).filter_map(|three| {
        let named = |table: &&&Table| {
            three[0].text == table.schema && three[1].text == "." && three[2].text == table.name
        };
        foreign
            .iter()
            .find(named)
            .map(|table| (three[0].line, *table))
    });
    in_text
        .chain(in_code)
        .chain(written)
        .map(|(line, table)| finding(file.path, line, table))
        .collect()
}

fn finding(path: &str, line: usize, table: &Table) -> Finding {
    let Table { schema, name } = table;
    let advice = match writer_of(schema) {
        None => format!(
            "`{schema}.{name}` belongs to {schema}: call a function of oms-{schema} instead"
        ),
        Some(writer) => {
            format!(
                "`{schema}.{name}` may be written only by {writer}: call a function of that crate instead"
            )
        }
    };
    Finding::error(path, line, "own-schema-only", advice)
}

/// The schema-qualified names after `CREATE TABLE`.
fn created(sql: &str) -> Vec<Table> {
    let lower = sql.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| c.is_whitespace() || "(;".contains(c))
        .filter(|word| !word.is_empty())
        .collect();
    let after_create = words
        .windows(2)
        .enumerate()
        .filter(|(_, two)| two[0].starts_with("create") && two[1] == "table");
    let names = after_create.filter_map(|(index, _)| {
        words[index + 2..]
            .iter()
            .find(|word| !["if", "not", "exists"].contains(*word))
    });
    names.filter_map(|name| table(name)).collect()
}

fn table(qualified: &str) -> Option<Table> {
    let (schema, name) = qualified.split_once('.')?;
    Some(Table {
        schema: schema.to_owned(),
        name: name.to_owned(),
    })
}

/// Returns whether a text has a statement that changes rows of the table.
fn is_written(text: &str, table: &Table) -> bool {
    let lower = text.to_lowercase();
    let name = format!("{}.{}", table.schema, table.name);
    WRITES
        .iter()
        .any(|write| lower.contains(&format!("{write}{name}")))
}

/// The position of the table's name as a whole word in a text.
fn position_of(text: &str, table: &Table) -> Option<usize> {
    let needle = format!("{}.{}", table.schema, table.name);
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.');
    let positions = text.match_indices(&needle).map(|(position, _)| position);
    positions.into_iter().find(|position| {
        let before = text[..*position].chars().next_back();
        // A column may follow: `inventory.stock.on_hand`.
        let after = text[position + needle.len()..]
            .chars()
            .next()
            .filter(|c| *c != '.');
        !is_part(before) && !is_part(after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> BTreeSet<Table> {
        let file = |path: &str, text: &str| TextFile {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let sql = "CREATE SCHEMA inventory;\nCREATE TABLE inventory.stock (a int);\n\
                   create table if not exists orders.events(b int);\nCREATE TABLE plain (c int);\n\
                   CREATE TABLE installation.identity (d int);";
        tables(&[
            file("crates/inventory/src/lib.rs", ""),
            file("crates/orders/src/lib.rs", ""),
            file("migrations/20250101000000_inventory_stock/up.sql", sql),
        ])
    }

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&RustFile::read(path, text), &known())
            .iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn tables_are_read_from_the_migrations() {
        let names: Vec<String> = known()
            .iter()
            .map(|table| format!("{}.{}", table.schema, table.name))
            .collect();
        assert_eq!(
            names,
            ["installation.identity", "inventory.stock", "orders.events"]
        );
    }

    #[test]
    fn every_crate_may_read_a_shared_table_but_only_its_owner_may_write_it() {
        let (read, written) = (
            "const SQL: &str = \"SELECT 1 FROM installation.identity\";\n",
            "const SQL: &str = \"SELECT 1\";\nconst B: &str = \"UPDATE installation.identity SET d = 1\";\n",
        );
        assert!(lines("crates/orders/src/store/orders.rs", read).is_empty());
        assert_eq!(lines("crates/orders/src/store/orders.rs", written), [2]);
        assert!(lines("crates/shared/database/src/installation.rs", written).is_empty());
    }

    #[test]
    fn a_schema_that_neither_belongs_to_a_crate_nor_is_shared_is_reported() {
        let file = |path: &str, text: &str| TextFile {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let sql = "CREATE TABLE tenancy.tenants (a int); CREATE TABLE orders.orders (a int); CREATE TABLE stray.t (a int);";
        let files = [
            file("crates/orders/src/lib.rs", ""),
            file("migrations/20250101000000_all/up.sql", sql),
        ];
        let found = check_owners(&files, &tables(&files));
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn a_context_may_name_its_own_tables() {
        let text = "const SQL: &str = \"SELECT 1 FROM inventory.stock\";\n";
        assert!(lines("crates/inventory/src/store/stock.rs", text).is_empty());
    }

    #[test]
    fn a_context_may_not_name_the_tables_of_another() {
        let text = "const SQL: &str = \"\n SELECT s.a\n FROM inventory.stock s\";\ntable! { inventory.stock (a) { a -> Int4, } }\n";
        assert_eq!(lines("crates/orders/src/store/orders.rs", text), [3, 4]);
    }

    #[test]
    fn codes_and_longer_names_are_not_tables() {
        let text = "const A: &str = \"inventory.stock_too_low\"; // inventory.stock\nconst B: &str = \"my_inventory.stock\";\n";
        assert!(lines("crates/orders/src/error.rs", text).is_empty());
    }
}
