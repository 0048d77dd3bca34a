//! Compares the JSON rules with those of serde.

use serde::Deserialize;

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    inner: Inner,
    #[serde(default)]
    list: Vec<Inner>,
    note: Option<String>,
    colour: Option<Colour>,
    #[serde(default, deserialize_with = "object_or_null")]
    amount: Option<Inner>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inner {
    whole: i64,
    #[serde(default)]
    small: Option<i32>,
    #[serde(default)]
    degrees: f64,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Colour {
    Red,
}

fn read(text: &str) -> Result<Body, (String, String)> {
    from_slice(text.as_bytes()).map_err(|error| match error {
        InvalidJson::Member(FieldError { field, message }) => (field, message),
        InvalidJson::Syntax(error) => ("syntax".to_owned(), error.to_string()),
    })
}

fn inner(json: &str) -> Result<Inner, (String, String)> {
    read(&format!("{{\"inner\":{json}}}")).map(|body| body.inner)
}

#[test]
fn a_whole_number_may_be_written_in_any_notation() {
    for (json, whole) in [
        ("1", 1),
        ("1.0", 1),
        ("1e0", 1),
        ("10E-1", 1),
        ("1.50e2", 150),
        ("-0", 0),
        ("-0.0", 0),
        ("-3.0", -3),
        ("9007199254740992.0", 9_007_199_254_740_992),
        ("9007199254740993", 9_007_199_254_740_993),
    ] {
        let read = inner(&format!("{{\"whole\":{json}}}")).unwrap();
        assert_eq!(read.whole, whole, "{json}");
    }
    for json in [
        "1.5",
        "1e-1",
        "1e300",
        "9007199254740994.0",
        "\"1\"",
        "true",
        "[1]",
    ] {
        let refused = inner(&format!("{{\"whole\":{json}}}")).unwrap_err();
        let expected = (
            "inner.whole".to_owned(),
            "must be a whole number".to_owned(),
        );
        assert_eq!(refused, expected, "{json}");
    }
    let small = |json| inner(&format!("{{\"whole\":1,\"small\":{json}}}"));
    assert_eq!(small("2.0").unwrap().small, Some(2));
    assert!(small("4294967297.0").is_err());
}

#[test]
fn negative_zero_is_zero() {
    for json in ["-0", "-0.0", "0", "-0e5"] {
        let degrees = inner(&format!("{{\"whole\":1,\"degrees\":{json}}}"))
            .unwrap()
            .degrees;
        assert_eq!(degrees.to_bits(), 0.0_f64.to_bits(), "{json}");
    }
}

#[test]
fn an_array_is_not_an_object_at_any_depth() {
    for (json, path) in [
        ("[[1]]", "."),
        (r#"{"inner":[1]}"#, "inner"),
        (r#"{"inner":[1,2,3]}"#, "inner"),
        (r#"{"inner":{"whole":1},"list":[[1]]}"#, "list[0]"),
        (r#"{"inner":{"whole":1},"amount":[1]}"#, "amount"),
    ] {
        let (field, message) = read(json).unwrap_err();
        assert_eq!(field, path, "{json}");
        assert_eq!(message, "must be an object", "{json}");
    }
}

#[test]
fn a_blank_text_counts_as_absent_where_a_value_is_optional() {
    for blank in ["", " ", "\\n\\t", "\\u200b", "\\u00a0"] {
        let json = format!(
            r#"{{"inner":{{"whole":1,"small":"{blank}"}},"note":"{blank}","colour":"{blank}"}}"#
        );
        let body = read(&json).unwrap();
        assert_eq!(
            (body.note, body.colour, body.inner.small),
            (None, None, None)
        );
        let amount = format!(r#"{{"inner":{{"whole":1}},"amount":"{blank}"}}"#);
        let refused = read(&amount).unwrap_err();
        assert_eq!(
            refused,
            ("amount".to_owned(), "must be an object".to_owned())
        );
    }
    let null = r#"{"inner":{"whole":1},"note":null,"amount":null}"#;
    assert_eq!(read(null).unwrap().amount, None);
    let some = r#"{"inner":{"whole":1},"note":" x ","colour":"red","amount":{"whole":2}}"#;
    let some = read(some).unwrap();
    assert_eq!(some.note.as_deref(), Some(" x "));
    assert_eq!(some.colour, Some(Colour::Red));
    assert_eq!(some.amount.unwrap().whole, 2);
}

#[test]
fn values_that_serde_rejects_are_still_rejected() {
    for (json, field) in [
        (r#"{"inner":{"whole":1,"whole":2}}"#, "inner.whole"),
        (r#"{"inner":{"whole":1,"more":2}}"#, "inner.more"),
        (r#"{"inner":{}}"#, "inner.whole"),
        (r#"{"inner":{"whole":1},"colour":"blue"}"#, "colour"),
        (r#"{"inner":{"whole":1},"colour":{"red":1}}"#, "colour.red"),
        (r#"{"inner":{"whole":1}"#, "syntax"),
        (r#"{"inner":{"whole":01}}"#, "syntax"),
        (r#"{"inner":{"whole":1e999}}"#, "syntax"),
        (r#"{"inner":{"whole":NaN}}"#, "syntax"),
        ("", "syntax"),
        ("{} {}", "syntax"),
    ] {
        assert_eq!(read(json).unwrap_err().0, field, "{json}");
    }
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    assert_eq!(read(&deep).unwrap_err().0, "syntax");
}

#[test]
fn a_byte_order_mark_before_json_is_skipped() {
    assert!(read("\u{FEFF}{\"inner\":{\"whole\":1}}").is_ok());
    assert!(read("\u{FEFF}\u{FEFF}{\"inner\":{\"whole\":1}}").is_err());
    assert!(read("\u{FEFF}").is_err());
}
