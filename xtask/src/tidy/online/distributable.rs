//! Rules for migrations, which must also run on tables that Citus has distributed. Citus splits `ALTER TABLE` into one
//! statement per shard, and evaluates functions on the coordinator or not at all. The rules have no exceptions, because
//! Citus has none.

use crate::tidy::sql::Statement;

pub(super) const RULE: &str = "distributable-migration";

/// The upper bound of the versions of migrations that are older than these rules.
pub(super) const NEWEST_EXEMPT: &str = "20261128999999";

pub(super) const TOGETHER: &str =
    "Citus accepts a constraint only in a separate ALTER TABLE: write one ALTER TABLE per action";
pub(super) const UNNAMED: &str = "Citus needs a name for the constraint: ADD CONSTRAINT <name> …";
pub(super) const IN_COLUMN: &str =
    "Citus rejects a constraint inside ADD COLUMN: add the column, then ADD CONSTRAINT <name> …";
pub(super) const STABLE: &str = "Citus does not evaluate such a function inside COALESCE or CASE on a distributed table: write a constant, or use a separate statement";
pub(super) const SEQUENCE: &str =
    "each node has its own sequence: let the program generate the ID (UUIDv7)";
pub(super) const TRIGGER: &str =
    "Citus runs no triggers and no rules on distributed tables: write code in the program instead";

/// Returns what is wrong with a statement.
pub(super) fn refusal(statement: &Statement) -> Option<&'static str> {
    if has_any(
        statement,
        &[
            "CREATE TRIGGER",
            "CREATE CONSTRAINT TRIGGER",
            "CREATE OR REPLACE TRIGGER",
        ],
    ) || has_any(statement, &["CREATE RULE", "CREATE OR REPLACE RULE"])
    {
        return Some(TRIGGER);
    }
    let makes_columns = statement.begins("CREATE TABLE") || statement.begins("ALTER TABLE");
    if statement.begins("CREATE SEQUENCE") || (makes_columns && has_any(statement, &SEQUENCES)) {
        return Some(SEQUENCE);
    }
    if statement.begins("ALTER TABLE") {
        return refusal_of_change(statement);
    }
    let changes_rows = ["UPDATE", "INSERT", "DELETE", "WITH"];
    let changes_rows = changes_rows.iter().any(|words| statement.begins(words));
    (changes_rows && hides_stable_function(statement)).then_some(STABLE)
}

const SEQUENCES: [&str; 7] = [
    "SERIAL",
    "BIGSERIAL",
    "SMALLSERIAL",
    "SERIAL4",
    "SERIAL8",
    "NEXTVAL",
    "AS IDENTITY",
];

/// `now()` and similar functions, and functions that read the session.
const STABLE_FUNCTIONS: [&str; 9] = [
    "NOW",
    "CURRENT_TIMESTAMP",
    "CURRENT_DATE",
    "LOCALTIMESTAMP",
    "STATEMENT_TIMESTAMP",
    "TRANSACTION_TIMESTAMP",
    "CURRENT_SETTING",
    "CURRENT_USER",
    "SESSION_USER",
];

fn has_any(statement: &Statement, choices: &[&str]) -> bool {
    choices.iter().any(|words| statement.has(words))
}

fn refusal_of_change(change: &Statement) -> Option<&'static str> {
    let (top, actions) = top_level(change);
    let changes_constraint = ["ADD CONSTRAINT", "DROP CONSTRAINT", "VALIDATE CONSTRAINT"];
    if has_any(
        &top,
        &[
            "ADD CHECK",
            "ADD FOREIGN",
            "ADD UNIQUE",
            "ADD PRIMARY",
            "ADD EXCLUDE",
        ],
    ) {
        return Some(UNNAMED);
    }
    if has_any(&top, &changes_constraint) {
        return (actions > 1).then_some(TOGETHER);
    }
    let adds_column = top.has("ADD");
    let constraints = ["CHECK", "REFERENCES", "UNIQUE", "PRIMARY", "CONSTRAINT"];
    (adds_column && has_any(&top, &constraints)).then_some(IN_COLUMN)
}

/// Returns the statement without its parenthesised parts, and the number of its actions.
fn top_level(change: &Statement) -> (Statement, usize) {
    let (mut depth, mut words, mut actions) = (0_i32, Vec::new(), 1);
    for word in &change.words {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ if depth > 0 => {}
            "," => {
                actions += 1;
                words.push(word.clone());
            }
            _ => words.push(word.clone()),
        }
    }
    let top = Statement {
        line: change.line,
        words,
        comment: String::new(),
    };
    (top, actions)
}

