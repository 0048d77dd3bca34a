//! All routes that are served: the tables of the contexts in their order, and the program's own routes, which require
//! no credential.

use std::sync::LazyLock;

use oms_web::Access;
use serde_json::{Value, json};

#[derive(Debug)]
pub struct Route {
    pub method: &'static str,
    /// The registered path, such as `/orders/{id}`.
    pub path: &'static str,
    pub access: Access,
}

pub static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let tables = [
        oms_orders::http::ROUTES,
        oms_inventory::http::ROUTES,
        oms_fulfilment::http::ROUTES,
        oms_payments::http::ROUTES,
        oms_events::http::ROUTES,
        oms_events::http::WEBHOOK_ROUTES,
    ];
    let of_contexts = tables.into_iter().flatten().map(|row| Route {
        method: row.method,
        path: row.path,
        access: row.access,
    });
    of_contexts.chain(own()).collect()
});

/// The program's own tables are not in a library. They are in the document too, which tests of the program check.
fn own() -> Vec<Route> {
    let text = include_str!("../../openapi.json");
    let document: Value = serde_json::from_str(text).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let open = paths.filter(|(_, item)| item["get"]["security"] == json!([]));
    open.map(|(path, _)| Route {
        method: "GET",
        path: path.clone().leak(),
        access: Access::Open,
    })
    .collect()
}
