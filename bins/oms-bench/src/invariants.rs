//! What must be true of the database after every run, and a check that the rules notice what breaks them.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tokio_postgres::Client;

/// The rules of all tests.
const INVARIANTS: &str = include_str!("../../../crates/shared/testing/invariants.toml");

/// The rules that are checked here: those about orders as the workloads leave them, which stay quick for millions.
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

/// A rule, and a query that finds what breaks it, in one column of words.
#[derive(Deserialize)]
struct Rule {
    name: String,
    says: String,
    broken: String,
}

/// Statements that break rules.
#[derive(Deserialize)]
struct Defect {
    sql: String,
    breaks: Vec<String>,
}

impl Invariants {
    /// Reads the rules that are checked, and their defects.
    fn read() -> Result<Self> {
        let mut all: Self = toml::from_str(INVARIANTS).context("the invariants are no TOML")?;
        all.rule
            .retain(|rule| CHECKED.contains(&rule.name.as_str()));
        ensure!(all.rule.len() == CHECKED.len(), "a rule has another name");
        Ok(all)
    }

    /// The first defect that breaks a rule.
    fn defect_of(&self, rule: &Rule) -> Result<&Defect> {
        let mut defects = self.defect.iter();
        let defect = defects.find(|defect| defect.breaks.contains(&rule.name));
        defect.with_context(|| format!("{} has no defect", rule.name))
    }
}

/// What is broken, rule by rule: none is what it should be.
pub(crate) async fn broken(client: &Client) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    for rule in &Invariants::read()?.rule {
        let found = find(client, rule).await?;
        if let Some(first) = found.first() {
            broken.push(format!(
                "{}: {} places, such as {first}",
                rule.says,
                found.len()
            ));
        }
    }
    Ok(broken)
}

/// Breaks a consistent database that has orders, rule by rule, and takes it back each time.
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
            "{} is not noticed: {}",
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
