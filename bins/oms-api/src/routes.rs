//! Every route that is served, and what it asks of a request: the one place that says so.
//!
//! A request that fits no row gets neither a tenant nor an operator, so that what is served beside the table can't get at
//! anybody's data.

use oms_access::Scope;

/// What a route asks of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing, whatever the load: an orchestrator asks.
    Open,
    /// A signature over the body, which the endpoint verifies. It acts for the installation's own tenant, unless what is
    /// signed names another.
    Signed,
    /// A credential with this scope.
    Scope(Scope),
}

/// A route.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// As it was registered, such as `/orders/{id}`.
    pub(crate) path: &'static str,
    pub(crate) access: Access,
}

const fn open(method: &'static str, path: &'static str) -> Route {
    let access = Access::Open;
    Route {
        method,
        path,
        access,
    }
}

const fn signed(method: &'static str, path: &'static str) -> Route {
    let access = Access::Signed;
    Route {
        method,
        path,
        access,
    }
}

const fn scoped(method: &'static str, path: &'static str, scope: Scope) -> Route {
    let access = Access::Scope(scope);
    Route {
        method,
        path,
        access,
    }
}

/// The table.
pub(crate) const ROUTES: &[Route] = &[
    scoped("POST", "/orders", Scope::OrdersWrite),
    scoped("GET", "/orders", Scope::OrdersRead),
    scoped("GET", "/orders/{id}", Scope::OrdersRead),
    scoped("GET", "/orders/{id}/timeline", Scope::OrdersRead),
    scoped("POST", "/routing/preview", Scope::OrdersRead),
    scoped("POST", "/orders/{id}/payment", Scope::OrdersWrite),
    scoped("POST", "/orders/{id}/cancel", Scope::OrdersCancel),
    scoped("GET", "/orders/{id}/refunds", Scope::OrdersRead),
    scoped("POST", "/orders/{id}/refunds", Scope::OrdersRefund),
    scoped("POST", "/customers/{id}/erase", Scope::Operations),
    scoped("GET", "/operations/dead-letters", Scope::Operations),
    scoped("POST", "/operations/dead-letters", Scope::Operations),
    scoped("GET", "/operations/dead-letters/{id}", Scope::Operations),
    scoped(
        "POST",
        "/operations/dead-letters/{id}/retry",
        Scope::Operations,
    ),
    scoped(
        "POST",
        "/operations/dead-letters/{id}/resolve",
        Scope::Operations,
    ),
    scoped("GET", "/operations/findings", Scope::Operations),
    scoped("GET", "/operations/findings/{id}", Scope::Operations),
    scoped(
        "POST",
        "/operations/findings/{id}/resolve",
        Scope::Operations,
    ),
    scoped("GET", "/warehouses", Scope::InventoryRead),
    scoped("POST", "/warehouses", Scope::InventoryWrite),
    scoped("GET", "/warehouses/{id}", Scope::InventoryRead),
    scoped("PATCH", "/warehouses/{id}", Scope::InventoryWrite),
    scoped("GET", "/products", Scope::InventoryRead),
    scoped("POST", "/products", Scope::InventoryWrite),
    scoped("GET", "/products/{id}", Scope::InventoryRead),
    scoped("PATCH", "/products/{id}", Scope::InventoryWrite),
    scoped("GET", "/stock-levels", Scope::InventoryRead),
    scoped("POST", "/stock-levels/receive", Scope::InventoryWrite),
    scoped("POST", "/stock-levels/adjust", Scope::InventoryWrite),
    scoped("POST", "/stock-levels/transfer", Scope::InventoryWrite),
    scoped(
        "GET",
        "/stock-levels/{warehouse}/{product}/safety-stock",
        Scope::InventoryRead,
    ),
    scoped(
        "PUT",
        "/stock-levels/{warehouse}/{product}/safety-stock",
        Scope::InventoryWrite,
    ),
    scoped("GET", "/stock-movements", Scope::InventoryRead),
    scoped("POST", "/imports/products", Scope::InventoryWrite),
    scoped("POST", "/imports/stock", Scope::InventoryWrite),
    scoped("GET", "/imports/{id}", Scope::InventoryRead),
    signed("POST", "/webhooks/stripe"),
    open("GET", "/health"),
    open("GET", "/health/live"),
    open("GET", "/health/ready"),
    open("GET", "/"),
    open("GET", "/openapi.json"),
    open("GET", "/docs"),
    open("GET", "/docs/"),
    open("GET", "/docs/{file}"),
    open("GET", "/favicon.ico"),
];

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
