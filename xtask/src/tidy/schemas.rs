//! Each context owns one database schema, and no other context names its tables.

use std::collections::BTreeSet;

use super::TextFile;
use super::findings::Finding;
use super::rust::{Kind, RustFile};

/// A table with its schema, as the migrations create it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Table {
    schema: String,
    name: String,
}

/// The tables that the migrations create in schemas of crates.
pub(super) fn tables(files: &[TextFile]) -> BTreeSet<Table> {
    let migrations = files
        .iter()
        .filter(|file| file.path.starts_with("migrations/") && file.path.ends_with("/up.sql"));
    let tables = migrations.flat_map(|file| created(&file.text));
    tables
        .filter(|table| has_crate(files, &table.schema))
        .collect()
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
    let foreign: Vec<&Table> = tables.iter().filter(|table| table.schema != own).collect();
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
        .map(|(line, table)| finding(file.path, line, table))
        .collect()
}

fn finding(path: &str, line: usize, table: &Table) -> Finding {
    let Table { schema, name } = table;
    let advice =
        format!("`{schema}.{name}` belongs to {schema}: call a function of oms-{schema} instead");
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
        assert_eq!(names, ["inventory.stock", "orders.events"]);
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
