//! The statements of one order as a script for pgbench.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde::Serialize;

use super::literal::{self, Type};
use super::server_log::Sent;
use super::variables::{Ids, Sample, settings, stray};

/// How the statements are grouped into transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shape {
    /// A whole order in one transaction: one commit, and locks are held until it ends.
    OneTransaction,
    /// As the server sent them: several commits, and locks are held for a shorter time.
    AsSent,
}

impl Shape {
    pub(crate) const ALL: [Self; 2] = [Self::OneTransaction, Self::AsSent];
}

/// The texts before a transaction's lock time-out. An order that waits too long leaves its batch and is retried. A
/// script can't do that, so it waits without limit.
const LOCK_TIMEOUT: [&str; 2] = [
    "set_config('lock_timeout', ",
    "set_config('lock_timeout', coalesce(",
];
const NO_TIMEOUT: &str = "'0'";

/// The table that the relay of events locks. Its statements name the order, but a worker sends them, for many orders.
const RELAYS: &str = "events.heads";

/// A pgbench script.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    settings: String,
    /// Statements, transaction by transaction.
    groups: Vec<Group>,
}

#[derive(Clone, Debug, Default)]
struct Group {
    begin: Option<String>,
    statements: Vec<String>,
    end: Option<String>,
    /// Whether the script contains a statement of the sampled order.
    is_of_order: bool,
}

impl Script {
    /// Builds the script from the sampled order's statements, without those of background workers.
    pub(super) fn of(sent: &[Sent], sample: &Sample<'_>) -> Result<Self> {
        let mut ids = Ids::of(sample);
        let mut groups: Vec<Group> = Vec::new();
        let mut open: BTreeMap<u32, Group> = BTreeMap::new();
        for statement in sent {
            let session = statement.session;
            let first = statement.text.split_whitespace().next();
            match first.unwrap_or_default().trim_end_matches(';') {
                "BEGIN" | "START" => {
                    // Drops the limit on lock waits that some transactions set together with BEGIN.
                    let begin = statement.text.split(';').next().map(str::to_owned);
                    open.insert(
                        session,
                        Group {
                            begin,
                            ..Group::default()
                        },
                    );
                }
                "COMMIT" | "ROLLBACK" => {
                    if let Some(mut group) = open.remove(&session) {
                        group.end = Some(statement.text.clone());
                        groups.push(group);
                    }
                }
                _ => {
                    ids.met = false;
                    let text = with_values(statement, &mut ids)?;
                    match open.get_mut(&session) {
                        Some(group) => group.add(text, ids.met),
                        None => {
                            let mut group = Group::default();
                            group.add(text, ids.met);
                            groups.push(group);
                        }
                    }
                }
            }
        }
        groups.retain(|group| group.is_of_order && !group.is_of_relay());
        Ok(Self {
            settings: settings(sample),
            groups,
        })
    }

    /// The number of statements of an order, without transaction control.
    pub(crate) fn statements(&self) -> usize {
        self.groups.iter().map(|group| group.statements.len()).sum()
    }

    /// Returns the round trips of an order if none of its statements were pipelined.
    pub(crate) fn round_trips(&self) -> usize {
        let control =
            |group: &Group| usize::from(group.begin.is_some()) + usize::from(group.end.is_some());
        self.statements() + self.groups.iter().map(control).sum::<usize>()
    }

    /// The number of transactions of an order.
    pub(crate) fn transactions(&self) -> usize {
        self.groups.len()
    }

    /// Returns the statements that sort warehouses by distance, each by itself.
    pub(crate) fn routing(&self) -> Result<Self> {
        let statements = self.groups.iter().flat_map(|group| &group.statements);
        let routing: Vec<String> = statements
            .filter(|text| text.contains(" <-> "))
            .cloned()
            .collect();
        ensure!(
            !routing.is_empty(),
            "no statement of an order sorts by distance"
        );
        let group = Group {
            statements: routing,
            ..Group::default()
        };
        Ok(Self {
            settings: self.settings.clone(),
            groups: vec![group],
        })
    }

    /// Returns the script's text.
    pub(crate) fn text(&self, shape: Shape) -> String {
        let mut lines: Vec<&str> = Vec::new();
        if shape == Shape::OneTransaction {
            // Begins transactions as the server does, because its statements may depend on it.
            let begin = self.groups.iter().find_map(|group| group.begin.as_deref());
            lines.push(begin.unwrap_or("BEGIN"));
        }
        for group in &self.groups {
            let control = |text: &'_ Option<String>| shape == Shape::AsSent && text.is_some();
            lines.extend(group.begin.as_deref().filter(|_| control(&group.begin)));
            lines.extend(group.statements.iter().map(String::as_str));
            lines.extend(group.end.as_deref().filter(|_| control(&group.end)));
        }
        if shape == Shape::OneTransaction {
            lines.push("COMMIT");
        }
        let mut text = self.settings.clone();
        for line in lines {
            text.push_str(line.trim().trim_end_matches(';'));
            text.push_str(";\n");
        }
        text
    }
}

impl Group {
    fn is_of_relay(&self) -> bool {
        let mut statements = self.statements.iter();
        statements.any(|statement| statement.contains(RELAYS))
    }

    fn add(&mut self, statement: String, is_of_order: bool) {
        self.statements.push(statement);
        self.is_of_order |= is_of_order;
    }
}

