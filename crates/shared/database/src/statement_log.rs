//! The statements that this process runs, for the rules that `cargo xtask test` checks afterwards. Debug builds only.
//!
//! `OMS_SQL_LOG` names a folder. Each process appends to its own file there, one write per line, so that several
//! processes can run and be killed at any time. A line contains `file:line`, the statement, and the types of its bound
//! parameters, separated by tabs.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::panic::Location;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};

/// The log of this process; `None` without `OMS_SQL_LOG`.
static LOG: LazyLock<Option<Mutex<Log>>> = LazyLock::new(|| {
    let folder = PathBuf::from(std::env::var_os("OMS_SQL_LOG")?);
    let path = folder.join(format!("{}.log", uuid::Uuid::now_v7()));
    let file = File::options().create_new(true).append(true).open(path);
    let file = file.expect("OMS_SQL_LOG names a folder that can be written");
    Some(Mutex::new(Log {
        file,
        seen: HashSet::new(),
    }))
});

struct Log {
    file: File,
    seen: HashSet<String>,
}

/// Whether statements are logged.
pub(crate) fn is_wanted() -> bool {
    LOG.is_some()
}

/// Logs a statement with the types of its first parameters.
pub(crate) fn note(caller: &Location<'_>, text: &str, types: &[&str]) {
    let Some(log) = LOG.as_ref() else {
        return;
    };
    let line = line_of(caller, text, types);
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    if !log.seen.contains(&line) {
        log.file
            .write_all(line.as_bytes())
            .expect("the log of statements can be written");
        log.seen.insert(line);
    }
}

fn line_of(caller: &Location<'_>, text: &str, types: &[&str]) -> String {
    let text = text.replace('\\', "\\\\").replace('\t', " ");
    let text = text.replace('\n', "\\n");
    format!(
        "{}:{}\t{text}\t{}\n",
        caller.file(),
        caller.line(),
        types.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_logged_as_one_line() {
        let caller = Location::caller();
        let line = line_of(caller, "SELECT '\\',\n\t$1", &["a::Text", "b::Uuid"]);
        assert!(line.starts_with(file!()), "{line}");
        assert!(
            line.ends_with("\tSELECT '\\\\',\\n $1\ta::Text b::Uuid\n"),
            "{line}"
        );
        assert_eq!(line.lines().count(), 1);
    }
}
