//! A logged parameter as SQL for pgbench: values that change from order to order become expressions, others literals.

use uuid::Uuid;

/// Replacements for the values that change from order to order.
pub(super) trait Varying {
    /// SQL of type `uuid` for an ID; `None` if it does not change.
    fn id(&mut self, id: Uuid) -> Option<String>;
    /// SQL for a whole value that is not an ID.
    fn whole(&mut self, text: &str) -> Option<String>;
}

/// Whether the statement casts the parameter to its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Said,
    Unsaid,
}

/// Returns the SQL of a parameter. PostgreSQL learned its type from the driver, which a script does not have. So the
/// type is guessed from the value if the statement does not have it.
pub(super) fn sql(value: Option<&str>, ty: Type, varying: &mut impl Varying) -> String {
    let Some(text) = value else {
        return "NULL".to_owned();
    };
    if let Some(expression) = varying.whole(text) {
        return expression;
    }
    match elements(text) {
        Some(elements) if !is_json(text) => array(&elements, ty, varying),
        _ => scalar(text, varying),
    }
}

fn array(elements: &[String], ty: Type, varying: &mut impl Varying) -> String {
    let items: Vec<String> = elements
        .iter()
        .map(|element| scalar(element, varying))
        .collect();
    let cast = match ty {
        Type::Said => "",
        Type::Unsaid => array_type(elements),
    };
    format!("(ARRAY[{}]{cast})", items.join(", "))
}

fn array_type(elements: &[String]) -> &'static str {
    let all = |is: fn(&String) -> bool| elements.iter().all(is);
    if all(|text| Uuid::try_parse(text).is_ok()) {
        "::uuid[]"
    } else if all(|text| text.parse::<i32>().is_ok()) {
        "::integer[]"
    } else if all(|text| text.parse::<i64>().is_ok()) {
        "::bigint[]"
    } else {
        ""
    }
}

fn scalar(text: &str, varying: &mut impl Varying) -> String {
    if let Some(expression) = varying.whole(text) {
        return expression;
    }
    if let Ok(id) = Uuid::try_parse(text) {
        return varying.id(id).unwrap_or_else(|| format!("'{text}'::uuid"));
    }
    if is_json(text) {
        return format!("{}::jsonb", quoted(text));
    }
    if text.starts_with("\\x") {
        return format!("{}::bytea", quoted(text));
    }
    if text.parse::<f64>().is_ok_and(f64::is_finite) {
        return format!("({text})");
    }
    if is_time(text) {
        return format!("{}::timestamptz", quoted(text));
    }
    with_ids(text, varying)
}

/// Text that contains IDs, such as `order:operation:attempt`.
fn with_ids(text: &str, varying: &mut impl Varying) -> String {
    let mut pieces: Vec<String> = Vec::new();
    let (mut plain, mut position) = (String::new(), 0);
    while let Some(letter) = text[position..].chars().next() {
        match id_at(text, position).and_then(|(id, length)| Some((varying.id(id)?, length))) {
            Some((expression, length)) => {
                pieces.push(quoted(&plain));
                plain.clear();
                let as_text = format!("{expression}::text");
                pieces.push(match length {
                    32 => format!("replace({as_text}, '-', '')"),
                    _ => as_text,
                });
                position += length;
            }
            None => {
                plain.push(letter);
                position += letter.len_utf8();
            }
        }
    }
    if pieces.is_empty() {
        return quoted(text);
    }
    pieces.push(quoted(&plain));
    format!("({})", pieces.join(" || "))
}

/// Returns the ID at a position of a text, with or without hyphens, and its length.
fn id_at(text: &str, position: usize) -> Option<(Uuid, usize)> {
    [36, 32].into_iter().find_map(|length| {
        let candidate = text.get(position..position + length)?;
        Some((Uuid::try_parse(candidate).ok()?, length))
    })
}

/// pgbench replaces `:name` inside literals too, so a literal must not contain a colon.
fn quoted(text: &str) -> String {
    if !text.contains([':', '\\']) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let escaped = text
        .replace('\\', "\\\\")
        .replace('\'', "''")
        .replace(':', "\\x3a");
    format!("E'{escaped}'")
}

