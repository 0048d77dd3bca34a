//! Rules for the texts of statements, against constructs that a distributed engine rejects or sends to all of its
//! nodes.

use std::collections::BTreeMap;

use super::tokens::{Placed, Token, read};

/// The volatility of functions by name; of overloaded functions, the most volatile. Names that are missing are grammar,
/// such as `coalesce`.
pub(super) type Volatilities = BTreeMap<String, Volatility>;

/// Volatility as in PostgreSQL's catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Volatility {
    Immutable,
    Stable,
    Volatile,
}

/// A tokenised statement.
pub(super) struct Statement<'a> {
    text: &'a str,
    tokens: Vec<Placed>,
    volatilities: &'a Volatilities,
}

/// The comment that marks a statement that reads rows of many tenants; the reason follows.
const ACROSS: &str = "-- across tenants: ";
/// The comment that marks a statement that writes rows of many tenants.
const WRITES_ACROSS: &str = "-- writes across tenants: ";

/// The beginning of a statement that only plain PostgreSQL gets; the reason follows. A distributed engine gets others.
const PLAIN_ONLY: &str = "-- plain PostgreSQL: ";

/// Keywords and argument names, which are not columns.
const NO_COLUMNS: [&str; 17] = [
    "secs", "mins", "hours", "days", "case", "when", "then", "else", "end", "null", "true",
    "false", "interval", "and", "or", "not", "is",
];

impl<'a> Statement<'a> {
    pub(super) fn read(text: &'a str, volatilities: &'a Volatilities) -> Self {
        Self {
            text,
            tokens: read(text),
            volatilities,
        }
    }

    /// Returns whether the statement is marked as being across tenants.
    pub(super) fn is_across(&self) -> bool {
        self.has_line(ACROSS) || self.has_line(WRITES_ACROSS)
    }

    /// Returns whether the statement is for plain PostgreSQL only.
    pub(super) fn is_plain_only(&self) -> bool {
        let reason = self.text.strip_prefix(PLAIN_ONLY);
        reason.is_some_and(|reason| !reason.starts_with('\n'))
    }

    fn has_line(&self, beginning: &str) -> bool {
        let mut lines = self.text.lines().map(str::trim_start);
        lines.any(|line| {
            line.strip_prefix(beginning)
                .is_some_and(|why| !why.is_empty())
        })
    }

    /// Returns the rules that the statement breaks, each with advice.
    pub(super) fn broken(&self) -> Vec<(&'static str, String)> {
        let mut broken = Vec::new();
        let mut add = |rule, found: Option<String>| {
            if let Some(found) = found {
                broken.push((rule, found));
            }
        };
        add("T1", self.insert_beside_with());
        add("T2", self.insert_from_nowhere());
        add("T3", self.time_under_condition());
        add("T4", self.changeable_answer());
        add("T5", self.stable_over_column());
        add("T6", self.lock_or_recursion());
        broken
    }

    fn words_at(&self, depth: usize) -> impl Iterator<Item = (usize, &str)> {
        let placed = self.tokens.iter().enumerate();
        placed
            .filter(move |(_, placed)| placed.depth == depth)
            .filter_map(|(place, placed)| Some((place, placed.token.word()?)))
    }

    fn place_of(&self, word: &str) -> Option<usize> {
        let mut words = self.words_at(0);
        words.find(|(_, own)| *own == word).map(|(place, _)| place)
    }

    fn has(&self, word: &str) -> bool {
        self.tokens.iter().any(|placed| placed.token.is(word))
    }

    /// Returns whether the statement changes existing rows. `FOR UPDATE` changes none, and `DO UPDATE` only rows in
    /// conflict.
    fn changes_rows(&self) -> bool {
        let verb = |place: usize, word: &str| {
            let before = place
                .checked_sub(1)
                .map(|before| &self.tokens[before].token);
            let is_part = |token: &Token| ["for", "do", "key", "of"].iter().any(|it| token.is(it));
            word == "delete" || (word == "update" && !before.is_some_and(is_part))
        };
        let mut words = self.tokens.iter().enumerate();
        words.any(|(place, placed)| placed.token.word().is_some_and(|word| verb(place, word)))
    }

