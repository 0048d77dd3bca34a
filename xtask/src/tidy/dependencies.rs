//! Which crate of the workspace may depend on which: the table, and two checks against it.
//!
//! The manifests may hold no other edge, and `deny.toml`, which cargo-deny enforces, may allow no other. Only here
//! are normal and dev-dependencies told apart.

use std::collections::BTreeSet;

use super::TextFile;
use super::findings::Finding;
use crate::cargo_deny;
use crate::workspace::{Dependency, Package, Workspace};

/// One crate's row.
struct Row {
    name: &'static str,
    /// What it may depend on to run and to build.
    depends: &'static [&'static str],
    /// What its tests may use besides.
    tests: &'static [&'static str],
}

const fn row(
    name: &'static str,
    depends: &'static [&'static str],
    tests: &'static [&'static str],
) -> Row {
    Row {
        name,
        depends,
        tests,
    }
}

/// The table of ARCHITECTURE.md.
const TABLE: [Row; 19] = [
    row("oms-errors", &[], &[]),
    row("oms-batching", &[], &[]),
    row("oms-circuit-breaker", &[], &[]),
    row("oms-monitoring", &[], &[]),
    row("oms-failpoints", &[], &[]),
    row("oms-validation", &["oms-errors"], &[]),
    row("oms-web", &["oms-errors", "oms-validation"], &[]),
    row("oms-database", &["oms-errors"], &[TESTING]),
    row("oms-work", &["oms-validation", "oms-database"], &[]),
    row(
        "oms-geocoding",
        &["oms-errors", "oms-circuit-breaker", "oms-database"],
        &[TESTING],
    ),
    row("oms-access", &["oms-errors", "oms-database"], &[TESTING]),
    row(
        "oms-inventory",
        &["oms-errors", "oms-validation", "oms-web", "oms-database"],
        &[TESTING],
    ),
    row(
        "oms-payments",
        &[
            "oms-errors",
            "oms-validation",
            "oms-web",
            "oms-database",
            "oms-batching",
            "oms-circuit-breaker",
            "oms-failpoints",
            "oms-work",
        ],
        &[TESTING],
    ),
    row(
        "oms-orders",
        &[
            "oms-inventory",
            "oms-payments",
            "oms-geocoding",
            "oms-errors",
            "oms-validation",
            "oms-web",
            "oms-database",
            "oms-batching",
            "oms-failpoints",
            "oms-work",
        ],
        &[TESTING],
    ),
    row(
        "oms-api",
        &[
            "oms-orders",
            "oms-inventory",
            "oms-payments",
            "oms-geocoding",
            "oms-access",
            "oms-errors",
            "oms-validation",
            "oms-web",
            "oms-database",
            "oms-circuit-breaker",
            "oms-monitoring",
            "oms-failpoints",
            "oms-work",
        ],
        &[TESTING],
    ),
    row(
        TESTING,
        &["oms-validation", "oms-database", "oms-payments"],
        &[],
    ),
    row("oms-bench", &[], &[]),
    row("payment-sandbox", &[], &[]),
    row("xtask", &[], &[]),
];

const TESTING: &str = "oms-testing";
const RULE: &str = "dependency-table";
const DENY_FILE: &str = "deny.toml";
const TABLE_FILE: &str = "xtask/src/tidy/dependencies.rs";

/// Checks the manifests and `deny.toml` against the table.
pub(super) fn check(workspace: &Workspace, files: &[TextFile]) -> Vec<Finding> {
    let text_of = |path: &str| {
        files
            .iter()
            .find(|file| file.path == path)
            .map_or("", |file| file.text.as_str())
    };
    let mut findings: Vec<Finding> = Vec::new();
    for package in &workspace.packages {
        let path = workspace.relative(&package.manifest_path);
        findings.extend(check_manifest(package, &path, text_of(&path)));
    }
    findings.extend(check_deny(text_of(DENY_FILE)));
    findings
}

fn check_manifest(package: &Package, path: &str, text: &str) -> Vec<Finding> {
    let Some(row) = TABLE.iter().find(|row| row.name == package.name) else {
        let advice = format!(
            "give {} a row in {TABLE_FILE}, {DENY_FILE} and ARCHITECTURE.md",
            package.name
        );
        return vec![Finding::error(path, 1, RULE, advice)];
    };
    let within = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.path.is_some());
    within
        .filter_map(|dependency| {
            Some(finding(
                row,
                dependency,
                path,
                text,
                refusal(row, dependency)?,
            ))
        })
        .collect()
}

fn refusal(row: &Row, dependency: &Dependency) -> Option<String> {
    let name = dependency.name.as_str();
    if dependency.kind.as_deref() == Some("dev") {
        let allowed = row.depends.contains(&name) || row.tests.contains(&name);
        return (!allowed).then(|| format!("the tests of {} may not use {name}", row.name));
    }
    if name == TESTING {
        return Some(format!(
            "{name} is for tests: move it to [dev-dependencies]"
        ));
    }
    (!row.depends.contains(&name)).then(|| {
        format!("{} may not depend on {name}: remove it, or change the table in ARCHITECTURE.md, {DENY_FILE} and here", row.name)
    })
}

fn finding(row: &Row, dependency: &Dependency, path: &str, text: &str, advice: String) -> Finding {
    let starts = |line: &str| {
        line.trim_start().starts_with(&dependency.name)
            && !line.contains(&format!("\"{}\"", row.name))
    };
    let line = text.lines().position(starts).map_or(1, |index| index + 1);
    Finding::error(path, line, RULE, advice)
}