fn with_values(sent: &Sent, ids: &mut Ids<'_>) -> Result<String> {
    // A driver may write its parameters into a comment, which would swallow the semicolon in a script.
    let lines = sent
        .text
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"));
    let statement = lines.collect::<Vec<_>>().join("\n");
    let mut text = String::new();
    let mut rest = statement.as_str();
    while let Some((before, after)) = rest.split_once('$') {
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = after.split_at(digits);
        text.push_str(before);
        match number
            .parse::<usize>()
            .ok()
            .and_then(|number| sent.parameters.get(number.checked_sub(1)?))
        {
            Some(_) if LOCK_TIMEOUT.iter().any(|before| text.ends_with(before)) => {
                text.push_str(NO_TIMEOUT);
            }
            Some(value) => {
                let ty = if after.starts_with("::") {
                    Type::Said
                } else {
                    Type::Unsaid
                };
                text.push_str(&literal::sql(value.as_deref(), ty, ids));
            }
            None => {
                text.push('$');
                text.push_str(number);
            }
        }
        rest = after;
    }
    text.push_str(rest);
    let stray = stray(&text);
    ensure!(
        stray.is_none(),
        "pgbench would replace {stray:?} as a variable in: {text}"
    );
    Ok(text)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::dataset::product_id;
    use crate::workload::{Scene, Workload};

    fn sample(order_id: Uuid) -> Sample<'static> {
        const SCENE: Scene = Workload::Uniform.scene();
        Sample {
            scene: &SCENE,
            order_id,
            key: "the-key",
            place: (30.5, -120.25),
            products: vec![product_id(7), product_id(9)],
            fixed: vec![Uuid::nil()],
        }
    }

    fn sent(session: u32, text: &str, parameters: &[&str]) -> Sent {
        let parameters = parameters
            .iter()
            .map(|text| Some((*text).to_owned()))
            .collect();
        Sent {
            session,
            text: text.to_owned(),
            parameters,
        }
    }

    #[test]
    fn an_orders_statements_are_kept_with_new_ids_and_a_workers_are_omitted() {
        let order = Uuid::from_u128(0x018f_0000_0000_7000_8000_0000_0000_0001);
        let attempt = Uuid::from_u128(0x018f_0000_0000_7000_8000_0000_0000_0002);
        let log = [
            sent(
                1,
                "SELECT price FROM p WHERE tenant_id = $1 AND id = ANY ($2)",
                &[
                    &Uuid::nil().to_string(),
                    &format!("{{{},{}}}", product_id(7), product_id(9)),
                ],
            ),
            sent(1, "BEGIN; SET LOCAL lock_timeout = '10ms'", &[]),
            sent(
                2,
                "UPDATE work SET due_at = now() WHERE tenant_id = $1",
                &[&Uuid::nil().to_string()],
            ),
            sent(
                1,
                "INSERT INTO orders VALUES ($1, $2)\n--$1$2",
                &[&order.to_string(), "the-key"],
            ),
            sent(
                1,
                "INSERT INTO attempts VALUES ($1, $2)",
                &[&attempt.to_string(), &order.to_string()],
            ),
            sent(1, "COMMIT", &[]),
        ];
        let sample = sample(order);
        let script = Script::of(&log, &sample).unwrap();
        assert_eq!(
            (
                script.statements(),
                script.transactions(),
                script.round_trips()
            ),
            (3, 2, 5)
        );
        let text = script.text(Shape::AsSent);
        assert!(
            text.contains("ANY ((ARRAY[('00000000-0000-4000-b000-' || lpad(to_hex(:p0::bigint)"),
            "{text}"
        );
        assert!(text.contains("'bench-' || :n::bigint"), "{text}");
        assert!(
            text.contains("'70008000'") && text.contains("'70018000'"),
            "{text}"
        );
        assert!(
            !text.contains("UPDATE work") && !text.contains(&order.to_string()),
            "{text}"
        );
        let (begin, insert) = (text.find("BEGIN;").unwrap(), text.find("INSERT").unwrap());
        assert!(text.find("SELECT price").unwrap() < begin && begin < insert);
        assert!(
            !text.contains("--") && !text.contains("lock_timeout"),
            "{text}"
        );
        let one = script.text(Shape::OneTransaction);
        assert!(one.find("BEGIN;").unwrap() < one.find("SELECT price").unwrap());
        assert_eq!(one.matches("COMMIT;").count(), 1);
    }

    #[test]
    fn routing_has_only_the_statements_that_sort_by_distance() {
        let order = Uuid::from_u128(5);
        let routes = "SELECT id FROM w ORDER BY place <-> $1";
        let log = [
            sent(1, "BEGIN", &[]),
            sent(1, routes, &[&product_id(7).to_string()]),
            sent(1, "INSERT INTO orders VALUES ($1)", &[&order.to_string()]),
            sent(1, "COMMIT", &[]),
        ];
        let script = Script::of(&log, &sample(order)).unwrap();
        let text = script.routing().unwrap().text(Shape::AsSent);
        assert!(text.contains("<->") && !text.contains("BEGIN") && !text.contains("INSERT"));
        let none = Script::of(&log[2..3], &sample(order)).unwrap();
        assert!(none.routing().is_err());
    }

    #[test]
    fn a_script_waits_for_locks_without_limit() {
        let order = Uuid::from_u128(5);
        let bound = "SELECT set_config('lock_timeout', coalesce($2, current_setting('lock_timeout')), true), $1";
        let log = [sent(1, bound, &[&order.to_string(), "10ms"])];
        let text = Script::of(&log, &sample(order))
            .unwrap()
            .text(Shape::AsSent);
        assert!(text.contains("coalesce('0', current_setting"), "{text}");
    }

    #[test]
    fn a_name_that_pgbench_would_replace_is_rejected() {
        let order = Uuid::from_u128(5);
        let log = [sent(1, "SELECT 'a:b', $1", &[&order.to_string()])];
        let error = Script::of(&log, &sample(order)).unwrap_err();
        assert!(error.to_string().contains('b'), "{error}");
    }
}
