//! Unused dependencies, in the manifests of the crates and of the workspace.
//!
//! Like cargo-machete, this searches for names. But it searches tokens rather than text, so a name in a comment or a
//! string does not count, and it reports dependencies that only tests use.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::TextFile;
use super::findings::Finding;
use super::rust::{self, RustFile};
use crate::workspace::{Dependency, Package, Workspace};

const RULE: &str = "unused-dependency";
const ROOT_MANIFEST: &str = "Cargo.toml";

/// The code of a crate, by the kind of dependency that it may use.
struct Code<'a> {
    /// Under `src`, except test modules.
    program: Vec<RustFile<'a>>,
    /// `build.rs`.
    build: Vec<RustFile<'a>>,
    /// All code.
    all: Vec<RustFile<'a>>,
}

/// Checks every manifest of the workspace.
pub(super) fn check(workspace: &Workspace, files: &[TextFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        let path = workspace.relative(&package.manifest_path);
        let code = Code::of(path.trim_end_matches(ROOT_MANIFEST), files);
        findings.extend(check_package(package, &path, text_of(files, &path), &code));
    }
    let root = text_of(files, ROOT_MANIFEST);
    findings.extend(check_root(&workspace.packages, root));
    findings
}

fn text_of<'a>(files: &'a [TextFile], path: &str) -> &'a str {
    let file = files.iter().find(|file| file.path == path);
    file.map_or("", |file| file.text.as_str())
}

impl<'a> Code<'a> {
    fn of(folder: &str, files: &'a [TextFile]) -> Self {
        let rust = files
            .iter()
            .filter(|file| file.path.starts_with(folder) && file.path.ends_with(".rs"));
        let mut code = Self {
            program: Vec::new(),
            build: Vec::new(),
            all: Vec::new(),
        };
        for file in rust {
            match &file.path[folder.len()..] {
                "build.rs" => code.build.push(RustFile::read(&file.path, &file.text)),
                inside if inside.starts_with("src/") => {
                    code.program.push(RustFile::read(&file.path, &file.text));
                }
                _ => {}
            }
            code.all.push(RustFile {
                path: &file.path,
                tokens: rust::tokens(&file.text),
            });
        }
        code
    }

    fn of_kind(&self, kind: Option<&str>) -> &[RustFile<'a>] {
        match kind {
            None => &self.program,
            Some("build") => &self.build,
            Some(_) => &self.all,
        }
    }

    fn uses(&self, kind: Option<&str>, name: &str) -> bool {
        let files = self.of_kind(kind);
        files.iter().any(|file| file.uses_crate(name))
    }
}

fn check_package(package: &Package, path: &str, text: &str, code: &Code<'_>) -> Vec<Finding> {
    let unused = package.dependencies.iter().filter_map(|dependency| {
        let advice = advice(dependency, code)?;
        Some(Finding::error(
            path,
            line_of(text, dependency.key()),
            RULE,
            advice,
        ))
    });
    unused.collect()
}

fn advice(dependency: &Dependency, code: &Code<'_>) -> Option<String> {
    let name = dependency.key().replace('-', "_");
    let kind = dependency.kind.as_deref();
    if code.uses(kind, &name) {
        return None;
    }
    let key = dependency.key();
    Some(match kind {
        None if code.uses(Some("dev"), &name) => {
            format!("only tests use {key}: move it to [dev-dependencies]")
        }
        _ => format!("nothing uses {key}: remove it"),
    })
}

/// Dependencies of the root manifest that no crate inherits.
fn check_root(packages: &[Package], text: &str) -> Vec<Finding> {
    let taken: BTreeSet<&str> = packages
        .iter()
        .flat_map(|package| &package.dependencies)
        .map(Dependency::key)
        .collect();
    let offered = offered(text);
    let untaken = offered.iter().filter(|name| !taken.contains(name.as_str()));
    untaken
        .map(|name| {
            let advice = format!("no crate inherits {name}: remove it");
            Finding::error(ROOT_MANIFEST, line_of(text, name), RULE, advice)
        })
        .collect()
}

/// The keys of `[workspace.dependencies]`.
fn offered(text: &str) -> Vec<String> {
    #[derive(Deserialize, Default)]
    struct Root {
        #[serde(default)]
        workspace: Tables,
    }
    #[derive(Deserialize, Default)]
    struct Tables {
        #[serde(default)]
        dependencies: toml::Table,
    }
    let root: Root = toml::from_str(text).unwrap_or_default();
    root.workspace.dependencies.keys().cloned().collect()
}

