//! The frame around every page: its title, the menu, and who is signed in.

use oms_validation::Scope;
use uuid::Uuid;

use super::files;
use super::icons;
use super::operator::Operator;

/// The entries of the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// What needs an operator.
    Home,
    /// Orders.
    Orders,
    /// Orders that the sweeper gave up on.
    DeadLetters,
    /// Differences between the gateway's books and ours.
    Findings,
    /// Stock levels.
    Stock,
    /// What a warehouse has to send.
    Picking,
    /// What must not be sent.
    Holds,
    /// What customers send back.
    Returns,
    /// Warehouses.
    Warehouses,
    /// Products.
    Products,
    /// Imports.
    Imports,
    /// Webhook endpoints.
    Webhooks,
    /// The feed of events.
    Events,
    /// The metrics of this process.
    Live,
    /// Keys, sessions, and who is signed in.
    Settings,
    /// Of no entry: the door, and errors.
    Elsewhere,
}

/// An entry of the menu, by its heading. One whose scope the session lacks is not shown.
struct Entry {
    section: Section,
    label: &'static str,
    href: &'static str,
    icon: &'static str,
    scope: Option<Scope>,
}

const fn entry(
    section: Section,
    label: &'static str,
    href: &'static str,
    icon: &'static str,
    scope: Option<Scope>,
) -> Entry {
    Entry {
        section,
        label,
        href,
        icon,
        scope,
    }
}

/// The menu. A heading without entries is not shown.
const MENU: &[(&str, &[Entry])] = &[
    (
        "",
        &[entry(Section::Home, "Home", "/console", "home", None)],
    ),
    (
        "Orders",
        &[
            entry(
                Section::Orders,
                "Orders",
                "/console/orders",
                "orders",
                Some(Scope::OrdersRead),
            ),
            entry(
                Section::DeadLetters,
                "Dead letters",
                "/console/dead-letters",
                "letter",
                Some(Scope::Operations),
            ),
            entry(
                Section::Findings,
                "Findings",
                "/console/findings",
                "finding",
                Some(Scope::Operations),
            ),
        ],
    ),
    (
        "Goods",
        &[
            entry(
                Section::Stock,
                "Stock",
                "/console/stock",
                "stock",
                Some(Scope::InventoryRead),
            ),
            entry(
                Section::Picking,
                "Picking",
                "/console/picking",
                "picking",
                Some(Scope::FulfilmentRead),
            ),
            entry(
                Section::Holds,
                "On hold",
                "/console/holds",
                "hold",
                Some(Scope::FulfilmentRead),
            ),
            entry(
                Section::Returns,
                "Returns",
                "/console/returns",
                "return",
                Some(Scope::ReturnsRead),
            ),
            entry(
                Section::Warehouses,
                "Warehouses",
                "/console/warehouses",
                "warehouse",
                Some(Scope::InventoryRead),
            ),
            entry(
                Section::Products,
                "Products",
                "/console/products",
                "product",
                Some(Scope::InventoryRead),
            ),
            entry(
                Section::Imports,
                "Imports",
                "/console/imports",
                "import",
                Some(Scope::InventoryWrite),
            ),
        ],
    ),
    (
        "Integration",
        &[
            entry(
                Section::Webhooks,
                "Webhooks",
                "/console/webhooks",
                "webhook",
                Some(Scope::WebhooksRead),
            ),
            entry(
                Section::Events,
                "Events",
                "/console/events",
                "event",
                Some(Scope::EventsRead),
            ),
        ],
    ),
    (
        "Installation",
        &[
            entry(
                Section::Live,
                "Live",
                "/console/live",
                "live",
                Some(Scope::Operations),
            ),
            entry(
                Section::Settings,
                "Settings",
                "/console/settings",
                "settings",
                None,
            ),
        ],
    ),
];

/// An entry of the menu as it is shown.
pub(crate) struct Link {
    pub(crate) label: &'static str,
    pub(crate) href: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) is_current: bool,
}

/// The frame of a page.
pub(crate) struct Frame {
    pub(crate) title: String,
    section: Section,
    operator: Option<Operator>,
}

impl Frame {
    /// The frame of a page. Without an operator, its menu is empty.
    pub(super) fn new(
        operator: Option<Operator>,
        section: Section,
        title: impl Into<String>,
    ) -> Self {
        Self {
            title: title.into(),
            section,
            operator,
        }
    }

    /// The headings of the menu and their entries, as far as the session may open them.
    pub(crate) fn menu(&self) -> Vec<(&'static str, Vec<Link>)> {
        let link = |entry: &Entry| Link {
            label: entry.label,
            href: entry.href,
            icon: icons::icon(entry.icon),
            is_current: entry.section == self.section,
        };
        let shown = |(heading, entries): &(&'static str, &'static [Entry])| {
            let entries = entries.iter().filter(|entry| self.may_open(entry));
            (*heading, entries.map(link).collect::<Vec<_>>())
        };
        let headings = MENU.iter().map(shown);
        headings.filter(|(_, links)| !links.is_empty()).collect()
    }

    fn may_open(&self, entry: &Entry) -> bool {
        let operator = self.operator.as_ref();
        operator.is_some_and(|operator| entry.scope.is_none_or(|scope| operator.may(scope)))
    }

    /// The address and the name of the list to which a page belongs, if the session may open it.
    pub(crate) fn list_of(&self, path: &str) -> Option<(&'static str, &'static str)> {
        let below = |entry: &&Entry| {
            let rest = path.strip_prefix(entry.href);
            entry.section != Section::Home && rest.is_some_and(|rest| rest.starts_with('/'))
        };
        let mut entries = MENU.iter().flat_map(|(_, entries)| *entries);
        let entry = entries.find(below).filter(|entry| self.may_open(entry))?;
        Some((entry.href, entry.label))
    }

    /// Who is signed in.
    pub(crate) fn who(&self) -> Option<&str> {
        let operator = self.operator.as_ref();
        operator.map(|operator| operator.name.as_str())
    }

    /// The tenant whose data the page shows.
    pub(crate) fn tenant(&self) -> String {
        let operator = self.operator.as_ref();
        operator.map_or_else(String::new, |operator| operator.tenant().to_string())
    }

    /// Whether the session has a scope.
    pub(crate) fn may(&self, scope: Scope) -> bool {
        let operator = self.operator.as_ref();
        operator.is_some_and(|operator| operator.may(scope))
    }

    /// The address of a file.
    pub(crate) fn asset(&self, name: &str) -> &'static str {
        files::address(name)
    }

    /// The shapes of an icon.
    pub(crate) fn icon(&self, name: &str) -> &'static str {
        icons::icon(name)
    }

    /// A new idempotency key. Each form has its own, so that sending it twice does it once.
    pub(crate) fn key(&self) -> String {
        format!("console-{}", Uuid::new_v4())
    }
}
