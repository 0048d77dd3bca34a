//! Removes null from the members that answers omit, and from parameters.
//!
//! utoipa documents an `Option` as both optional and nullable. Answers omit a member that has no value, so only their
//! required members can be null. In a request, null is accepted in place of an absent member where the handler reads an
//! `Option`.

use std::collections::BTreeSet;

use serde_json::Value;

/// Removes null where it is not possible.
pub(super) fn strip(document: &mut Value) {
    let asked: BTreeSet<String> = {
        let mut names = BTreeSet::new();
        for operation in operations(document) {
            referred(&operation["requestBody"], document, &mut names);
        }
        names
    };
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        let answered = schemas
            .iter_mut()
            .filter(|(name, _)| !asked.contains(*name));
        answered.for_each(|(_, schema)| strip_members(schema));
    }
    let items = document["paths"]
        .as_object_mut()
        .into_iter()
        .flat_map(|it| it.values_mut());
    let operations = items.flat_map(|item| {
        item.as_object_mut()
            .into_iter()
            .flat_map(|it| it.values_mut())
    });
    for operation in operations {
        let parameters = operation
            .get_mut("parameters")
            .and_then(Value::as_array_mut);
        for parameter in parameters.into_iter().flatten() {
            strip_null(&mut parameter["schema"]);
        }
        // An optional body can be absent, but not null.
        let body = operation.get_mut("requestBody");
        if let Some(schema) =
            body.and_then(|it| it.pointer_mut("/content/application~1json/schema"))
        {
            strip_null(schema);
        }
    }
}

fn operations(document: &Value) -> impl Iterator<Item = &Value> {
    let items = document["paths"]
        .as_object()
        .into_iter()
        .flat_map(|it| it.values());
    items.flat_map(|item| item.as_object().into_iter().flat_map(|it| it.values()))
}

/// Collects the names of the schemas that a part of the document refers to, directly or through other schemas.
fn referred(part: &Value, document: &Value, names: &mut BTreeSet<String>) {
    match part {
        Value::Object(members) => {
            let reference = members.get("$ref").and_then(Value::as_str);
            let name = reference.and_then(|it| it.strip_prefix("#/components/schemas/"));
            if let Some(name) = name
                && names.insert(name.to_owned())
            {
                referred(&document["components"]["schemas"][name], document, names);
            }
            members
                .values()
                .for_each(|it| referred(it, document, names));
        }
        Value::Array(parts) => parts.iter().for_each(|it| referred(it, document, names)),
        _ => {}
    }
}

fn strip_members(schema: &mut Value) {
    let required = schema.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| {
        required
            .as_array()
            .is_some_and(|all| all.iter().any(|it| it == name))
    };
    let members = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, member) in members.into_iter().flatten() {
        strip_members(member);
        if !is_required(name) {
            strip_null(member);
        }
    }
    for of in ["allOf", "oneOf"] {
        let parts = schema.get_mut(of).and_then(Value::as_array_mut);
        parts.into_iter().flatten().for_each(strip_members);
    }
    if let Some(items) = schema.get_mut("items") {
        strip_members(items);
    }
}

fn strip_null(schema: &mut Value) {
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|it| it != "null");
        if let [one] = types.as_slice() {
            schema["type"] = one.clone();
        }
    }
    if let Some(parts) = schema.get_mut("oneOf").and_then(Value::as_array_mut) {
        let count = parts.len();
        parts.retain(|it| it["type"] != "null");
        if let ([one], true) = (parts.as_slice(), count > 1) {
            let (one, mut rest) = (
                one.clone(),
                schema
                    .as_object_mut()
                    .map(std::mem::take)
                    .unwrap_or_default(),
            );
            rest.remove("oneOf");
            if let Value::Object(mut one) = one {
                one.extend(rest);
                *schema = Value::Object(one);
            }
        }
    }
}
