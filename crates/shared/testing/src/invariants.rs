//! What must be true of the database whatever happened: rules, and defects that they must notice, as data.

use std::sync::LazyLock;

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use oms_database::Connection;
use serde::Deserialize;

static INVARIANTS: LazyLock<Invariants> = LazyLock::new(|| {
    toml::from_str(include_str!("../invariants.toml")).expect("invariants.toml has its own form")
});

#[derive(Deserialize)]
struct Invariants {
    rule: Vec<Rule>,
    defect: Vec<Defect>,
}

/// Something that must be true of the database.
#[derive(Clone, Debug, Deserialize)]
pub struct Rule {
    /// A name without blanks.
    pub name: String,
    /// The rule, as a sentence.
    pub says: String,
    /// A query that finds what breaks it, in one column of words.
    pub broken: String,
}

/// Something that a defect of the program could do to the database.
#[derive(Clone, Debug, Deserialize)]
pub struct Defect {
    /// Statements.
    pub sql: String,
    /// The names of all rules that notice it where there is an order of each kind.
    pub breaks: Vec<String>,
}

/// All rules.
pub fn rules() -> &'static [Rule] {
    &INVARIANTS.rule
}

/// All defects.
pub fn defects() -> &'static [Defect] {
    &INVARIANTS.defect
}

/// The rule of this name.
///
/// # Panics
/// When there is none.
pub fn rule(name: &str) -> &'static Rule {
    let mut rules = rules().iter();
    let rule = rules.find(|rule| rule.name == name);
    rule.unwrap_or_else(|| panic!("{name} is no rule"))
}

/// Checks every rule.
///
/// # Panics
/// When one is broken; the message says which and where.
pub async fn assert_invariants(connection: &mut Connection) {
    for rule in rules() {
        rule.assert_holds(connection).await;
    }
}

impl Rule {
    /// Checks the rule.
    ///
    /// # Panics
    /// When it is broken; the message says where.
    #[expect(clippy::disallowed_methods, reason = "the text is the same each time")]
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
        assert!(broken.is_empty(), "broken: {}: {broken:#?}", self.says);
    }
}
