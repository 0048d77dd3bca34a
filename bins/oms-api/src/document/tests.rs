//! Checks the document against the OpenAPI schema, the table of routes, and its own contents.

use std::collections::{BTreeMap, BTreeSet};

use oms_testing::generated::assert_file;
use oms_web::Access;
use serde_json::{Value, json};

use super::{components, document, problem_types, text};
use crate::routes::ROUTES;

/// The schema of the OpenAPI Initiative; see the README beside it.
const OAS: &str = include_str!("../../tests/openapi/oas-3.1-2022-10-07.json");

/// Codes that belong to no operation, because they answer unknown methods.
const OF_NO_OPERATION: [&str; 1] = ["request.method_not_allowed"];

#[test]
fn the_committed_document_is_up_to_date() {
    assert_file("bins/oms-api/openapi.json", &format!("{}\n", text()));
}

#[test]
fn the_document_conforms_to_openapi() {
    let rules: Value = serde_json::from_str(OAS).unwrap();
    let rules = jsonschema::draft202012::new(&rules).unwrap();
    let document = document();
    let broken: Vec<String> = rules
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_schema_conforms_to_json_schema() {
    let document = document();
    let mut count = 0;
    each_schema(&document, &mut |schema| {
        count += 1;
        jsonschema::draft202012::meta::validate(schema)
            .unwrap_or_else(|error| panic!("{schema}: {error}"));
    });
    assert!(count > 100, "{count}");
}

#[test]
fn every_reference_resolves_and_every_component_is_used() {
    let document = document();
    let mut targets = BTreeSet::new();
    each(&document, &mut |part| {
        if let Some(target) = part["$ref"].as_str() {
            let pointer = target.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{target}");
            targets.insert(target.to_owned());
        }
    });
    for (kind, components) in document["components"].as_object().unwrap() {
        for name in components.as_object().unwrap().keys() {
            let target = format!("#/components/{kind}/{name}");
            let by_itself = kind == "securitySchemes"
                || name == "Allow"
                || OF_NO_OPERATION.contains(&name.as_str());
            assert!(by_itself || targets.contains(&target), "{target}");
        }
    }
}

#[test]
fn the_document_has_exactly_the_routes_and_credentials_of_the_table() {
    let document = document();
    let described: BTreeMap<(String, String), Value> = operations(&document)
        .map(|(method, path, operation)| ((method, path), operation["security"].clone()))
        .collect();
    let listed = ROUTES.iter().map(|route| {
        let security = match route.access {
            Access::Open => json!([]),
            Access::Signed => json!([{ components::SIGNATURE: [] }]),
            Access::Scope(scope) => {
                json!([{ components::API_KEY: [scope.as_str()] }, { components::TOKEN: [scope.as_str()] }])
            }
        };
        ((route.method.to_owned(), route.path.to_owned()), security)
    });
    assert_eq!(described, listed.collect());
}

#[test]
fn every_operation_has_a_summary_and_a_unique_id() {
    let document = document();
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{name}");
        let summary = operation["summary"].as_str().unwrap_or_default();
        assert!(
            !summary.is_empty() && !summary.ends_with('.'),
            "{method} {path}: {summary:?}"
        );
        assert_eq!(
            operation["tags"].as_array().map(Vec::len),
            Some(1),
            "{method} {path}"
        );
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let in_path = parameters.filter(|it| it["in"] == "path").count();
        assert_eq!(in_path, path.matches('{').count(), "{method} {path}");
    }
}

#[test]
fn every_code_belongs_to_an_operation_and_has_an_example() {
    let document = document();
    let mut codes = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let response = resolve(&document, response);
            let content = &response["content"]["application/problem+json"];
            let of_status = content["schema"]["allOf"][1]["properties"]["code"]["enum"].as_array();
            for code in of_status.into_iter().flatten().filter_map(Value::as_str) {
                let example = resolve(&document, &content["examples"][code]);
                assert_eq!(example["value"]["code"], code, "{method} {path}");
                assert_eq!(
                    example["value"]["status"].to_string(),
                    *status,
                    "{method} {path}"
                );
                codes.insert(code.to_owned());
            }
        }
    }
    codes.extend(OF_NO_OPERATION.map(str::to_owned));
    let all = problem_types().map(|it| it.code.to_owned());
    assert_eq!(codes, all.collect());
    let examples = document["components"]["examples"].as_object().unwrap();
    assert_eq!(codes, examples.keys().cloned().collect());
}

#[test]
fn every_example_conforms_to_its_schema() {
    let document = document();
    let mut count = 0;
    let mut check = |schema: &Value, example: &Value| {
        count += 1;
        let validator = validator(&document, schema);
        let broken: Vec<String> = validator
            .iter_errors(example)
            .map(|error| error.to_string())
            .collect();
        assert!(broken.is_empty(), "{example}: {broken:#?}");
    };
    each_schema(&document, &mut |schema| {
        for example in schema["examples"].as_array().into_iter().flatten() {
            check(schema, example);
        }
    });
    // Parameters, headers and bodies.
    each(&document, &mut |part| {
        if !part["schema"].is_object() {
            return;
        }
        if !part["example"].is_null() {
            check(&part["schema"], &part["example"]);
        }
        for example in part["examples"]
            .as_object()
            .into_iter()
            .flat_map(|it| it.values())
        {
            check(&part["schema"], &resolve(&document, example)["value"]);
        }
    });
    assert!(count > 100, "{count}");
}

#[test]
fn every_json_body_or_its_parts_have_an_example() {
    let document = document();
    for (method, path, operation) in operations(&document) {
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        if body.is_object() {
            let name = format!("{method} {path}");
            let schema = resolve(&document, body);
            let members = schema["properties"]
                .as_object()
                .into_iter()
                .flat_map(|it| it.values());
            let is_shown = |schema: &Value| {
                !resolve(&document, schema)["examples"].is_null() || schema["oneOf"].is_array()
            };
            assert!(
                is_shown(schema) || members.into_iter().any(is_shown),
                "{name}"
            );
        }
    }
}

fn validator(document: &Value, schema: &Value) -> jsonschema::Validator {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    let options = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true);
    options.build(&schema).unwrap()
}

/// The method, path and operation of each.
fn operations(document: &Value) -> impl Iterator<Item = (String, String, &Value)> {
    let items = document["paths"].as_object().unwrap().iter();
    items.flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation))
    })
}

fn resolve<'a>(document: &'a Value, part: &'a Value) -> &'a Value {
    match part["$ref"].as_str() {
        Some(target) => document.pointer(&target[1..]).unwrap(),
        None => part,
    }
}

/// Every object of the document, except those inside examples.
fn each<'a>(part: &'a Value, look: &mut impl FnMut(&'a Value)) {
    match part {
        Value::Object(members) => {
            look(part);
            let members = members
                .iter()
                .filter(|(name, _)| !["example", "value"].contains(&name.as_str()));
            members.for_each(|(_, it)| each(it, look));
        }
        Value::Array(parts) => parts.iter().for_each(|it| each(it, look)),
        _ => {}
    }
}

/// Every schema that is not part of another schema.
fn each_schema<'a>(document: &'a Value, look: &mut impl FnMut(&'a Value)) {
    let named = document["components"]["schemas"]
        .as_object()
        .unwrap()
        .values();
    for schema in named {
        // This includes its members, because it has their examples.
        look(schema);
        let members = schema["properties"]
            .as_object()
            .into_iter()
            .flat_map(|it| it.values());
        members.into_iter().for_each(&mut *look);
    }
    each(document, &mut |part| {
        if part["schema"].is_object() {
            look(&part["schema"]);
        }
    });
}