    /// T1: a distributed engine can't run an INSERT inside or after WITH on one node.
    fn insert_beside_with(&self) -> Option<String> {
        let inside = self
            .tokens
            .iter()
            .any(|it| it.depth > 0 && it.token.is("insert"));
        let after = self
            .tokens
            .first()
            .is_some_and(|first| first.token.is("with"))
            && self.place_of("insert").is_some();
        (inside || after)
            .then(|| "an INSERT inside or after WITH: make it a separate statement".to_owned())
    }

    /// T2: INSERT … SELECT reads a table of the tenant, and has an alias for its target if it has RETURNING.
    fn insert_from_nowhere(&self) -> Option<String> {
        let insert = self.place_of("insert")?;
        let select = self
            .words_at(0)
            .find(|(place, word)| *place > insert && *word == "select")?;
        let from = self
            .words_at(0)
            .find(|(place, word)| *place > select.0 && *word == "from");
        let reads_table = from.is_some_and(|(from, _)| {
            let after = &self.tokens[from..];
            after.windows(3).any(|three| {
                three[0].depth == 0
                    && three[0].token.word().is_some_and(is_schema)
                    && three[1].token.is_sign('.')
            })
        });
        if !reads_table {
            let advice = "INSERT … SELECT without a table: write `FROM tenancy.tenants t CROSS JOIN unnest(…) WHERE t.tenant_id = $1`";
            return Some(advice.to_owned());
        }
        let target = &self.tokens[insert..select.0];
        let names_target = target.iter().any(|it| it.depth == 0 && it.token.is("as"));
        let returns = self.place_of("returning").is_some();
        (returns && !names_target).then(|| {
            "INSERT … SELECT with RETURNING needs an alias for its target table".to_owned()
        })
    }

    /// T3: a statement that changes rows has no time or random value inside COALESCE or CASE.
    fn time_under_condition(&self) -> Option<String> {
        let changed = match (self.changes_rows(), self.place_of("conflict")) {
            (true, _) => &self.tokens[..],
            (false, Some(conflict)) => &self.tokens[conflict..],
            (false, None) => return None,
        };
        let mut place = 0;
        while place < changed.len() {
            let part = if changed[place].token.is("coalesce") {
                brackets(changed, place + 1)
            } else if changed[place].token.is("case") {
                until_end(changed, place)
            } else {
                &[]
            };
            let is_changeable = |place: &usize| {
                let word = part[*place].token.word();
                word.is_some_and(|word| word.starts_with("current_"))
                    || self.volatility(part, *place) > Volatility::Immutable
            };
            if let Some(found) = (0..part.len()).find(is_changeable) {
                let name = part[found].token.word().unwrap_or_default();
                return Some(format!(
                    "{name} inside COALESCE or CASE: write greatest(…) or least(…), which ignore NULL"
                ));
            }
            place += 1;
        }
        None
    }

    /// T4: RETURNING and the condition of DO UPDATE depend only on the row.
    fn changeable_answer(&self) -> Option<String> {
        let returning = self
            .place_of("returning")
            .filter(|_| self.place_of("select") != Some(0));
        let update = self.tokens.windows(2).position(|two| {
            two[0].depth == 0 && two[0].token.is("do") && two[1].token.is("update")
        });
        let condition = update.and_then(|update| {
            let mut words = self.words_at(0);
            words.find(|(place, word)| *place > update && *word == "where")
        });
        let ends = |from: usize| {
            let mut words = self.words_at(0);
            let end = words.find(|(place, word)| *place > from && *word == "returning");
            end.map_or(self.tokens.len(), |(place, _)| place)
        };
        let parts = [
            returning.map(|from| &self.tokens[from..]),
            condition.map(|(from, _)| &self.tokens[from..ends(from)]),
        ];
        for part in parts.into_iter().flatten() {
            for (place, it) in part.iter().enumerate() {
                let Some(word) = it.token.word() else {
                    continue;
                };
                let is_changeable = self.volatility(part, place) > Volatility::Immutable
                    || ["interval", "select", "extract"].contains(&word);
                if is_changeable {
                    return Some(format!(
                        "{word} in RETURNING or in the condition of DO UPDATE: return the columns, and calculate in Rust"
                    ));
                }
            }
        }
        None
    }

