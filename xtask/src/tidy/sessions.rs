//! A rule against statements that leave state in their session. Behind a pooler that assigns a session per transaction,
//! the next statement may run in another session, and another client may get this one.

use super::findings::Finding;
use super::rust::{Kind, RustFile};

/// Code that sets up sessions, migrates, or never uses a pooler.
const EXEMPT: [&str; 5] = [
    "crates/shared/database/src/migrations.rs",
    "crates/shared/database/src/pool.rs",
    "crates/shared/testing/",
    "bins/oms-bench/",
    "xtask/",
];

/// Statements and calls whose effect outlives their transaction, each with advice.
const KEPT: [(&str, &str); 14] = [
    ("LISTEN ", "poll a table instead"),
    ("UNLISTEN ", "poll a table instead"),
    ("CREATE TEMP ", "use unnest or a CTE instead"),
    ("CREATE TEMPORARY ", "use unnest or a CTE instead"),
    ("INTO TEMP ", "use unnest or a CTE instead"),
    ("WITH HOLD", "page by key instead"),
    (
        "PREPARE ",
        "the driver prepares the statements that cached_sql runs",
    ),
    (
        "DEALLOCATE ",
        "the driver prepares the statements that cached_sql runs",
    ),
    ("DISCARD ", "leave no state that must be discarded"),
    ("SET SESSION ", SET),
    ("pg_advisory_lock(", LOCK),
    ("pg_advisory_lock_shared(", LOCK),
    ("pg_try_advisory_lock(", LOCK),
    ("pg_try_advisory_lock_shared(", LOCK),
];

const SET: &str = "use SET LOCAL, or set_config(…, true)";
const LOCK: &str = "use pg_advisory_xact_lock, which ends with the transaction";

/// Reports statements outside of tests that leave state in the session.
pub(super) fn check(file: &RustFile<'_>) -> Vec<Finding> {
    let is_code = file.path.contains("/src/") && !file.path.ends_with("/tests.rs");
    if !is_code || EXEMPT.iter().any(|exempt| file.path.starts_with(exempt)) {
        return Vec::new();
    }
    let texts = file.tokens.iter().filter(|token| token.kind == Kind::Text);
    let kept = texts.filter_map(|token| Some((token.line, advice(token.text)?)));
    kept.map(|(line, advice)| {
        let advice = format!(
            "its effect stays in the session, which a pooler may give to another client: {advice}"
        );
        Finding::error(file.path, line, "no-session-state", advice)
    })
    .collect()
}

fn advice(text: &str) -> Option<&'static str> {
    let statement = text.trim_matches(['"', 'r', '#', ' ', '\n']);
    let sets = statement.starts_with("SET ")
        && !["SET LOCAL ", "SET TRANSACTION ", "SET CONSTRAINTS "]
            .iter()
            .any(|harmless| statement.starts_with(harmless));
    if sets || is_set_for_session(statement) {
        return Some(SET);
    }
    let found = KEPT.iter().find(|(kept, _)| match kept.ends_with(' ') {
        true => statement.starts_with(kept),
        false => statement.contains(kept),
    });
    found.map(|(_, advice)| *advice)
}

/// Returns whether a statement calls `set_config(…, false)`.
fn is_set_for_session(statement: &str) -> bool {
    let calls = statement.split("set_config(").skip(1);
    calls.into_iter().any(|call| {
        let mut depth = 1;
        let end = call.find(|c| {
            depth += match c {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            depth == 0
        });
        end.is_some_and(|end| call[..end].trim_end().ends_with("false"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let findings = check(&RustFile::read(path, text));
        findings.iter().map(|finding| finding.line).collect()
    }

    const STORE: &str = "crates/orders/src/store/orders.rs";

    #[test]
    fn a_statement_whose_effect_outlives_its_transaction_is_rejected() {
        for statement in [
            "LISTEN news",
            "CREATE TEMP TABLE t (a int)",
            "SET lock_timeout = 1",
            "SELECT set_config('lock_timeout', coalesce($1, '1'), false)",
            "SELECT pg_advisory_lock(1)",
            "SELECT pg_try_advisory_lock(1)",
            "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
            "DISCARD ALL",
        ] {
            let text = format!("\nconst A: &str = \"{statement}\";");
            assert_eq!(lines(STORE, &text), [2], "{statement}");
            assert!(lines("crates/shared/testing/src/template.rs", &text).is_empty());
            assert!(lines("crates/orders/tests/orders/a.rs", &text).is_empty());
        }
    }

    #[test]
    fn a_statement_whose_effect_ends_with_its_transaction_passes() {
        for statement in [
            "SET LOCAL lock_timeout = 1",
            "SELECT set_config('lock_timeout', coalesce($1, '1'), true)",
            "SELECT pg_advisory_xact_lock(1)",
            "UPDATE orders.orders SET status = $1",
            "Set the safety stock",
            "a guest LISTEN does not begin the text",
        ] {
            let text = format!("const A: &str = \"{statement}\";");
            assert_eq!(lines(STORE, &text), [0; 0], "{statement}");
        }
    }
}
