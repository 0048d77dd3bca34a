//! The exceptions from the rules: `xtask/statements.toml`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// The path of the list, relative to the workspace.
const FILE: &str = "xtask/statements.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    allowed: Vec<Entry>,
}

/// An exception: statements of a file that may break rules.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    file: String,
    rules: Vec<String>,
    /// A part of the statements' texts, or the function of a statement that no test runs.
    has: String,
    reason: String,
}

/// The exceptions, and which of their rules were needed.
pub(super) struct Allowed {
    entries: Vec<(Entry, Vec<bool>)>,
}

impl Allowed {
    pub(super) fn read(root: &Path) -> Result<Self> {
        let text = fs::read_to_string(root.join(FILE)).context(FILE)?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        let list: List = toml::from_str(text).context(FILE)?;
        for entry in &list.allowed {
            ensure!(
                entry.reason.len() > 10,
                "{FILE}: an entry of {} has no reason",
                entry.file
            );
        }
        let unused = |entry: Entry| {
            let rules = entry.rules.len();
            (entry, vec![false; rules])
        };
        Ok(Self {
            entries: list.allowed.into_iter().map(unused).collect(),
        })
    }

    /// Returns whether a statement may break a rule, and marks the entry as needed.
    pub(super) fn allows(&mut self, rule: &str, file: &str, text: &str) -> bool {
        let mut allows = false;
        for (entry, used) in &mut self.entries {
            if entry.file != file || !text.contains(&entry.has) {
                continue;
            }
            for (allowed, used) in entry.rules.iter().zip(used) {
                if allowed == rule {
                    *used = true;
                    allows = true;
                }
            }
        }
        allows
    }

    /// Returns the entries and rules that no statement needed.
    pub(super) fn stale(&self) -> Vec<String> {
        let stale = self.entries.iter().flat_map(|(entry, used)| {
            let unused = entry.rules.iter().zip(used).filter(|(_, used)| !**used);
            unused.map(|(rule, _)| format!("{rule} of {} ({})", entry.file, entry.has))
        });
        stale.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"
        [[allowed]]
        file = "a.rs"
        rules = ["T1", "T2"]
        has = "INSERT"
        reason = "it is rewritten next"
    "#;

    #[test]
    fn an_entry_allows_its_rules_for_matching_statements_of_its_file() {
        let mut allowed = Allowed::parse(LIST).unwrap();
        assert!(allowed.allows("T1", "a.rs", "WITH a AS (INSERT)"));
        assert!(!allowed.allows("T3", "a.rs", "WITH a AS (INSERT)"));
        assert!(!allowed.allows("T1", "b.rs", "WITH a AS (INSERT)"));
        assert!(!allowed.allows("T1", "a.rs", "SELECT"));
        assert_eq!(allowed.stale(), ["T2 of a.rs (INSERT)"]);
    }

    #[test]
    fn an_entry_without_a_reason_is_rejected() {
        assert!(Allowed::parse(&LIST.replace("it is rewritten next", "")).is_err());
    }
}
