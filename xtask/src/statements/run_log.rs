//! The statements that the test processes logged.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// All statements that the tests ran.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) statements: Vec<Ran>,
}

/// A statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ran {
    pub(super) text: String,
    /// One of the places that run the statement.
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) sites: BTreeSet<(String, u32)>,
    /// The SQL types of the parameters.
    pub(super) types: Vec<String>,
}

/// Reads all log files of a folder.
pub(super) fn read(folder: &Path) -> Result<Run> {
    let mut lines = BTreeSet::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        lines.extend(text.lines().map(str::to_owned));
    }
    let run = collect(lines.iter().map(String::as_str));
    ensure!(
        !run.statements.is_empty(),
        "the tests logged no statement in {}",
        folder.display()
    );
    Ok(run)
}

/// The places that run a text, and the types of its parameters.
#[derive(Default)]
struct Noted {
    sites: BTreeSet<(String, u32)>,
    types: Vec<String>,
}

/// Collects the statements of the program, without those of the tests.
fn collect<'a>(lines: impl Iterator<Item = &'a str>) -> Run {
    let mut statements: BTreeMap<String, Noted> = BTreeMap::new();
    for line in lines {
        let mut parts = line.split('\t');
        // The last line of a killed process may be incomplete.
        let (Some(site), Some(text), Some(types)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let Some((file, number)) = site.rsplit_once(':') else {
            continue;
        };
        if !file.contains("/src/") {
            continue;
        }
        let noted = statements.entry(unescaped(text)).or_default();
        noted
            .sites
            .insert((file.to_owned(), number.parse().unwrap_or(0)));
        let types: Vec<String> = types
            .split(' ')
            .filter(|it| !it.is_empty())
            .map(sql_type)
            .collect();
        if types.len() > noted.types.len() {
            noted.types = types;
        }
    }
    let ran = |(text, Noted { sites, types })| {
        let (file, line) = sites.first().cloned().unwrap_or_default();
        Ran {
            text,
            file,
            line,
            sites,
            types,
        }
    };
    Run {
        statements: statements.into_iter().map(ran).collect(),
    }
}

fn unescaped(text: &str) -> String {
    let mut unescaped = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, character == '\\') {
            (_, true) => match characters.next() {
                Some('n') => unescaped.push('\n'),
                Some(other) => unescaped.push(other),
                None => {}
            },
            (character, false) => unescaped.push(character),
        }
    }
    unescaped
}

/// Returns the SQL name of a diesel type.
fn sql_type(name: &str) -> String {
    if let Some((outer, inner)) = name.split_once('<') {
        let inner = sql_type(inner.strip_suffix('>').unwrap_or(inner));
        return match outer.ends_with("Array") {
            true => format!("{inner}[]"),
            false => inner,
        };
    }
    let last = name.rsplit("::").next().unwrap_or(name);
    let known = match last {
        "BigInt" => "bigint",
        "Integer" => "integer",
        "SmallInt" => "smallint",
        "Double" => "double precision",
        "Bool" => "boolean",
        "Binary" => "bytea",
        other => return other.to_lowercase(),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_the_same_statement_are_merged() {
        let lines = [
            "crates/a/src/store/b.rs:7\tSELECT '\\\\',\\n $1\t",
            "crates/a/src/store/b.rs:7\tSELECT '\\\\',\\n $1\tdiesel::sql_types::Nullable<diesel::sql_types::Timestamptz>",
            "crates/a/src/store/c.rs:9\tSELECT '\\\\',\\n $1\t",
            "crates/a/tests/a/main.rs:1\tSELECT 2\t",
            "crates/a/src/store/b.rs:7\tSELECT cut",
        ];
        let run = collect(lines.into_iter());
        assert_eq!(run.statements.len(), 1);
        let statement = &run.statements[0];
        assert_eq!(statement.text, "SELECT '\\',\n $1");
        assert_eq!(statement.types, ["timestamptz"]);
        assert_eq!(statement.sites.len(), 2);
    }

    #[test]
    fn diesel_types_are_named_as_in_sql() {
        for (diesel, sql) in [
            (
                "diesel::sql_types::Array<diesel::sql_types::Nullable<diesel::sql_types::Text>>",
                "text[]",
            ),
            ("diesel::pg::types::sql_types::Uuid", "uuid"),
            ("postgis_diesel::sql_types::Geography", "geography"),
            ("diesel::sql_types::BigInt", "bigint"),
            ("diesel::sql_types::Jsonb", "jsonb"),
        ] {
            assert_eq!(sql_type(diesel), sql);
        }
    }
}
