//! A small PromQL parser that finds the series of an expression.

/// A selector: the name of a metric and the conditions on its labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    pub metric: String,
    /// Label, operator, value.
    pub matchers: Vec<(String, String, String)>,
}

/// Keywords that are followed by labels in parentheses.
const GROUPINGS: [&str; 6] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
];

/// Keywords between two expressions.
const OPERATORS: [&str; 4] = ["and", "or", "unless", "bool"];

/// The names in an expression.
#[derive(Debug, Default)]
pub struct Named {
    pub selectors: Vec<Selector>,
    /// The labels of its groupings.
    pub grouped_by: Vec<String>,
}

/// Parses an expression. Functions and numbers are skipped; any other name counts as a metric.
pub fn named(expression: &str) -> Named {
    let mut named = Named::default();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        if first.is_ascii_alphabetic() || first == '_' || first == ':' {
            let (word, after) = split_word(rest);
            rest = after.trim_start();
            if GROUPINGS.contains(&word) {
                let (labels, after) = bracketed(rest, ')');
                let labels = labels.split(',').map(|label| label.trim().to_owned());
                named.grouped_by.extend(labels);
                rest = after;
            } else if !OPERATORS.contains(&word)
                && !rest.starts_with('(')
                && !is_followed_by_grouping(rest)
            {
                let (matchers, after) = match rest.starts_with('{') {
                    true => bracketed(rest, '}'),
                    false => ("", rest),
                };
                rest = after;
                named.selectors.push(Selector {
                    metric: word.to_owned(),
                    matchers: matchers.split(',').filter_map(matcher).collect(),
                });
            }
        } else if first == '[' {
            rest = bracketed(rest, ']').1;
        } else if first.is_ascii_digit() {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '.');
        } else {
            rest = &rest[first.len_utf8()..];
        }
    }
    named
}

/// `sum by (le) (…)`: the word before `by` is an operator.
fn is_followed_by_grouping(rest: &str) -> bool {
    matches!(split_word(rest).0, "by" | "without")
}

fn split_word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    text.split_at(end.unwrap_or(text.len()))
}

/// The text inside the brackets with which `text` begins, and the text after them. No value contains a bracket.
fn bracketed(text: &str, closing: char) -> (&str, &str) {
    let (inside, after) = text
        .split_once(closing)
        .unwrap_or_else(|| panic!("{closing} is missing: {text}"));
    (&inside[1..], after)
}

fn matcher(text: &str) -> Option<(String, String, String)> {
    let text = text.trim();
    let operator = ["=~", "!~", "!=", "="]
        .into_iter()
        .find(|operator| text.contains(operator))?;
    let (label, value) = text.split_once(operator)?;
    let value = value.trim().trim_matches('"');
    Some((
        label.trim().to_owned(),
        operator.to_owned(),
        value.to_owned(),
    ))
}

#[test]
fn the_metrics_matchers_and_groupings_of_an_expression_are_found() {
    let expression = "histogram_quantile(0.99, sum by (le, kind) (rate(a_bucket{x=\"1\", y=~\"b|c\"}[5m]))) \
                      / on (z) max(d) > 1e3 and time() - e == 2";
    let Named {
        selectors,
        grouped_by,
    } = named(expression);
    let names: Vec<_> = selectors.iter().map(|s| s.metric.as_str()).collect();
    assert_eq!(names, ["a_bucket", "d", "e"]);
    let text = |text: &str| text.to_owned();
    assert_eq!(
        selectors[0].matchers,
        [
            (text("x"), text("="), text("1")),
            (text("y"), text("=~"), text("b|c")),
        ]
    );
    assert_eq!(grouped_by, ["le", "kind", "z"]);
}
