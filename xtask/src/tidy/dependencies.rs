//! The permitted dependencies between crates of the workspace: reads the table `xtask/edges.toml`, checks the manifests
//! against it, and generates the sections that are derived from it.
//!
//! `deny.toml`, which cargo-deny enforces, lists the existing edges that the table allows. Only this module
//! distinguishes normal from dev-dependencies.

mod written;

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::TextFile;
use super::findings::Finding;
use crate::workspace::{Dependency, Package, Workspace};

pub(super) use written::write;

const RULE: &str = "dependency-table";
pub(super) const TABLE_FILE: &str = "xtask/edges.toml";
/// Stands for every crate directly under `crates` in the table.
const CONTEXTS: &str = "crates/*";

/// The table.
#[derive(Deserialize)]
struct Edges {
    crates: Vec<Row>,
    /// Crates that may only be dev-dependencies.
    only_for_tests: BTreeSet<String>,
    fences: Vec<Fence>,
}

/// One crate's row.
#[derive(Deserialize)]
struct Row {
    name: String,
    /// The dependencies that it may have to run and to build.
    depends: Vec<String>,
    /// Additional dependencies that its tests may have.
    #[serde(default)]
    tests: Vec<String>,
    /// Why no other crate may depend on it.
    #[serde(default)]
    reason: String,
}

/// A library that only some crates may depend on.
#[derive(Deserialize)]
struct Fence {
    library: String,
    crates: BTreeSet<String>,
    /// Libraries that depend on the fenced library themselves.
    #[serde(default)]
    libraries: BTreeSet<String>,
    reason: String,
}

impl Edges {
    /// Reads the table. A crate must come after its dependencies, so that the edges form no circle.
    fn read(text: &str) -> Result<Self> {
        let edges: Self = toml::from_str(text).context("this is not a valid table of edges")?;
        let mut known = BTreeSet::new();
        for row in &edges.crates {
            let unknown = row.depends.iter().find(|name| !known.contains(*name));
            ensure!(
                unknown.is_none(),
                "{} must come after {}",
                row.name,
                unknown.map_or("", String::as_str)
            );
            known.insert(&row.name);
        }
        Ok(edges)
    }

    fn row(&self, name: &str) -> Option<&Row> {
        self.crates.iter().find(|row| row.name == name)
    }

    /// Why a package may not have this dependency, or `None` if it may.
    fn refusal(&self, package: &Package, path: &str, dependency: &Dependency) -> Option<String> {
        match dependency.path {
            Some(_) => self.refused_edge(self.row(&package.name)?, dependency),
            None => self.refused_library(package, path, dependency),
        }
    }

    fn refused_edge(&self, row: &Row, dependency: &Dependency) -> Option<String> {
        let (user, name) = (&row.name, &dependency.name);
        let is_allowed = row.depends.contains(name);
        if dependency.kind.as_deref() == Some("dev") {
            let is_allowed = is_allowed || row.tests.contains(name);
            return (!is_allowed).then(|| format!("the tests of {user} may not use {name}"));
        }
        if self.only_for_tests.contains(name) {
            return Some(format!(
                "{name} is for tests: move it to [dev-dependencies]"
            ));
        }
        (!is_allowed).then(|| {
            format!(
                "{user} may not depend on {name}: remove it, or change the table in {TABLE_FILE}"
            )
        })
    }

    fn refused_library(
        &self,
        package: &Package,
        path: &str,
        dependency: &Dependency,
    ) -> Option<String> {
        let mut fences = self.fences.iter();
        let fence = fences.find(|fence| fence.library == dependency.name)?;
        (!fence.allows(&package.name, path)).then(|| {
            format!(
                "{} may not depend on {}: {}",
                package.name, fence.library, fence.reason
            )
        })
    }
}

impl Fence {
    fn allows(&self, package: &str, path: &str) -> bool {
        self.crates.contains(package) || (is_context(path) && self.crates.contains(CONTEXTS))
    }
}

/// Whether a manifest belongs to a context.
fn is_context(path: &str) -> bool {
    path.starts_with("crates/") && !path.starts_with("crates/shared/")
}

/// Checks the manifests against the table, and the generated sections.
pub(super) fn check(workspace: &Workspace, files: &[TextFile]) -> Vec<Finding> {
    let edges = match Edges::read(text_of(files, TABLE_FILE)) {
        Ok(edges) => edges,
        Err(error) => return vec![Finding::error(TABLE_FILE, 1, RULE, format!("{error:#}"))],
    };
    let mut findings: Vec<Finding> = Vec::new();
    for package in &workspace.packages {
        let path = workspace.relative(&package.manifest_path);
        findings.extend(check_manifest(
            &edges,
            package,
            &path,
            text_of(files, &path),
        ));
    }
    findings.extend(written::check(&edges, workspace, files));
    findings
}

