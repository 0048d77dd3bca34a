//! The sections that are generated from the table: the bans of `deny.toml` and the table of ARCHITECTURE.md.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};

use super::{Edges, RULE, TABLE_FILE, text_of};
use crate::tidy::TextFile;
use crate::tidy::findings::Finding;
use crate::workspace::{Package, Workspace};

/// The marker lines around a generated section, in a comment of the file's own syntax.
const BEGIN: &str = "edges: written by `cargo xtask tidy --write`";
const END: &str = "end of edges";

/// A generated section of a file.
struct Section {
    path: &'static str,
    text: String,
}

/// Finds sections that differ from the generated text.
pub(super) fn check(edges: &Edges, workspace: &Workspace, files: &[TextFile]) -> Vec<Finding> {
    let mut findings = without_a_reason(edges, workspace);
    let sections = sections(edges, workspace).into_iter();
    findings.extend(sections.filter_map(|section| differs(&section, text_of(files, section.path))));
    findings
}

fn without_a_reason(edges: &Edges, workspace: &Workspace) -> Vec<Finding> {
    let silent = edges.crates.iter().filter(|row| row.reason.is_empty());
    let used = silent.filter(|row| !users(edges, workspace, &row.name).is_empty());
    let advice =
        |name: &str| format!("explain in the `reason` of {name} why no other crate may use it");
    used.map(|row| Finding::error(TABLE_FILE, 1, RULE, advice(&row.name)))
        .collect()
}

fn differs(section: &Section, text: &str) -> Option<Finding> {
    let (before, written, _) = parts(text);
    let line = before.lines().count().max(1);
    let advice = format!("run `cargo xtask tidy --write`: it differs from {TABLE_FILE}");
    (written != Some(&section.text)).then(|| Finding::error(section.path, line, RULE, advice))
}

/// Writes the sections into their files.
pub(in crate::tidy) fn write(workspace: &Workspace, files: &[TextFile]) -> Result<()> {
    let edges = Edges::read(text_of(files, TABLE_FILE)).context(TABLE_FILE)?;
    for Section { path, text } in sections(&edges, workspace) {
        let (before, written, after) = parts(text_of(files, path));
        written.with_context(|| format!("{path} has no lines `{BEGIN}` and `{END}`"))?;
        fs::write(workspace.root.join(path), format!("{before}{text}{after}"))
            .with_context(|| format!("{path} cannot be written"))?;
    }
    Ok(())
}

/// A text up to the first marker line, the section, and the rest.
fn parts(text: &str) -> (&str, Option<&str>, &str) {
    let after_line = |position: usize| text[position..].find('\n').map(|end| position + end + 1);
    let begin = text.find(BEGIN).and_then(after_line);
    let end = text
        .find(END)
        .and_then(|position| Some(text[..position].rfind('\n')? + 1));
    match (begin, end) {
        (Some(begin), Some(end)) if begin <= end => {
            (&text[..begin], Some(&text[begin..end]), &text[end..])
        }
        _ => ("", None, text),
    }
}

fn sections(edges: &Edges, workspace: &Workspace) -> [Section; 2] {
    [
        Section {
            path: "deny.toml",
            text: bans(edges, workspace),
        },
        Section {
            path: "ARCHITECTURE.md",
            text: table(edges, workspace),
        },
    ]
}

/// The inverted table: for each crate and each fenced library, the crates that use it and may.
fn bans(edges: &Edges, workspace: &Workspace) -> String {
    let mut text =
        "    # The edges between our crates, read from the used crate to its users.\n".to_owned();
    for row in &edges.crates {
        let users = users(edges, workspace, &row.name);
        if !users.is_empty() {
            text += &ban(&row.name, &users, &row.reason);
        }
    }
    text += "\n    # Fences around libraries.\n";
    for fence in &edges.fences {
        let mut users = users(edges, workspace, &fence.library);
        users.extend(fence.libraries.iter().map(String::as_str));
        text += &ban(&fence.library, &users, &fence.reason);
    }
    text
}

fn ban(name: &str, users: &[&str], reason: &str) -> String {
    let users: Vec<String> = users.iter().map(|user| format!("\"{user}\"")).collect();
    let users = users.join(", ");
    format!(
        "    {{ crate = \"{name}\", wrappers = [{users}], reason = \"ARCHITECTURE.md: {reason}\" }},\n"
    )
}

