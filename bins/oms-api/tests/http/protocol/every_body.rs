//! Takes every JSON body of the API's document, and replaces one member at a time by an equivalent value or by a value
//! of a wrong type.

use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::request::new_key;
use crate::shop::Shop;

/// An operation that reads JSON, with a body that has all members.
struct Operation {
    method: Method,
    path: String,
    body: Value,
    /// The optional members.
    optional: Vec<String>,
}

/// Members whose absence means more than any value, so that blank does not count as absent.
const NEVER_BLANK: [&str; 5] = [
    "amount",
    "expectedAmount",
    "fees",
    "shipping",
    "lines[0].amount",
];

fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(include_str!("../../../openapi.json")).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            // The gateway's bodies follow other rules than those of clients.
            if schema.is_null() || path.starts_with("/webhooks/") {
                continue;
            }
            let mut optional = Vec::new();
            let body = sample(&document, schema, "", &mut optional);
            operations.push(Operation {
                method: Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(),
                path: path.clone(),
                body,
                optional,
            });
        }
    }
    assert!(operations.len() >= 10, "{}", operations.len());
    operations
}

/// A value for a schema, with all possible members.
fn sample(document: &Value, schema: &Value, path: &str, optional: &mut Vec<String>) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let pointer = name.trim_start_matches('#');
        return sample(document, document.pointer(pointer).unwrap(), path, optional);
    }
    if let Some(alternatives) = schema["oneOf"].as_array() {
        let is_object = |it: &&Value| resolve(document, it)["type"] == "object";
        let best = alternatives.iter().rfind(is_object);
        return sample(document, best.unwrap_or(&alternatives[0]), path, optional);
    }
    let kind = schema["type"].as_str().or(schema["type"][0].as_str());
    match kind {
        Some("object") if schema["properties"].is_object() => {
            let required: Vec<&str> = array(&schema["required"])
                .filter_map(Value::as_str)
                .collect();
            let members = schema["properties"].as_object().unwrap().iter();
            let members = members.map(|(name, schema)| {
                let path = join(path, name);
                if !required.contains(&name.as_str()) {
                    optional.push(path.clone());
                }
                (name.clone(), sample(document, schema, &path, optional))
            });
            Value::Object(members.collect())
        }
        Some("array") => json!([sample(
            document,
            &schema["items"],
            &format!("{path}[0]"),
            optional
        )]),
        _ => example(schema),
    }
}

fn example(schema: &Value) -> Value {
    let written = array(&schema["examples"])
        .chain(array(&schema["enum"]))
        .next();
    written.cloned().unwrap_or_else(|| {
        match schema["type"].as_str().or(schema["type"][0].as_str()) {
            Some("integer" | "number") => schema["minimum"].as_i64().unwrap_or(1).into(),
            Some("string") if schema["format"] == "uuid" => json!(new_key()),
            Some("string") => json!("x"),
            Some("object") => json!({ "a": "b" }),
            _ => json!(true),
        }
    })
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let name = schema["$ref"].as_str();
    name.map_or(schema, |name| {
        document.pointer(name.trim_start_matches('#')).unwrap()
    })
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn join(parent: &str, name: &str) -> String {
    match parent {
        "" => name.to_owned(),
        parent => format!("{parent}.{name}"),
    }
}

/// All values in a body with their paths, including the body itself.
fn places(body: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    found.push((path.to_owned(), body.clone()));
    match body {
        Value::Object(members) => {
            for (name, value) in members {
                places(value, &join(path, name), found);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                places(value, &format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}

fn with_changed(body: &Value, path: &str, value: Value) -> Value {
    let mut changed = body.clone();
    let pointer = path.replace(['.', '['], "/").replace(']', "");
    let pointer = if path.is_empty() {
        String::new()
    } else {
        format!("/{pointer}")
    };
    *changed.pointer_mut(&pointer).unwrap() = value;
    changed
}

async fn fields_of(shop: &Shop, operation: &Operation, body: &Value) -> Vec<String> {
    let path = ["id", "warehouse", "product"]
        .iter()
        .fold(operation.path.clone(), |path, name| {
            path.replace(&format!("{{{name}}}"), &new_key())
        });
    let request = shop
        .customer()
        .request(operation.method.clone(), &path)
        .json(body);
    let request = request
        .header("if-match", "*")
        .header("idempotency-key", new_key());
    let answer = Answer::of(request.send().await.unwrap()).await;
    assert!(answer.status < 500, "{path} {body}: {answer:?}");
    let fields = answer.fields().into_iter();
    fields.map(str::to_owned).collect()
}

#[tokio::test]
async fn an_array_is_never_accepted_as_an_object() {
    let shop = Shop::open().await;
    for operation in &operations() {
        let mut found = Vec::new();
        places(&operation.body, "", &mut found);
        for (path, value) in found {
            let Value::Object(members) = value else {
                continue;
            };
            let array = Value::Array(members.values().cloned().collect());
            let fields = fields_of(
                &shop,
                operation,
                &with_changed(&operation.body, &path, array),
            )
            .await;
            let path = if path.is_empty() { "." } else { &path };
            assert_eq!(fields, [path], "{} {}", operation.path, operation.body);
        }
    }
}

#[tokio::test]
async fn a_blank_text_counts_as_absent_wherever_a_member_is_optional() {
    let shop = Shop::open().await;
    let mut tried = 0;
    for operation in &operations() {
        for path in &operation.optional {
            // Another member may require this one.
            let without = with_changed(&operation.body, path, Value::Null);
            let is_needed = fields_of(&shop, operation, &without).await.contains(path);
            for blank in ["", " \t", "\u{200B}"] {
                let body = with_changed(&operation.body, path, json!(blank));
                let fields = fields_of(&shop, operation, &body).await;
                let is_named = fields.contains(path);
                let never_blank = NEVER_BLANK.contains(&path.as_str());
                assert_eq!(
                    is_named,
                    never_blank || is_needed,
                    "{} {body}: {fields:?}",
                    operation.path
                );
                tried += 1;
            }
        }
    }
    assert!(tried >= 30, "{tried}");
}

#[tokio::test]
async fn a_whole_number_may_be_written_with_a_fraction_of_zero() {
    let shop = Shop::open().await;
    let mut tried = 0;
    for operation in &operations() {
        let mut found = Vec::new();
        places(&operation.body, "", &mut found);
        for (path, value) in found {
            let Some(number) = value.as_i64() else {
                continue;
            };
            let number: f64 = number.to_string().parse().unwrap();
            for (number, is_whole) in [(number, true), (number + 0.5, false)] {
                let body = with_changed(&operation.body, &path, json!(number));
                let fields = fields_of(&shop, operation, &body).await;
                let is_place = path.ends_with(".lat") || path.ends_with(".lng");
                assert_eq!(
                    !fields.contains(&path),
                    is_whole || is_place,
                    "{path}: {body}"
                );
            }
            tried += 1;
        }
    }
    assert!(tried >= 8, "{tried}");
}
