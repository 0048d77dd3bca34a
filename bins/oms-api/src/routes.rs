//! All routes that are served: the tables of the contexts and of this program, combined.
//!
//! A request that matches no row gets neither a tenant nor an operator. So a route that is registered outside the
//! tables can't access any tenant's data.

use std::sync::LazyLock;

use oms_web::{Access, Route};

/// Where the console is.
const CONSOLE: &str = "/console";

use crate::{docs, health};

/// All rows of the API.
pub(crate) static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    [
        oms_orders::http::ROUTES,
        oms_inventory::http::ROUTES,
        oms_fulfilment::http::ROUTES,
        oms_payments::http::ROUTES,
        oms_events::http::ROUTES,
        oms_events::http::WEBHOOK_ROUTES,
        health::ROUTES,
        docs::ROUTES,
    ]
    .concat()
});

/// Whether a registered path has a row.
pub(crate) fn is_listed(path: &str) -> bool {
    ROUTES.iter().any(|row| row.path == path)
}

/// Whether a registered path belongs to the console, which recognises its sessions itself.
pub(crate) fn is_of_console(path: &str) -> bool {
    let rest = path.strip_prefix(CONSOLE);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The row of a request. The middleware that starts the request's trace adds it to the extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MatchedRoute(usize);

impl MatchedRoute {
    /// The row, if one matches. `HEAD` needs the same access as `GET`.
    pub(crate) fn find(method: &str, path: &str) -> Option<Self> {
        let method = if method == "HEAD" { "GET" } else { method };
        let mut rows = ROUTES.iter();
        let index = rows.position(|row| row.path == path && row.method == method);
        index.map(Self)
    }

    /// Its index in the table.
    pub(crate) fn index(self) -> usize {
        self.0
    }

    /// The access that the route requires.
    pub(crate) fn access(self) -> Access {
        ROUTES[self.0].access
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_path_is_registered_once_and_has_each_method_once() {
        let (mut paths, mut rows) = (BTreeSet::new(), BTreeSet::new());
        for resource in ROUTES.chunk_by(|one, next| one.path == next.path) {
            assert!(paths.insert(resource[0].path), "{:?}", resource[0]);
        }
        for row in ROUTES.iter() {
            assert!(row.path.starts_with('/'), "{row:?}");
            assert!(rows.insert((row.path, row.method)), "{row:?}");
        }
    }
}