    /// T5: a statement that changes rows applies no function of time or settings to a column, and calls no volatile
    /// function.
    fn stable_over_column(&self) -> Option<String> {
        if !self.changes_rows() {
            return None;
        }
        for (place, it) in self.tokens.iter().enumerate() {
            let Some(word) = it.token.word() else {
                continue;
            };
            let arguments = brackets(&self.tokens, place + 1);
            let volatility = self.volatility(&self.tokens, place);
            if volatility == Volatility::Volatile {
                return Some(format!(
                    "{word}() in a statement that changes rows: bind its result as a parameter"
                ));
            }
            let takes_column = arguments.iter().enumerate().any(|(index, it)| {
                let is_function = arguments
                    .get(index + 1)
                    .is_some_and(|it| it.token.is_sign('('));
                let word = it.token.word();
                word.is_some_and(|word| !is_function && !NO_COLUMNS.contains(&word))
            });
            let is_moved = ["interval", "make_interval"].contains(&word) && {
                let before = place
                    .checked_sub(2)
                    .map(|before| &self.tokens[before..place]);
                before.is_some_and(|two| {
                    (two[1].token.is_sign('+') || two[1].token.is_sign('-'))
                        && two[0].token.word().is_some()
                })
            };
            let reckons =
                volatility == Volatility::Stable || ["extract", "make_interval"].contains(&word);
            if is_moved || (reckons && takes_column) {
                return Some(format!(
                    "{word} of a column in a statement that changes rows: read the column, and bind the result as a parameter"
                ));
            }
        }
        None
    }

    /// T6: recursion and locks.
    fn lock_or_recursion(&self) -> Option<String> {
        if self.has("recursive") && !self.is_across() {
            return Some(
                "WITH RECURSIVE, which a distributed engine can't run on one node".to_owned(),
            );
        }
        let locks = self.tokens.windows(2).any(|two| {
            two[0].token.is("for")
                && ["update", "share", "no", "key"]
                    .iter()
                    .any(|it| two[1].token.is(it))
        });
        if self.is_across() && locks {
            return Some("it locks rows of many tenants: lock the rows of one tenant".to_owned());
        }
        let writes = self.changes_rows() || self.place_of("insert").is_some();
        if writes && self.has_line(ACROSS) {
            let advice =
                "it writes rows of many tenants: mark it with `-- writes across tenants: why`";
            return Some(advice.to_owned());
        }
        let is_bound = |two: &[Placed]| {
            two[0].token.is_sign('(') && two[1].token == Token::Literal("lock_timeout".to_owned())
        };
        let sets = self.has("set_config") && self.tokens.windows(2).any(is_bound);
        sets.then(|| {
            "set_config of lock_timeout does not apply on other nodes: use transaction_within"
                .to_owned()
        })
    }

    /// Returns the volatility of the function that is called at a place. A name without a call is a column, even if a
    /// function has the same name.
    fn volatility(&self, tokens: &[Placed], place: usize) -> Volatility {
        let is_called = tokens
            .get(place + 1)
            .is_some_and(|it| it.token.is_sign('('));
        let name = tokens[place].token.word().filter(|_| is_called);
        let known = name.and_then(|name| self.volatilities.get(name).copied());
        known.unwrap_or(Volatility::Immutable)
    }
}

/// Returns whether a word is the name of a schema with tables of tenants.
pub(super) fn is_schema(word: &str) -> bool {
    [
        "access",
        "events",
        "fulfilment",
        "geocoding",
        "inventory",
        "orders",
        "payments",
        "tenancy",
    ]
    .contains(&word)
}

/// Returns the tokens inside the parentheses that open at a place; empty if none open there.
fn brackets(tokens: &[Placed], open: usize) -> &[Placed] {
    let Some(opening) = tokens.get(open).filter(|it| it.token.is_sign('(')) else {
        return &[];
    };
    let inside = &tokens[open + 1..];
    let end = inside.iter().position(|it| it.depth <= opening.depth);
    &inside[..end.unwrap_or(inside.len())]
}

/// Returns the tokens of a CASE up to its END.
fn until_end(tokens: &[Placed], case: usize) -> &[Placed] {
    let rest = &tokens[case..];
    let depth = rest[0].depth;
    let end = rest
        .iter()
        .position(|it| it.depth == depth && it.token.is("end"));
    &rest[..end.unwrap_or(rest.len())]
}

#[cfg(test)]
mod tests;