fn text_of<'a>(files: &'a [TextFile], path: &str) -> &'a str {
    let file = files.iter().find(|file| file.path == path);
    file.map_or("", |file| file.text.as_str())
}

fn check_manifest(edges: &Edges, package: &Package, path: &str, text: &str) -> Vec<Finding> {
    if edges.row(&package.name).is_none() {
        let advice = format!("give {} a row in {TABLE_FILE}", package.name);
        return vec![Finding::error(path, 1, RULE, advice)];
    }
    let refused = package.dependencies.iter().filter_map(|dependency| {
        let advice = edges.refusal(package, path, dependency)?;
        let starts = |line: &str| {
            line.trim_start().starts_with(&dependency.name)
                && !line.contains(&format!("\"{}\"", package.name))
        };
        let line = text.lines().position(starts).map_or(1, |index| index + 1);
        Some(Finding::error(path, line, RULE, advice))
    });
    refused.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;

    const TABLE: &str = "
        only_for_tests = [\"oms-testing\"]
        crates = [
            { name = \"oms-errors\", depends = [], reason = \"a\" },
            { name = \"oms-database\", depends = [\"oms-errors\"], reason = \"b\" },
            { name = \"oms-inventory\", depends = [\"oms-errors\", \"oms-database\"], tests = [\"oms-testing\"], reason = \"c\" },
            { name = \"oms-payments\", depends = [], reason = \"d\" },
        ]
        fences = [
            { library = \"diesel\", crates = [\"crates/*\", \"oms-database\"], reason = \"SQL lives in the stores\" },
            { library = \"reqwest\", crates = [\"oms-payments\"], reason = \"adapters call\" },
        ]";
    const MANIFEST: &str = "crates/inventory/Cargo.toml";

    pub(super) fn edges() -> Edges {
        Edges::read(TABLE).unwrap()
    }

    pub(super) fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        let dependency = |(name, kind): &(&str, Option<&str>)| Dependency {
            name: (*name).to_owned(),
            rename: None,
            kind: kind.map(str::to_owned),
            path: name.starts_with("oms-").then(|| PathBuf::from("crates")),
        };
        Package {
            name: name.to_owned(),
            manifest_path: PathBuf::from("Cargo.toml"),
            dependencies: dependencies.iter().map(dependency).collect(),
            features: BTreeMap::new(),
        }
    }

    fn advice(path: &str, package: &Package) -> Vec<String> {
        check_manifest(&edges(), package, path, "")
            .into_iter()
            .map(|finding| finding.advice)
            .collect()
    }

    #[test]
    fn edges_of_the_table_pass() {
        let edges = [
            ("oms-errors", None),
            ("oms-database", Some("build")),
            ("oms-testing", Some("dev")),
            ("diesel", None),
            ("serde", None),
        ];
        assert!(advice(MANIFEST, &package("oms-inventory", &edges)).is_empty());
    }

    #[test]
    fn an_edge_outside_the_table_is_found_in_every_kind_of_dependency() {
        for kind in [None, Some("build"), Some("dev")] {
            let found = advice(
                MANIFEST,
                &package("oms-inventory", &[("oms-payments", kind)]),
            );
            assert_eq!(found.len(), 1);
            assert!(found[0].contains("oms-payments"), "{found:?}");
        }
    }

    #[test]
    fn only_crates_of_the_table_may_use_a_fenced_library() {
        let found = advice(MANIFEST, &package("oms-inventory", &[("reqwest", None)]));
        assert!(found[0].contains("adapters call"), "{found:?}");
        let shared = package("oms-errors", &[("diesel", None)]);
        assert_eq!(advice("crates/shared/errors/Cargo.toml", &shared).len(), 1);
    }

    #[test]
    fn a_crate_for_tests_must_be_a_dev_dependency() {
        let found = advice(
            MANIFEST,
            &package("oms-inventory", &[("oms-testing", None)]),
        );
        assert!(found[0].contains("[dev-dependencies]"), "{found:?}");
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        let found = advice("crates/returns/Cargo.toml", &package("oms-returns", &[]));
        assert!(found[0].contains("give oms-returns a row"));
    }

    #[test]
    fn a_finding_names_the_line() {
        let text = "[dependencies]\noms-errors.workspace = true\noms-payments.workspace = true\n";
        let package = package("oms-inventory", &[("oms-payments", None)]);
        assert_eq!(
            check_manifest(&edges(), &package, MANIFEST, text)[0].line,
            3
        );
    }

    #[test]
    fn a_table_with_a_circle_is_refused() {
        let circle = "only_for_tests = []\nfences = []\ncrates = [
            { name = \"a\", depends = [\"b\"] }, { name = \"b\", depends = [\"a\"] }]";
        let refused = Edges::read(circle).err().unwrap().to_string();
        assert_eq!(refused, "a must come after b");
    }
}
