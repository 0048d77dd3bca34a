//! Every route that is served: the tables of the contexts and of this program, put together.
//!
//! A request that fits no row gets neither a tenant nor an operator, so that what is served beside the tables can't get at
//! anybody's data.

use std::sync::LazyLock;

use oms_web::{Access, Route};

use crate::{docs, health};

/// All rows.
pub(crate) static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    [
        oms_orders::http::ROUTES,
        oms_inventory::http::ROUTES,
        oms_payments::http::ROUTES,
        health::ROUTES,
        docs::ROUTES,
    ]
    .concat()
});

/// Whether a path, as it was registered, has a row.
pub(crate) fn is_listed(path: &str) -> bool {
    ROUTES.iter().any(|row| row.path == path)
}

/// The row of a request, put among its extensions by whoever starts its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MatchedRoute(usize);

impl MatchedRoute {
    /// The row, if there is one. `HEAD` is asked what `GET` is asked.
    pub(crate) fn find(method: &str, path: &str) -> Option<Self> {
        let method = if method == "HEAD" { "GET" } else { method };
        let mut rows = ROUTES.iter();
        let index = rows.position(|row| row.path == path && row.method == method);
        index.map(Self)
    }

    /// Its place in the table.
    pub(crate) fn index(self) -> usize {
        self.0
    }

    /// What the route asks.
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
