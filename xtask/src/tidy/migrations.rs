//! Migrations: one folder each, named `<timestamp>_<context>_<what>`, that can be applied and reverted.

use std::collections::{BTreeMap, BTreeSet};

use super::TextFile;
use super::findings::Finding;

/// Checks the folders under `migrations`.
pub(super) fn check(files: &[TextFile]) -> Vec<Finding> {
    let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in files {
        let inside = file
            .path
            .strip_prefix("migrations/")
            .and_then(|inside| inside.split_once('/'));
        if let Some((folder, name)) = inside {
            folders.entry(folder).or_default().push(name);
        }
    }
    let schemas = schemas(files);
    folders
        .into_iter()
        .flat_map(|(folder, names)| check_folder(folder, &names, &schemas))
        .collect()
}

/// The schemas that the migrations create: one for each context, and those of shared crates that store rows.
fn schemas(files: &[TextFile]) -> BTreeSet<&str> {
    let migrations = files
        .iter()
        .filter(|file| file.path.starts_with("migrations/") && file.path.ends_with("/up.sql"));
    let lines = migrations.flat_map(|file| file.text.lines());
    lines
        .filter_map(|line| line.strip_prefix("CREATE SCHEMA ")?.strip_suffix(';'))
        .collect()
}

fn check_folder(folder: &str, names: &[&str], schemas: &BTreeSet<&str>) -> Vec<Finding> {
    let path = format!("migrations/{folder}");
    let mut findings = Vec::new();
    if !is_well_named(folder, schemas) {
        let schemas = schemas.iter().copied().collect::<Vec<_>>().join(", ");
        let advice = format!(
            "name it <timestamp>_<schema>_<what>, for example 20250131120000_inventory_stock; the schemas are {schemas}"
        );
        findings.push(Finding::error(&path, 1, "migration-name", advice));
    }
    for wanted in ["up.sql", "down.sql"] {
        if !names.contains(&wanted) {
            findings.push(Finding::error(
                &path,
                1,
                "migration-both-ways",
                format!("add {wanted}"),
            ));
        }
    }
    findings
}

fn is_well_named(folder: &str, schemas: &BTreeSet<&str>) -> bool {
    let mut parts = folder.split('_');
    let timestamp = parts.next().unwrap_or_default().replace('-', "");
    let rest: Vec<&str> = parts.collect();
    let is_plain = |part: &&str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    timestamp.len() >= 8
        && timestamp.bytes().all(|byte| byte.is_ascii_digit())
        && rest.len() >= 2
        && schemas.contains(rest[0])
        && rest.iter().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(paths: &[&str]) -> Vec<&'static str> {
        let file = |path: &&str| TextFile {
            path: (*path).to_owned(),
            text: "CREATE SCHEMA inventory;\n".to_owned(),
        };
        let files: Vec<TextFile> = paths.iter().map(file).collect();
        check(&files).iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn a_migration_has_an_up_and_a_down_file() {
        let folder = "migrations/20250131120000_inventory_stock";
        let (up, down) = (format!("{folder}/up.sql"), format!("{folder}/down.sql"));
        assert!(rules(&[&up, &down, "migrations/.gitkeep"]).is_empty());
        assert_eq!(rules(&[&up]), ["migration-both-ways"]);
    }

    #[test]
    fn a_migration_names_its_context() {
        let both = |folder: &str| {
            [
                format!("migrations/{folder}/up.sql"),
                format!("migrations/{folder}/down.sql"),
            ]
        };
        for bad in [
            "stock",
            "20250131120000_inventory",
            "20250131120000_Inventory_Stock",
            "20250131120000_returns_parcels",
            "inventory_stock_2025",
        ] {
            let [up, down] = both(bad);
            assert_eq!(rules(&[&up, &down]), ["migration-name"], "{bad}");
        }
        let [up, down] = both("2025-01-31-120000_inventory_stock_rows");
        assert!(rules(&[&up, &down]).is_empty());
    }
}