/// Returns whether a stable function is inside `COALESCE (…)` or `CASE … END`.
fn hides_stable_function(statement: &Statement) -> bool {
    let (mut depth, mut cases) = (0_i32, 0_i32);
    // The depths at which a COALESCE begins.
    let mut coalesces = Vec::new();
    let mut before = "";
    for word in &statement.words {
        match word.as_str() {
            "(" => {
                if before == "COALESCE" {
                    coalesces.push(depth);
                }
                depth += 1;
            }
            ")" => {
                depth -= 1;
                coalesces.retain(|began| *began < depth);
            }
            "CASE" => cases += 1,
            "END" => cases -= 1,
            _ => {}
        }
        let is_inside = cases > 0 || !coalesces.is_empty();
        if is_inside && STABLE_FUNCTIONS.contains(&word.as_str()) {
            return true;
        }
        before = word;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sql::statements;

    fn advice(sql: &str) -> Option<&'static str> {
        statements(sql).iter().find_map(refusal)
    }

    #[test]
    fn a_constraint_needs_a_name_and_a_separate_alter_table() {
        let alter = |action: &str| advice(&format!("ALTER TABLE orders.orders {action}"));
        assert_eq!(
            alter("ADD CONSTRAINT a CHECK (b IN (1, 2)) NOT VALID"),
            None
        );
        assert_eq!(alter("ADD CONSTRAINT a UNIQUE USING INDEX b"), None);
        assert_eq!(alter("DROP CONSTRAINT a"), None);
        assert_eq!(alter("VALIDATE CONSTRAINT a"), None);
        for together in [
            "DROP CONSTRAINT a, ADD CONSTRAINT a CHECK (b IN (1, 2)) NOT VALID",
            "ADD COLUMN a int, ADD CONSTRAINT b CHECK (a > 0) NOT VALID",
        ] {
            assert_eq!(alter(together), Some(TOGETHER), "{together}");
        }
        for unnamed in [
            "ADD CHECK (b > 0) NOT VALID",
            "ADD FOREIGN KEY (a) REFERENCES b NOT VALID",
        ] {
            assert_eq!(alter(unnamed), Some(UNNAMED), "{unnamed}");
        }
        for column in ["a int CHECK (a > 0)", "a uuid REFERENCES b", "a int UNIQUE"] {
            assert_eq!(
                alter(&format!("ADD COLUMN {column}")),
                Some(IN_COLUMN),
                "{column}"
            );
        }
        assert_eq!(
            alter("ADD COLUMN a numeric(5, 2) NOT NULL DEFAULT 0, ADD b int"),
            None
        );
        assert_eq!(alter("ALTER COLUMN a SET DEFAULT now()"), None);
    }

    #[test]
    fn a_new_table_may_have_constraints_but_no_sequence() {
        let table =
            |column: &str| advice(&format!("CREATE TABLE orders.a (tenant_id uuid, {column})"));
        assert_eq!(table("b int CHECK (b > 0), UNIQUE (tenant_id, b)"), None);
        for column in [
            "b bigserial",
            "b bigint GENERATED ALWAYS AS IDENTITY",
            "b bigint DEFAULT nextval('c')",
        ] {
            assert_eq!(table(column), Some(SEQUENCE), "{column}");
        }
        assert_eq!(advice("CREATE SEQUENCE orders.c"), Some(SEQUENCE));
    }

    #[test]
    fn a_stable_function_inside_coalesce_or_case_is_rejected() {
        for hidden in [
            "UPDATE orders.a SET b = coalesce(b, now())",
            "UPDATE orders.a SET b = coalesce(greatest(c, lower(d)), e, CURRENT_TIMESTAMP)",
            "INSERT INTO orders.a SELECT CASE WHEN b THEN now() END FROM orders.c",
        ] {
            assert_eq!(advice(hidden), Some(STABLE), "{hidden}");
        }
        for open in [
            "UPDATE orders.a SET b = now() WHERE c = coalesce(d, 1)",
            "UPDATE orders.a SET b = coalesce(b, c), d = now()",
        ] {
            assert_eq!(advice(open), None, "{open}");
        }
    }

    #[test]
    fn triggers_and_rules_are_rejected() {
        assert_eq!(
            advice("CREATE TRIGGER a AFTER INSERT ON orders.b EXECUTE FUNCTION c()"),
            Some(TRIGGER)
        );
        assert_eq!(
            advice("CREATE RULE a AS ON INSERT TO orders.b DO NOTHING"),
            Some(TRIGGER)
        );
    }
}