fn is_json(text: &str) -> bool {
    text.starts_with(['{', '['])
        && text != "{}"
        && serde_json::from_str::<serde_json::Value>(text).is_ok()
}

/// `2026-11-24 04:12:37.5+00`
fn is_time(text: &str) -> bool {
    let shape: String = text
        .chars()
        .take(14)
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "0000-00-00 00:"
}

/// Returns the elements of a one-dimensional array's text without NULLs; `None` if it is anything else. The text of an
/// empty array is a literal of any array type as it is.
fn elements(text: &str) -> Option<Vec<String>> {
    if text == "{}" {
        return None;
    }
    let mut rest = text.strip_prefix('{')?.strip_suffix('}')?.chars();
    let (mut elements, mut element, mut is_quoted) = (Vec::new(), String::new(), false);
    while let Some(letter) = rest.next() {
        match letter {
            '"' => is_quoted = !is_quoted,
            '\\' => element.push(rest.next()?),
            ',' if !is_quoted => elements.push(std::mem::take(&mut element)),
            '{' | '}' if !is_quoted => return None,
            letter => element.push(letter),
        }
    }
    elements.push(element);
    elements
        .iter()
        .all(|element| element != "NULL")
        .then_some(elements)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = "018f0000-0000-7000-8000-000000000001";
    const FIXED: &str = "00000000-0000-4000-8000-000000000001";

    struct Order;

    impl Varying for Order {
        fn id(&mut self, id: Uuid) -> Option<String> {
            (id.to_string() == ORDER).then(|| "NEW".to_owned())
        }

        fn whole(&mut self, text: &str) -> Option<String> {
            (text == "0101").then(|| "PLACE".to_owned())
        }
    }

    fn unsaid(text: &str) -> String {
        sql(Some(text), Type::Unsaid, &mut Order)
    }

    #[test]
    fn varying_values_become_expressions_wherever_they_are() {
        assert_eq!(unsaid(ORDER), "NEW");
        assert_eq!(unsaid("0101"), "PLACE");
        assert_eq!(
            unsaid(&format!("{{{FIXED},{ORDER}}}")),
            format!("(ARRAY['{FIXED}'::uuid, NEW]::uuid[])")
        );
        assert_eq!(
            unsaid(&format!("{ORDER}:confirm")),
            "('' || NEW::text || E'\\x3aconfirm')"
        );
        let simple = ORDER.replace('-', "");
        assert_eq!(
            unsaid(&format!("pi_{simple}")),
            "('pi_' || replace(NEW::text, '-', '') || '')"
        );
    }

    #[test]
    fn constant_values_become_literals_of_the_right_type() {
        assert_eq!(unsaid("PAID"), "'PAID'");
        assert_eq!(unsaid("it's"), "'it''s'");
        assert_eq!(unsaid("1000"), "(1000)");
        assert_eq!(unsaid("\\x0a"), "E'\\\\x0a'::bytea");
        assert_eq!(unsaid("{1,2}"), "(ARRAY[(1), (2)]::integer[])");
        assert_eq!(unsaid("{USD}"), "(ARRAY['USD'])");
        assert_eq!(unsaid("{\"lat\": 1}"), "E'{\"lat\"\\x3a 1}'::jsonb");
        assert_eq!(sql(None, Type::Unsaid, &mut Order), "NULL");
        assert_eq!(sql(Some("{1}"), Type::Said, &mut Order), "(ARRAY[(1)])");
        assert!(unsaid("2026-11-24 04:12:37+00").ends_with("::timestamptz"));
    }

    #[test]
    fn quoted_array_elements_are_parsed() {
        let quoted = r#"{"{\"a\": 1}",b}"#;
        assert_eq!(elements(quoted).unwrap(), [r#"{"a": 1}"#, "b"]);
        assert_eq!(elements("{NULL}"), None);
        assert_eq!(unsaid("{}"), "'{}'");
        assert_eq!(sql(Some("{}"), Type::Said, &mut Order), "'{}'");
    }
}
