//! Rules that must always hold in the database, and defects that the rules must detect, both as data.

use std::sync::LazyLock;

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use oms_database::Connection;
use serde::Deserialize;

static INVARIANTS: LazyLock<Invariants> = LazyLock::new(|| {
    toml::from_str(include_str!("../invariants.toml")).expect("invariants.toml is valid")
});

#[derive(Deserialize)]
struct Invariants {
    rule: Vec<Rule>,
    defect: Vec<Defect>,
}

/// A rule that must hold in the database.
#[derive(Clone, Debug, Deserialize)]
pub struct Rule {
    /// The name, without blanks.
    pub name: String,
    /// The rule, as a sentence.
    pub says: String,
    /// A query that selects violations, in one text column.
    pub broken: String,
}

/// Damage that a bug could do to the database.
#[derive(Clone, Debug, Deserialize)]
pub struct Defect {
    /// The statements that cause the damage.
    pub sql: String,
    /// The names of all rules that detect it in a database with an order of each kind.
    pub breaks: Vec<String>,
}

/// Returns all rules.
pub fn rules() -> &'static [Rule] {
    &INVARIANTS.rule
}

/// Returns all defects.
pub fn defects() -> &'static [Defect] {
    &INVARIANTS.defect
}

/// Returns the rule with a name.
///
/// # Panics
/// If there is none.
pub fn rule(name: &str) -> &'static Rule {
    let mut rules = rules().iter();
    let rule = rules.find(|rule| rule.name == name);
    rule.unwrap_or_else(|| panic!("there is no rule {name}"))
}

/// Asserts every rule.
///
/// # Panics
/// If a rule is violated. The message names the rule and the violations.
pub async fn assert_invariants(connection: &mut Connection) {
    for rule in rules() {
        rule.assert_holds(connection).await;
    }
}

impl Rule {
    /// Asserts the rule.
    ///
    /// # Panics
    /// If the rule is violated. The message lists the violations.
    #[expect(clippy::disallowed_methods, reason = "the text is constant")]
    pub async fn assert_holds(&self, connection: &mut Connection) {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            words: String,
        }
        let sql = format!("SELECT words FROM ({}) broken (words)", self.broken);
        let rows: Vec<Row> = diesel::sql_query(sql)
            .load(connection)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let broken: Vec<String> = rows.into_iter().map(|row| row.words).collect();
        assert!(broken.is_empty(), "violated: {}: {broken:#?}", self.says);
    }
}
