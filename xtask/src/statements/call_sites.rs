//! The places under `store` that run a statement.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// A place that runs a statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CallSite {
    /// The file's path, relative to the workspace.
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) function: String,
}

/// Returns all call sites.
pub(super) fn find(root: &Path) -> Result<Vec<CallSite>> {
    let mut folders = vec![root.join("crates")];
    let mut sites = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Some(file) = store_file(root, &path) {
                let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
                sites.extend(in_file(&file, &text));
            }
        }
    }
    Ok(sites)
}

fn store_file(root: &Path, path: &Path) -> Option<String> {
    let file = path
        .strip_prefix(root)
        .ok()?
        .to_string_lossy()
        .replace('\\', "/");
    let is_store = file.contains("/src/store/") || file.ends_with("/src/store.rs");
    (is_store && file.ends_with(".rs")).then_some(file)
}

fn in_file(file: &str, text: &str) -> Vec<CallSite> {
    let mut function = String::new();
    let mut sites = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let code = line.split("//").next().unwrap_or_default();
        if let Some((_, rest)) = code.split_once("fn ") {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            function = rest[..end.unwrap_or(rest.len())].to_owned();
        }
        if code.contains("cached_sql(") {
            sites.push(CallSite {
                file: file.to_owned(),
                line: number,
                function: function.clone(),
            });
        }
    }
    sites
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_found_with_its_function() {
        let text = "use oms_database::cached_sql;\n// cached_sql(\npub(crate) async fn find(\n) {\n    cached_sql(\n\"\")\n}\n";
        let sites = in_file("crates/a/src/store/b.rs", text);
        assert_eq!(sites.len(), 1);
        assert_eq!((sites[0].line, sites[0].function.as_str()), (5, "find"));
    }

    #[test]
    fn only_store_files_are_searched() {
        let is_store = |path: &str| store_file(Path::new("/w"), Path::new(path)).is_some();
        assert!(is_store("/w/crates/a/src/store/b.rs") && is_store("/w/crates/a/src/store.rs"));
        assert!(
            !is_store("/w/crates/a/src/service/b.rs") && !is_store("/w/crates/a/src/store/b.md")
        );
    }
}
