//! PostgreSQL's lock file: the process that serves a data folder, its port, and whether it is still running.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

const NAME: &str = "postmaster.pid";

/// The content of `postmaster.pid`, which a running server writes.
#[derive(Debug, PartialEq)]
pub(super) struct LockFile {
    process: u32,
    pub(super) port: u16,
}

impl LockFile {
    /// The lock file of the server with this data folder, or `None` if there is none.
    pub(super) fn read(data: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(data.join(NAME)).ok()?)
    }

    /// Removes the lock file of a server that no longer runs.
    pub(super) fn remove(data: &Path) -> Result<()> {
        let path = data.join(NAME);
        fs::remove_file(&path).with_context(|| format!("{} cannot be removed", path.display()))
    }

    /// The process id is on the first line, the port on the fourth.
    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().collect();
        Some(Self {
            process: lines.first()?.trim().parse().ok()?,
            port: lines.get(3)?.trim().parse().ok()?,
        })
    }

    /// Whether the process is a running PostgreSQL. Without /proc it counts as one, and PostgreSQL itself decides.
    pub(super) fn is_held(&self) -> bool {
        if !Path::new("/proc/self/stat").exists() {
            return true;
        }
        let Ok(stat) = fs::read_to_string(format!("/proc/{}/stat", self.process)) else {
            return false;
        };
        let Some((name, rest)) = stat.rsplit_once(')') else {
            return false;
        };
        name.contains("(postgres") && !rest.trim_start().starts_with('Z')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_and_port_are_read_from_the_lock_file() {
        let text =
            "4711\n/somewhere/data\n1700000000\n5433\n\n127.0.0.1\n  5439        12\nready   \n";
        assert_eq!(
            LockFile::parse(text),
            Some(LockFile {
                process: 4711,
                port: 5433
            })
        );
        assert_eq!(LockFile::parse("4711\n"), None);
    }

    #[test]
    fn only_a_postgres_process_holds_the_lock() {
        assert!(
            !LockFile {
                process: std::process::id(),
                port: 5433
            }
            .is_held()
        );
    }
}
