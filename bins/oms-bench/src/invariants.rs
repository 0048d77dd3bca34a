//! What must be true of the database after every run, and a check that every rule detects its defect.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tokio_postgres::Client;

/// The rules of all tests.
const INVARIANTS: &str = include_str!("../../../crates/shared/testing/invariants.toml");

/// The rules that are checked here: those about orders of the workloads, which are fast with millions of them.
const CHECKED: [&str; 6] = [
    "stock-levels",
    "held-stock",
    "sold-stock",
    "event-numbers",
    "payment-state",
    "order-key",
];

#[derive(Deserialize)]
struct Invariants {
    rule: Vec<Rule>,
    defect: Vec<Defect>,
}

/// A rule, with a query that returns its violations as one text column.
#[derive(Deserialize)]
struct Rule {
    name: String,
    says: String,
    broken: String,
}

/// Statements that violate rules.
#[derive(Deserialize)]
struct Defect {
    sql: String,
    breaks: Vec<String>,
}

impl Invariants {
    /// Reads the checked rules and their defects.
    fn read() -> Result<Self> {
        let mut all: Self =
            toml::from_str(INVARIANTS).context("the invariants are not valid TOML")?;
        all.rule
            .retain(|rule| CHECKED.contains(&rule.name.as_str()));
        ensure!(
            all.rule.len() == CHECKED.len(),
            "not every rule in CHECKED exists"
        );
        Ok(all)
    }

    /// Returns the first defect that violates a rule.
    fn defect_of(&self, rule: &Rule) -> Result<&Defect> {
        let mut defects = self.defect.iter();
        let defect = defects.find(|defect| defect.breaks.contains(&rule.name));
        defect.with_context(|| format!("{} has no defect", rule.name))
    }
}

/// Returns the violated rules; empty if there are none.
pub(crate) async fn broken(client: &Client) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    for rule in &Invariants::read()?.rule {
        let found = find(client, rule).await?;
        if let Some(first) = found.first() {
            broken.push(format!(
                "{}: {} violations, such as {first}",
                rule.says,
                found.len()
            ));
        }
    }
    Ok(broken)
}

/// Plants each rule's defect in a consistent database that has orders, and rolls it back each time.
pub(crate) async fn check_that_rules_notice(client: &Client) -> Result<()> {
    let invariants = Invariants::read()?;
    for rule in &invariants.rule {
        let defect = invariants.defect_of(rule)?;
        client.batch_execute("BEGIN").await?;
        client.batch_execute(&defect.sql).await?;
        let found = find(client, rule).await;
        client.batch_execute("ROLLBACK").await?;
        ensure!(
            !found?.is_empty(),
            "the check of {} does not detect its defect: {}",
            rule.name,
            defect.sql
        );
    }
    Ok(())
}

async fn find(client: &Client, rule: &Rule) -> Result<Vec<String>> {
    let rows = client.query(&rule.broken, &[]).await?;
    let words = |row: &tokio_postgres::Row| row.get::<_, Option<String>>(0).unwrap_or_default();
    Ok(rows.iter().map(words).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_defect() {
        let invariants = Invariants::read().unwrap();
        for rule in &invariants.rule {
            invariants.defect_of(rule).unwrap();
        }
    }
}
