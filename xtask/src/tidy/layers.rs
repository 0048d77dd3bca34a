//! What each layer of a context may use: `domain` does no input or output, SQL is only in `store`, the web framework
//! only in `http`, and the HTTP client only in `adapters`.

use super::findings::Finding;
use super::rust::{Kind, RustFile};

/// A path that only some layers of a context may name.
struct Fence {
    rule: &'static str,
    paths: &'static [&'static [&'static str]],
    layers: &'static [&'static str],
    advice: &'static str,
}

const FENCES: [Fence; 3] = [
    Fence {
        rule: "sql-only-in-store",
        paths: &[
            &["diesel"],
            &["diesel_async"],
            &["postgis_diesel"],
            &["cached_sql"],
            &["sql_query"],
        ],
        // `schema.rs` describes the tables to diesel and contains no statement.
        layers: &["store", "schema"],
        advice: "move the statement into a function under src/store and call that",
    },
    Fence {
        rule: "web-only-in-http",
        paths: &[&["actix_web"], &["oms_web"]],
        layers: &["http"],
        advice: "move the HTTP code under src/http; a use case takes and returns plain values",
    },
    Fence {
        rule: "http-client-only-in-adapters",
        paths: &[&["reqwest"], &["async_nats"]],
        layers: &["adapters"],
        advice: "move the call into an adapter under src/adapters, behind the port",
    },
];

/// Paths that a pure layer may not name.
const INPUT_OUTPUT: [&[&str]; 10] = [
    &["tokio"],
    &["diesel"],
    &["diesel_async"],
    &["reqwest"],
    &["actix_web"],
    &["oms_web"],
    &["oms_database"],
    &["std", "fs"],
    &["std", "net"],
    &["std", "process"],
];

/// Checks the rules about layers. Files outside the contexts pass.
pub(super) fn check(file: &RustFile<'_>) -> Vec<Finding> {
    if file.context().is_none() {
        return Vec::new();
    }
    let mut findings = domain_is_pure(file);
    findings.extend(FENCES.iter().flat_map(|fence| fenced(file, fence)));
    findings
}

fn domain_is_pure(file: &RustFile<'_>) -> Vec<Finding> {
    const RULE: &str = "domain-does-no-io";
    if file.layer() != "domain" {
        return Vec::new();
    }
    let named = INPUT_OUTPUT.iter().flat_map(|path| {
        let advice = format!(
            "pass the value in instead of naming `{}` here",
            path.join("::")
        );
        file.lines_naming(path)
            .into_iter()
            .map(move |line| Finding::error(file.path, line, RULE, advice.clone()))
    });
    let pairs = file.tokens.windows(2);
    let waiting = pairs.filter(|pair| {
        pair[0].kind == Kind::Word && pair[0].text == "async" && pair[1].text == "fn"
    });
    let advice = "a domain rule must not wait: make it a plain fn, and let the service wait";
    named
        .chain(waiting.map(|pair| Finding::error(file.path, pair[0].line, RULE, advice)))
        .collect()
}

fn fenced(file: &RustFile<'_>, fence: &Fence) -> Vec<Finding> {
    if fence.layers.contains(&file.layer()) {
        return Vec::new();
    }
    let lines = fence.paths.iter().flat_map(|path| file.lines_naming(path));
    lines
        .map(|line| Finding::error(file.path, line, fence.rule, fence.advice))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(path: &str, text: &str) -> Vec<(usize, &'static str)> {
        check(&RustFile::read(path, text))
            .iter()
            .map(|finding| (finding.line, finding.rule))
            .collect()
    }

    #[test]
    fn domain_may_calculate_but_not_wait_or_read() {
        let good = "use std::collections::BTreeMap;\nfn allocate() { /* tokio::spawn */ }\n";
        assert!(broken("crates/inventory/src/domain/allocation.rs", good).is_empty());
        let bad = "use std::{fs, fmt};\nasync fn allocate() {}\nuse oms_database::Connection;\n";
        let rule = "domain-does-no-io";
        assert_eq!(
            broken("crates/inventory/src/domain.rs", bad),
            [(3, rule), (1, rule), (2, rule)]
        );
    }

    #[test]
    fn only_store_may_use_sql() {
        let sql = "use diesel::prelude::*;\nfn f() { sql_query(\"SELECT 1\") }\n";
        assert!(broken("crates/orders/src/store/orders.rs", sql).is_empty());
        let rule = "sql-only-in-store";
        assert_eq!(
            broken("crates/orders/src/service/place_order.rs", sql),
            [(1, rule), (2, rule)]
        );
    }

    #[test]
    fn tests_may_use_sql() {
        let text = "fn f() {}\n#[cfg(test)]\nmod tests { use diesel::prelude::*; }\n";
        assert!(broken("crates/orders/src/service/place_order.rs", text).is_empty());
        assert!(broken("crates/orders/tests/placing.rs", "use diesel::prelude::*;").is_empty());
    }

    #[test]
    fn only_http_may_use_the_web_framework() {
        for text in ["use actix_web::web::Json;\n", "use oms_web::ValidJson;\n"] {
            assert!(broken("crates/payments/src/http/webhook.rs", text).is_empty());
            assert_eq!(
                broken("crates/payments/src/service.rs", text),
                [(1, "web-only-in-http")]
            );
        }
    }

    #[test]
    fn only_adapters_may_call_other_services() {
        let text = "fn call(client: &reqwest::Client) {}\n";
        assert!(broken("crates/payments/src/adapters/stripe.rs", text).is_empty());
        assert_eq!(
            broken("crates/payments/src/ports.rs", text),
            [(1, "http-client-only-in-adapters")]
        );
    }

    #[test]
    fn crates_outside_the_contexts_are_not_checked() {
        assert!(
            broken(
                "crates/shared/database/src/pool.rs",
                "use diesel::prelude::*;"
            )
            .is_empty()
        );
    }
}