/// The crates of the workspace that depend on this one and may.
fn users<'a>(edges: &Edges, workspace: &'a Workspace, name: &str) -> Vec<&'a str> {
    let uses = |package: &&Package| {
        let path = workspace.relative(&package.manifest_path);
        let mut dependencies = package.dependencies.iter();
        dependencies.any(|it| it.name == name && edges.refusal(package, &path, it).is_none())
    };
    let mut names: Vec<&str> = workspace
        .packages
        .iter()
        .filter(uses)
        .map(|package| package.name.as_str())
        .collect();
    names.sort_unstable();
    names
}

/// The table for readers. Crates with the same dependencies share a row.
fn table(edges: &Edges, workspace: &Workspace) -> String {
    let short = |name: &String| match is_library(workspace, name) {
        true => name.trim_start_matches("oms-").to_owned(),
        false => name.clone(),
    };
    let list = |names: &[String]| names.iter().map(short).collect::<Vec<_>>().join(", ");
    let mut text = "| crate | may depend on |\n|---|---|\n".to_owned();
    for same in edges
        .crates
        .chunk_by(|one, other| one.depends == other.depends)
    {
        let names: Vec<String> = same.iter().map(|row| row.name.clone()).collect();
        let mut depends = match same[0].depends.as_slice() {
            [] => "–".to_owned(),
            depends => list(depends),
        };
        if names.iter().all(|name| edges.only_for_tests.contains(name)) {
            depends += "; it is only ever a dev-dependency";
        }
        writeln!(text, "| {} | {depends} |", list(&names)).expect("writing to a string can't fail");
    }
    text
}

fn is_library(workspace: &Workspace, name: &str) -> bool {
    let mut packages = workspace.packages.iter();
    packages.any(|package| {
        package.name == name
            && workspace
                .relative(&package.manifest_path)
                .starts_with("crates/")
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::tests::{edges, package};
    use super::*;

    fn workspace() -> Workspace {
        let at = |folder: &str, package: Package| Package {
            manifest_path: PathBuf::from(format!("/oms/{folder}/Cargo.toml")),
            ..package
        };
        let of_inventory = [
            ("oms-errors", None),
            ("oms-payments", None),
            ("diesel", None),
        ];
        Workspace {
            root: PathBuf::from("/oms"),
            target: PathBuf::from("/oms/target"),
            packages: vec![
                at("crates/shared/errors", package("oms-errors", &[])),
                at(
                    "crates/shared/database",
                    package("oms-database", &[("oms-errors", None)]),
                ),
                at("crates/inventory", package("oms-inventory", &of_inventory)),
                at("crates/payments", package("oms-payments", &[])),
            ],
        }
    }

    #[test]
    fn the_bans_list_the_existing_edges_that_the_table_allows() {
        let text = bans(&edges(), &workspace());
        let errors = "{ crate = \"oms-errors\", wrappers = [\"oms-database\", \"oms-inventory\"], reason = \"ARCHITECTURE.md: a\" },";
        assert!(text.contains(errors), "{text}");
        assert!(
            text.contains("{ crate = \"diesel\", wrappers = [\"oms-inventory\"], "),
            "{text}"
        );
        assert!(!text.contains("crate = \"oms-payments\""), "{text}");
    }

    #[test]
    fn crates_with_the_same_dependencies_share_a_row() {
        let text = table(&edges(), &workspace());
        let rows = "| errors | – |\n| database | errors |\n| inventory | errors, database |\n| payments | – |\n";
        assert!(text.ends_with(rows), "{text}");
    }

    #[test]
    fn a_section_that_differs_is_found() {
        let section = |text: &str| Section {
            path: "deny.toml",
            text: text.to_owned(),
        };
        let file = format!("deny = [\n    # {BEGIN}\n    one\n    # {END}\n]\n");
        assert!(differs(&section("    one\n"), &file).is_none());
        assert_eq!(differs(&section("    two\n"), &file).unwrap().line, 2);
        assert!(differs(&section("    one\n"), "deny = []\n").is_some());
    }
}
