//! Reads what `log_statement = 'all'` writes.

/// A statement that a session sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) session: u32,
    pub(super) text: String,
    /// `$1`, `$2`, … as text; `None` is NULL.
    pub(super) parameters: Vec<Option<String>>,
}

/// Returns the statements of a log, in order of arrival.
pub(super) fn statements(log: &str) -> Vec<Sent> {
    let mut sent: Vec<Sent> = Vec::new();
    for record in records(log) {
        let Some((session, level, message)) = parse(&record) else {
            continue;
        };
        if level == "LOG" {
            sent.extend(statement(session, message));
        } else if let ("DETAIL", Some(parameters), Some(last)) =
            (level, message.strip_prefix("parameters: "), sent.last_mut())
            && last.session == session
        {
            last.parameters = values(parameters);
        }
    }
    sent
}

fn statement(session: u32, message: &str) -> Option<Sent> {
    let text = match message.strip_prefix("statement: ") {
        Some(text) => text,
        None => message.strip_prefix("execute ")?.split_once(": ")?.1,
    };
    Some(Sent {
        session,
        text: text.to_owned(),
        parameters: Vec::new(),
    })
}

/// Splits a log into records. Continuation lines of a record begin with a tab that is not part of it.
fn records(log: &str) -> Vec<String> {
    let mut records: Vec<String> = Vec::new();
    for line in log.lines() {
        match (line.strip_prefix('\t'), records.last_mut()) {
            (Some(rest), Some(record)) => {
                record.push('\n');
                record.push_str(rest);
            }
            _ => records.push(line.to_owned()),
        }
    }
    records
}

/// `2026-11-24 04:12:37.123 UTC [4711] LOG:  message`
fn parse(record: &str) -> Option<(u32, &str, &str)> {
    let (_, rest) = record.split_once('[')?;
    let (session, rest) = rest.split_once("] ")?;
    let (level, message) = rest.split_once(":  ")?;
    Some((session.parse().ok()?, level, message))
}

/// `$1 = 'it''s', $2 = NULL`
fn values(text: &str) -> Vec<Option<String>> {
    let mut values = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(" = ") {
        let Some(quoted) = after.strip_prefix('\'') else {
            values.push(None);
            rest = after.trim_start_matches("NULL");
            continue;
        };
        let (value, after) = unquote(quoted);
        values.push(Some(value));
        rest = after;
    }
    values
}

/// Returns a value up to its closing quote, and the rest.
fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut rest = text;
    while let Some((piece, after)) = rest.split_once('\'') {
        value.push_str(piece);
        match after.strip_prefix('\'') {
            Some(after) => {
                value.push('\'');
                rest = after;
            }
            None => return (value, after),
        }
    }
    (value + rest, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
2026-11-24 04:12:37.123 UTC [11] LOG:  statement: BEGIN
2026-11-24 04:12:37.124 UTC [11] LOG:  execute s4: INSERT INTO t
\t    (a, b, c)
\tVALUES ($1, $2, $3)
2026-11-24 04:12:37.124 UTC [11] DETAIL:  parameters: $1 = 'it''s = ''a''', $2 = NULL, $3 = '{1,
\t2}'
2026-11-24 04:12:37.200 UTC [12] LOG:  checkpoint starting: time
2026-11-24 04:12:37.300 UTC [12] LOG:  execute <unnamed>: SELECT 1
";

    #[test]
    fn statements_are_read_with_their_parameters() {
        let found = statements(LOG);
        assert_eq!(found.len(), 3);
        assert_eq!((found[0].session, found[0].text.as_str()), (11, "BEGIN"));
        assert_eq!(
            found[1].text,
            "INSERT INTO t\n    (a, b, c)\nVALUES ($1, $2, $3)"
        );
        let expected = [
            Some("it's = 'a'".to_owned()),
            None,
            Some("{1,\n2}".to_owned()),
        ];
        assert_eq!(found[1].parameters, expected);
        assert_eq!(found[2].text, "SELECT 1");
    }
}
