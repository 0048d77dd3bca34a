//! The `.env` file: reads it as the programs do, and manages the lines that sys-init owns in it.
//!
//! A `DATABASE_URL` that the user wrote there is used and never changed.

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::workspace::{Workspace, write_whole};

/// The comment above the line that sys-init owns.
const MARK: &str =
    "# Written by `cargo xtask sys-init`. If you change the value, sys-init uses it and keeps it.";

/// The other content of a new `.env`: settings that developers often need.
const EXAMPLES: &str = "
# Everything else has a default in development; docs/reference/configuration.md lists it all. For example:
# OMS_PORT=3000
# OMS_LOG_FORMAT=json
# OMS_METRICS_PORT=9464
# PAYMENT_SANDBOX_PORT=12111
";

/// A variable as the programs see it: from the environment first, then from `.env`.
pub(crate) fn variable(workspace: &Workspace, name: &str) -> Result<Option<String>> {
    match env::var(name) {
        Ok(value) if !value.is_empty() => Ok(Some(value)),
        _ => Ok(value_in(&text(workspace)?, name)),
    }
}

/// The `DATABASE_URL` that the user chose, if any, and where it is set.
pub(crate) fn given_database_url(workspace: &Workspace) -> Result<Option<(String, &'static str)>> {
    if let Some(url) = env::var("DATABASE_URL").ok().filter(|url| !url.is_empty()) {
        return Ok(Some((url, "the environment")));
    }
    let text = text(workspace)?;
    let given = value_in(&text, "DATABASE_URL").filter(|url| !is_ours(&text, url));
    Ok(given.map(|url| (url, ".env")))
}

/// Writes the URL of the database that sys-init created into `.env`. All other lines are kept.
pub(crate) fn write_database_url(workspace: &Workspace, url: &str) -> Result<()> {
    let before = text(workspace)?;
    let after = with_database_url(&before, url);
    if after == before {
        Ok(())
    } else {
        write_whole(&path(workspace), &after)
    }
}

fn path(workspace: &Workspace) -> PathBuf {
    workspace.root.join(".env")
}

fn text(workspace: &Workspace) -> Result<String> {
    let path = path(workspace);
    if !path.exists() {
        return Ok(String::new());
    }
    fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
}

fn value_in(text: &str, name: &str) -> Option<String> {
    let variables = dotenvy::from_read_iter(text.as_bytes()).filter_map(Result::ok);
    variables
        .into_iter()
        .find(|(key, value)| key == name && !value.is_empty())
        .map(|(_, value)| value)
}

fn is_ours(text: &str, url: &str) -> bool {
    text.contains(MARK) && url.starts_with("postgres://oms:oms@127.0.0.1:") && url.ends_with("/oms")
}

fn with_database_url(before: &str, url: &str) -> String {
    let line = format!("DATABASE_URL={url}");
    if before.is_empty() {
        return format!("{MARK}\n{line}\n{EXAMPLES}");
    }
    if !before.contains(MARK) {
        let separator = if before.ends_with('\n') { "" } else { "\n" };
        return format!("{before}{separator}{MARK}\n{line}\n");
    }
    let replaced = before.lines().map(|old| {
        if old.starts_with("DATABASE_URL=") {
            line.as_str()
        } else {
            old
        }
    });
    let mut after = replaced.collect::<Vec<_>>().join("\n");
    after.push('\n');
    if !after.contains(&line) {
        after = after.replace(MARK, &format!("{MARK}\n{line}"));
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "postgres://oms:oms@127.0.0.1:5433/oms";

    #[test]
    fn a_new_file_names_the_database_and_its_author() {
        let text = with_database_url("", OURS);
        assert!(text.starts_with(MARK));
        assert_eq!(value_in(&text, "DATABASE_URL").as_deref(), Some(OURS));
        assert!(is_ours(&text, OURS));
    }

    #[test]
    fn writing_again_changes_nothing() {
        let text = with_database_url("", OURS);
        assert_eq!(with_database_url(&text, OURS), text);
    }

    #[test]
    fn another_port_changes_only_our_line() {
        let before = format!("OMS_PORT=4000\n{}", with_database_url("", OURS));
        let other = "postgres://oms:oms@127.0.0.1:5444/oms";
        let after = with_database_url(&before, other);
        assert_eq!(after, before.replace(OURS, other));
    }

    #[test]
    fn a_deleted_line_is_restored_below_its_comment() {
        let before = with_database_url("", OURS).replace(&format!("DATABASE_URL={OURS}\n"), "");
        assert_eq!(
            with_database_url(&before, OURS),
            with_database_url("", OURS)
        );
    }

    #[test]
    fn the_users_own_settings_are_kept() {
        let after = with_database_url("OMS_PORT=4000", OURS);
        assert!(after.starts_with("OMS_PORT=4000\n"));
        assert_eq!(value_in(&after, "OMS_PORT").as_deref(), Some("4000"));
        assert_eq!(value_in(&after, "DATABASE_URL").as_deref(), Some(OURS));
    }

    #[test]
    fn a_url_of_the_user_is_recognised() {
        let theirs = "postgres://me:secret@db.example.com/shop";
        assert!(!is_ours(&format!("DATABASE_URL={theirs}\n"), theirs));
        assert!(!is_ours(
            &format!("{MARK}\nDATABASE_URL={theirs}\n"),
            theirs
        ));
        assert!(!is_ours(&format!("DATABASE_URL={OURS}\n"), OURS));
    }
}