/// `deny.toml` lists, for each crate, who uses it: the table read the other way round. It may say less than the table,
/// because it lists the edges that exist, but a crate without wrappers would be open to everybody.
fn check_deny(text: &str) -> Vec<Finding> {
    let bans = match cargo_deny::bans(text) {
        Ok(bans) => bans,
        Err(error) => {
            return vec![Finding::error(
                DENY_FILE,
                1,
                RULE,
                format!("it cannot be read: {error:#}"),
            )];
        }
    };
    let line_of = |name: &str| {
        let entry = format!("crate = \"{name}\"");
        text.lines()
            .position(|line| line.contains(&entry))
            .map_or(1, |index| index + 1)
    };
    let error = |name: &str, advice: String| Finding::error(DENY_FILE, line_of(name), RULE, advice);
    let mut findings = Vec::new();
    for ban in bans
        .iter()
        .filter(|ban| !ban.reason.contains("ARCHITECTURE.md"))
    {
        findings.push(error(
            &ban.name,
            format!(
                "{}: say why, and name ARCHITECTURE.md in the reason",
                ban.name
            ),
        ));
    }
    for Row { name, .. } in TABLE {
        let users: BTreeSet<&str> = users_of(name).collect();
        let listed = bans.iter().find(|ban| ban.name == name);
        let wrappers = listed.map(|ban| &ban.wrappers);
        let is_open = !users.is_empty() && wrappers.is_none_or(BTreeSet::is_empty);
        let is_wide = wrappers
            .is_some_and(|wrappers| wrappers.iter().any(|user| !users.contains(user.as_str())));
        if is_open || is_wide {
            let listing = users.into_iter().collect::<Vec<_>>().join(", ");
            findings.push(error(
                name,
                format!("{name} needs wrappers, and only among those of the table: {listing}"),
            ));
        }
    }
    findings
}

fn users_of(name: &str) -> impl Iterator<Item = &'static str> {
    let uses = move |row: &&Row| row.depends.contains(&name) || row.tests.contains(&name);
    TABLE.iter().filter(uses).map(|row| row.name)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        let dependency = |(name, kind): &(&str, Option<&str>)| Dependency {
            name: (*name).to_owned(),
            rename: None,
            kind: kind.map(str::to_owned),
            path: Some(PathBuf::from("crates")),
        };
        Package {
            name: name.to_owned(),
            manifest_path: PathBuf::from("Cargo.toml"),
            dependencies: dependencies.iter().map(dependency).collect(),
        }
    }

    fn advice(package: &Package) -> Vec<String> {
        check_manifest(package, "Cargo.toml", "")
            .into_iter()
            .map(|finding| finding.advice)
            .collect()
    }

    #[test]
    fn edges_of_the_table_pass() {
        let edges = [
            ("oms-errors", None),
            ("oms-database", Some("build")),
            (TESTING, Some("dev")),
        ];
        assert!(advice(&package("oms-inventory", &edges)).is_empty());
    }

    #[test]
    fn an_edge_outside_the_table_is_found_in_every_kind_of_dependency() {
        for kind in [None, Some("build"), Some("dev")] {
            let found = advice(&package("oms-inventory", &[("oms-payments", kind)]));
            assert_eq!(found.len(), 1);
            assert!(found[0].contains("oms-payments"), "{found:?}");
        }
    }

    #[test]
    fn the_testing_crate_is_for_tests_only() {
        let found = advice(&package("oms-orders", &[(TESTING, None)]));
        assert!(found[0].contains("[dev-dependencies]"), "{found:?}");
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        assert!(advice(&package("oms-returns", &[]))[0].contains("give oms-returns a row"));
    }

    #[test]
    fn a_finding_names_the_line() {
        let text = "[dependencies]\noms-errors.workspace = true\noms-payments.workspace = true\n";
        let package = package("oms-inventory", &[("oms-payments", None)]);
        assert_eq!(
            check_manifest(&package, "crates/inventory/Cargo.toml", text)[0].line,
            3
        );
    }

    #[test]
    fn every_edge_points_to_a_row_and_never_in_a_circle() {
        let mut known: Vec<&str> = Vec::new();
        // Rows come after what they depend on, apart from the testing crate, which only tests use.
        for row in TABLE {
            assert!(
                row.depends.iter().all(|name| known.contains(name)),
                "{}",
                row.name
            );
            known.push(row.name);
        }
        assert!(
            TABLE
                .iter()
                .flat_map(|row| row.tests)
                .all(|name| known.contains(name))
        );
    }

    #[test]
    fn deny_toml_allows_nothing_that_the_table_does_not() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .unwrap()
            .join(DENY_FILE);
        let findings: Vec<String> = check_deny(&fs::read_to_string(path).unwrap())
            .iter()
            .map(Finding::to_string)
            .collect();
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }

    #[test]
    fn a_deny_toml_that_allows_more_is_found() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .unwrap()
            .join(DENY_FILE);
        let text = fs::read_to_string(path).unwrap();
        let wider = text.replacen(
            "wrappers = [\"oms-api\"]",
            "wrappers = [\"oms-api\", \"xtask\"]",
            1,
        );
        assert_ne!(wider, text);
        assert_eq!(check_deny(&wider).len(), 1);
        let open = text.replacen("{ crate = \"oms-orders\"", "{ crate = \"another\"", 1);
        assert_ne!(open, text);
        assert_eq!(check_deny(&open).len(), 1);
        assert!(check_deny("[bans]\n")[0].advice.contains("cannot be read"));
    }
}
