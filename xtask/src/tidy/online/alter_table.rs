//! The `ALTER TABLE` actions that are safe on a table with rows.

use super::DROP;
use crate::tidy::sql::Statement;

pub(super) const NOT_NULL: &str =
    "existing rows and the running version's inserts have no value for it: add a DEFAULT";
pub(super) const COLUMN_CONSTRAINT: &str = "it scans the table under an exclusive lock: add the column first, then the constraint with NOT VALID";
pub(super) const REWRITE: &str = "it rewrites the table under an exclusive lock: add the column without it, and let a worker fill it in batches";
pub(super) const CONSTRAINT: &str = "it scans the table under an exclusive lock: add it NOT VALID (a key: USING INDEX), and validate it in the next migration";
pub(super) const SET_NOT_NULL: &str = "it scans the table under an exclusive lock unless a validated CHECK (… IS NOT NULL) exists: add that first, and name it here";
pub(super) const TYPE: &str = "it may rewrite the table under an exclusive lock: add a second column, and let a worker fill it in batches";
pub(super) const RENAME: &str = "the running version knows the old name: add the new one beside it, and drop the old one in a later release";

/// Returns the problem of a statement. Its actions are checked one by one: `NOT VALID` covers only one of them.
pub(super) fn refusal(change: &Statement) -> Option<&'static str> {
    actions(change).iter().find_map(refusal_of_action)
}

/// The actions of an `ALTER TABLE`, separated by commas outside parentheses.
fn actions(change: &Statement) -> Vec<Statement> {
    let mut depth = 0;
    let mut actions = vec![Vec::new()];
    for word in &change.words {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        match actions.last_mut() {
            Some(last) if word != "," || depth > 0 => last.push(word.clone()),
            _ => actions.push(Vec::new()),
        }
    }
    let action = |words| Statement {
        line: change.line,
        words,
        comment: String::new(),
    };
    actions.into_iter().map(action).collect()
}

fn refusal_of_action(action: &Statement) -> Option<&'static str> {
    let has = |words: &str| action.has(words);
    let adds_constraint = [
        "ADD CONSTRAINT",
        "ADD CHECK",
        "ADD FOREIGN",
        "ADD UNIQUE",
        "ADD PRIMARY",
    ];
    if adds_constraint.into_iter().any(has) {
        let is_harmless = has("NOT VALID") || has("USING INDEX");
        return (!is_harmless).then_some(CONSTRAINT);
    }
    if has("SET NOT NULL") {
        return Some(SET_NOT_NULL);
    }
    if has("ADD") {
        return refusal_of_column(action);
    }
    let changes_type = has("TYPE") && !has("DROP");
    let forbidden = [
        (changes_type, TYPE),
        (has("RENAME"), RENAME),
        (
            has("DROP") && !has("DROP CONSTRAINT") && !has("DROP DEFAULT") && !has("DROP NOT NULL"),
            DROP,
        ),
    ];
    forbidden
        .into_iter()
        .find(|(is, _)| *is)
        .map(|(_, advice)| advice)
}

fn refusal_of_column(action: &Statement) -> Option<&'static str> {
    let has = |words: &str| action.has(words);
    if has("NOT NULL") && !has("DEFAULT") {
        return Some(NOT_NULL);
    }
    if ["CHECK", "REFERENCES", "UNIQUE", "PRIMARY"]
        .into_iter()
        .any(has)
    {
        return Some(COLUMN_CONSTRAINT);
    }
    let is_volatile = VOLATILE.into_iter().any(has) || has("GENERATED");
    is_volatile.then_some(REWRITE)
}

/// Functions that return a different value for each row. `now()` returns the same value for all rows.
const VOLATILE: [&str; 4] = ["GEN_RANDOM_UUID", "CLOCK_TIMESTAMP", "RANDOM", "NEXTVAL"];
