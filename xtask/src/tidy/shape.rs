//! The shape of Rust files: their first line, length and name, and the tables of routes.

use super::findings::Finding;

/// A file longer than this should be split.
const LONG: usize = 400;
/// A file longer than this must be split.
const TOO_LONG: usize = 600;
/// Names that do not describe the content.
const EMPTY_NAMES: [&str; 8] = [
    "utils", "util", "helpers", "helper", "common", "manager", "misc", "shared",
];

/// Checks the shape of a file. Headers are required only under `src`.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = name(path);
    findings.extend(length(path, text));
    if path.split('/').any(|part| part == "src") {
        findings.extend(header(path, text));
        findings.extend(routes(path, text));
    }
    findings
}

fn name(path: &str) -> Vec<Finding> {
    let inside = path.rsplit_once("src/").map_or("", |(_, inside)| inside);
    let names = inside.split('/').map(|part| part.trim_end_matches(".rs"));
    let mut findings: Vec<Finding> = names
        .filter(|name| EMPTY_NAMES.contains(name))
        .map(|name| {
            Finding::error(
                path,
                1,
                "telling-names",
                format!("name the module after its content, not `{name}`"),
            )
        })
        .collect();
    if path.ends_with("/mod.rs") {
        findings.push(Finding::error(
            path,
            1,
            "no-mod-rs",
            "name the file after its module and put it beside the folder",
        ));
    }
    findings
}

fn length(path: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    if lines > TOO_LONG {
        return Some(Finding::error(
            path,
            lines,
            "short-files",
            format!("{lines} lines: split the file so that each part changes for one reason"),
        ));
    }
    let warning = || {
        Finding::warning(
            path,
            lines,
            "short-files",
            format!("{lines} lines: split the file before it has more than {TOO_LONG}"),
        )
    };
    (lines > LONG).then(warning)
}

fn header(path: &str, text: &str) -> Option<Finding> {
    let first = text.lines().next().unwrap_or_default();
    let says_something = first
        .strip_prefix("//!")
        .is_some_and(|words| !words.trim().is_empty());
    let includes_readme = first.starts_with("#![doc = include_str!(");
    let advice = "begin with `//!`: what the module owns, and what it must not do";
    (!says_something && !includes_readme).then(|| Finding::error(path, 1, "module-header", advice))
}

/// A table of routes that is a constant, and not a `static`.
fn routes(path: &str, text: &str) -> Option<Finding> {
    let mut lines = text.lines().map(str::trim_start).zip(1..);
    let is_constant = |line: &str| {
        let declared = line
            .trim_start_matches("pub(crate) ")
            .trim_start_matches("pub ");
        declared.starts_with("const ") && declared.contains("Route] =")
    };
    let (_, number) = lines.find(|(line, _)| is_constant(line))?;
    let advice = "make the table of routes a `static`: the handlers of a constant are compiled again in each crate that uses it";
    Some(Finding::error(path, number, "static-routes", advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<(&'static str, super::super::Severity)> {
        check(path, text)
            .iter()
            .map(|finding| (finding.rule, finding.severity))
            .collect()
    }

    const ERROR: super::super::Severity = super::super::Severity::Error;
    const WARNING: super::super::Severity = super::super::Severity::Warning;

    #[test]
    fn a_file_begins_with_its_description() {
        assert!(rules("crates/orders/src/lib.rs", "//! Orders.\n").is_empty());
        assert!(
            rules(
                "crates/orders/src/lib.rs",
                "#![doc = include_str!(\"../README.md\")]\n"
            )
            .is_empty()
        );
        assert_eq!(
            rules("crates/orders/src/lib.rs", "use std::fmt;\n"),
            [("module-header", ERROR)]
        );
        assert_eq!(
            rules("crates/orders/src/lib.rs", "//! \nfn main() {}\n"),
            [("module-header", ERROR)]
        );
        assert!(rules("crates/orders/tests/placing.rs", "use std::fmt;\n").is_empty());
    }

    #[test]
    fn a_table_of_routes_is_static() {
        let table = |kind| {
            let text = format!("//! Routes.\n{kind} ROUTES: &[Route] = &[];\n");
            rules("crates/orders/src/http.rs", &text)
        };
        assert!(table("pub static").is_empty());
        assert_eq!(table("pub const"), [("static-routes", ERROR)]);
        assert_eq!(table("pub(crate) const"), [("static-routes", ERROR)]);
    }

    #[test]
    fn a_module_is_a_file_beside_its_folder() {
        assert_eq!(
            rules("crates/orders/src/store/mod.rs", "//! Store.\n"),
            [("no-mod-rs", ERROR)]
        );
    }

    #[test]
    fn names_describe_the_content() {
        assert_eq!(
            rules("crates/orders/src/utils.rs", "//! Things.\n"),
            [("telling-names", ERROR)]
        );
        assert_eq!(
            rules("crates/orders/src/helpers/money.rs", "//! Money.\n"),
            [("telling-names", ERROR)]
        );
        assert!(rules("crates/shared/errors/src/lib.rs", "//! Errors.\n").is_empty());
    }

    #[test]
    fn long_files_are_a_warning_and_longer_ones_an_error() {
        let lines = |count: usize| format!("//! Long.\n{}", "\n".repeat(count - 1));
        assert!(rules("crates/orders/src/a.rs", &lines(400)).is_empty());
        assert_eq!(
            rules("crates/orders/src/a.rs", &lines(401)),
            [("short-files", WARNING)]
        );
        assert_eq!(
            rules("crates/orders/src/a.rs", &lines(601)),
            [("short-files", ERROR)]
        );
    }
}