fn line_of(text: &str, key: &str) -> usize {
    let starts = |line: &str| {
        line.strip_prefix(key)
            .is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
    };
    text.lines().position(starts).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;

    const MANIFEST: &str =
        "[dependencies]\nhex.workspace = true\n\n[dev-dependencies]\nrand.workspace = true\n";

    fn dependency(name: &str, kind: Option<&str>, rename: Option<&str>) -> Dependency {
        Dependency {
            name: name.to_owned(),
            rename: rename.map(str::to_owned),
            kind: kind.map(str::to_owned),
            path: None,
        }
    }

    fn package(dependencies: Vec<Dependency>) -> Package {
        Package {
            name: "oms-orders".to_owned(),
            manifest_path: PathBuf::from("crates/orders/Cargo.toml"),
            dependencies,
            features: BTreeMap::new(),
        }
    }

    fn advice_on(dependency: Dependency, files: &[(&str, &str)]) -> Vec<(usize, String)> {
        let file = |(path, text): &(&str, &str)| TextFile {
            path: format!("crates/orders/{path}"),
            text: (*text).to_owned(),
        };
        let files: Vec<TextFile> = files.iter().map(file).collect();
        let code = Code::of("crates/orders/", &files);
        let package = package(vec![dependency]);
        check_package(&package, "crates/orders/Cargo.toml", MANIFEST, &code)
            .into_iter()
            .map(|finding| (finding.line, finding.advice))
            .collect()
    }

    #[test]
    fn a_dependency_is_used_by_a_path_an_import_or_a_macro() {
        for code in [
            "fn f() { hex::encode(b) }",
            "use hex;",
            "use hex as digits;",
            "#[hex::test] fn f() {}",
            "extern crate hex;",
        ] {
            let found = advice_on(dependency("hex", None, None), &[("src/lib.rs", code)]);
            assert_eq!(found, [], "{code}");
        }
    }

    #[test]
    fn a_comment_a_string_a_field_or_a_variable_is_not_a_use() {
        for code in [
            "// hex::encode",
            "let s = \"hex::encode\";",
            "self.hex; let hex = 1;",
        ] {
            let found = advice_on(dependency("hex", None, None), &[("src/lib.rs", code)]);
            assert_eq!(
                found,
                [(2, "nothing uses hex: remove it".to_owned())],
                "{code}"
            );
        }
    }

    #[test]
    fn a_dependency_that_only_tests_use_is_a_dev_dependency() {
        let in_module = "#[cfg(test)]\nmod tests { use hex::encode; }\n";
        for (path, code) in [
            ("src/lib.rs", in_module),
            ("tests/keys.rs", "use hex::encode;"),
        ] {
            let found = advice_on(dependency("hex", None, None), &[(path, code)]);
            assert_eq!(found.len(), 1);
            assert!(found[0].1.contains("[dev-dependencies]"), "{found:?}");
            assert_eq!(
                advice_on(dependency("hex", Some("dev"), None), &[(path, code)]),
                []
            );
        }
    }

    #[test]
    fn a_build_dependency_is_used_in_the_build_script() {
        let build = dependency("hex", Some("build"), None);
        assert_eq!(advice_on(build, &[("build.rs", "use hex::encode;")]), []);
        let build = dependency("hex", Some("build"), None);
        assert_eq!(
            advice_on(build, &[("src/lib.rs", "use hex::encode;")]).len(),
            1
        );
    }

    #[test]
    fn a_renamed_dependency_is_searched_by_its_new_name() {
        let renamed = || dependency("hex", None, Some("base-16"));
        assert_eq!(
            advice_on(renamed(), &[("src/lib.rs", "use base_16::encode;")]),
            []
        );
        assert_eq!(
            advice_on(renamed(), &[("src/lib.rs", "use hex::encode;")]).len(),
            1
        );
    }

    #[test]
    fn a_workspace_dependency_is_inherited_by_a_crate() {
        let root = "[workspace.dependencies]\nhex = \"0.4\"\nrand = { version = \"0.10\" }\n";
        let packages = [package(vec![dependency("hex", None, None)])];
        let found = check_root(&packages, root);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].line, found[0].advice.as_str()),
            (3, "no crate inherits rand: remove it")
        );
    }
}
