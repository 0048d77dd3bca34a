//! The scopes of credentials.

use std::fmt;
use std::str::FromStr;

/// One permission of a credential. No scope includes another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Read orders and refunds.
    OrdersRead,
    /// Place and pay orders.
    OrdersWrite,
    /// Cancel orders.
    OrdersCancel,
    /// Refund orders.
    OrdersRefund,
    /// Read warehouses, products and stock.
    InventoryRead,
    /// Change warehouses, products and stock.
    InventoryWrite,
    /// Read fulfilment orders and shipments, with the addresses that they go to.
    FulfilmentRead,
    /// Pack, ship, and hold back fulfilment orders.
    FulfilmentWrite,
    /// Read returns, with what customers wrote about them.
    ReturnsRead,
    /// Request, approve, decline, cancel and close returns.
    ReturnsWrite,
    /// Receive returned units.
    ReturnsReceive,
    /// Read events: the feed of everything that changes, without personal data.
    EventsRead,
    /// Read webhook endpoints, and what was sent to them.
    WebhooksRead,
    /// Create and change webhook endpoints, and see their secrets.
    WebhooksWrite,
    /// Read and change settings.
    SettingsWrite,
    /// Settle dead letters and findings.
    Operations,
}

/// The text is not a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be one of orders:read, orders:write, orders:cancel, orders:refund, inventory:read, inventory:write, fulfilment:read, fulfilment:write, returns:read, returns:write, returns:receive, events:read, webhooks:read, webhooks:write, settings:write, operations"
)]
pub struct UnknownScope;

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 16] = [
        Self::OrdersRead,
        Self::OrdersWrite,
        Self::OrdersCancel,
        Self::OrdersRefund,
        Self::InventoryRead,
        Self::InventoryWrite,
        Self::FulfilmentRead,
        Self::FulfilmentWrite,
        Self::ReturnsRead,
        Self::ReturnsWrite,
        Self::ReturnsReceive,
        Self::EventsRead,
        Self::WebhooksRead,
        Self::WebhooksWrite,
        Self::SettingsWrite,
        Self::Operations,
    ];

    /// The scope's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrdersRead => "orders:read",
            Self::OrdersWrite => "orders:write",
            Self::OrdersCancel => "orders:cancel",
            Self::OrdersRefund => "orders:refund",
            Self::InventoryRead => "inventory:read",
            Self::InventoryWrite => "inventory:write",
            Self::FulfilmentRead => "fulfilment:read",
            Self::FulfilmentWrite => "fulfilment:write",
            Self::ReturnsRead => "returns:read",
            Self::ReturnsWrite => "returns:write",
            Self::ReturnsReceive => "returns:receive",
            Self::EventsRead => "events:read",
            Self::WebhooksRead => "webhooks:read",
            Self::WebhooksWrite => "webhooks:write",
            Self::SettingsWrite => "settings:write",
            Self::Operations => "operations",
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u8
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let mut all = Self::ALL.into_iter();
        all.find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Scopes(u16);

impl Scopes {
    /// All scopes.
    pub fn all() -> Self {
        Self::from_iter(Scope::ALL)
    }

    /// Whether the set includes this scope.
    pub const fn include(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes of the set, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL
            .into_iter()
            .filter(move |scope| self.include(*scope))
    }

    /// The scopes among some names. A name that only another version of the program knows is ignored.
    pub fn known_among<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        names
            .into_iter()
            .filter_map(|name| name.parse::<Scope>().ok())
            .collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | scope.bit()))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(Scope::as_str).collect();
        f.write_str(&names.join(" "))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_scopes_are_scopes() {
        for scope in Scope::ALL {
            assert_eq!(scope.to_string().parse(), Ok(scope));
        }
        for text in ["", "orders", "orders:*", "ORDERS:READ", "orders:read "] {
            assert_eq!(text.parse::<Scope>(), Err(UnknownScope), "{text:?}");
        }
        for scope in Scope::ALL {
            assert!(UnknownScope.to_string().contains(scope.as_str()));
        }
    }

    #[test]
    fn a_set_includes_exactly_its_scopes() {
        for scope in Scope::ALL {
            let set = Scopes::from_iter([scope]);
            let included: Vec<Scope> = set.iter().collect();
            assert_eq!(included, [scope]);
            assert!(Scopes::all().include(scope) && !Scopes::default().include(scope));
        }
    }

    #[test]
    fn unknown_names_allow_nothing() {
        let set = Scopes::known_among(["orders:read", "orders:everything", "admin"]);
        assert_eq!(set.to_string(), "orders:read");
        assert!(Scopes::known_among(["admin"]).is_empty());
    }
}
