//! `GET /console`: what needs an operator, and the newest orders.

use askama::Template;
use oms_errors::Problem;
use oms_events::{EndpointStatus, list_endpoints};
use oms_fulfilment::{ReturnFilter, ReturnStatus, ReturnsOf, list_held_orders, list_returns};
use oms_orders::{
    DeadLetterFilter, FindingFilter, FindingState, OrderFilter, OrderListing, OrderSort,
    list_dead_letters, list_findings, list_orders,
};
use oms_validation::{PageSize, Scope};

use super::frame::{Frame, Section};
use super::orders::{OrderRow, rows, warehouses};
use super::page::{Answer, page};
use super::page_request::PageRequest;

/// What is counted on the page; more are "100+".
const MOST: u32 = 100;

/// The newest orders.
const NEWEST: u32 = 10;

/// Something that needs an operator, or that nothing does.
struct Tile {
    label: &'static str,
    href: &'static str,
    value: String,
    tone: &'static str,
    hint: &'static str,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
    tiles: Vec<Tile>,
    needs_nothing: bool,
    /// Only with the scope `orders:read`.
    newest: Option<Vec<OrderRow>>,
}

pub(super) async fn home(request: Box<PageRequest>) -> Answer {
    let operator = request.operator()?;
    let mut tiles = Vec::new();
    if operator.may(Scope::Operations) {
        tiles.extend(operations(&request).await?);
    }
    if operator.may(Scope::FulfilmentRead) {
        tiles.push(holds(&request).await?);
    }
    if operator.may(Scope::ReturnsRead) {
        tiles.push(returns(&request).await?);
    }
    if operator.may(Scope::WebhooksRead) {
        tiles.push(endpoints(&request).await?);
    }
    let newest = match operator.may(Scope::OrdersRead) {
        true => Some(newest(&request).await?),
        false => None,
    };
    page(&Home {
        frame: request.frame(Section::Home, "Home"),
        needs_nothing: tiles.iter().all(|tile| tile.tone == "ok"),
        tiles,
        newest,
    })
}

async fn operations(request: &PageRequest) -> Result<[Tile; 2], Problem> {
    let (orders, tenant) = (&request.console.orders, request.tenant()?);
    let open = DeadLetterFilter::Open;
    let letters = list_dead_letters(orders, tenant, open, None, size(MOST)).await?;
    let open = FindingFilter {
        state: FindingState::Open,
        kind: None,
    };
    let findings = list_findings(orders, tenant, open, None, size(MOST)).await?;
    Ok([
        tile(
            "Dead letters",
            "/console/dead-letters",
            counted(letters.items.len(), letters.next.is_some()),
            "orders that oms gave up on",
        ),
        tile(
            "Findings",
            "/console/findings",
            counted(findings.items.len(), findings.next.is_some()),
            "differences to the gateway's books",
        ),
    ])
}

async fn holds(request: &PageRequest) -> Result<Tile, Problem> {
    let (fulfilment, tenant) = (&request.console.fulfilment, request.tenant()?);
    let held = list_held_orders(fulfilment, tenant, None, size(MOST)).await?;
    let held = counted(held.items.len(), held.next.is_some());
    let hint = "work that must not be sent";
    Ok(tile("On hold", "/console/holds", held, hint))
}

async fn returns(request: &PageRequest) -> Result<Tile, Problem> {
    let (fulfilment, tenant) = (&request.console.fulfilment, request.tenant()?);
    let undecided = ReturnFilter {
        of: ReturnsOf::Desk,
        status: Some(ReturnStatus::Requested),
    };
    let found = list_returns(fulfilment, tenant, &undecided, None, size(MOST)).await?;
    let undecided = counted(found.items.len(), found.next.is_some());
    let href = "/console/returns?status=REQUESTED";
    let hint = "customers wait for an answer";
    Ok(tile("Returns to decide", href, undecided, hint))
}

async fn endpoints(request: &PageRequest) -> Result<Tile, Problem> {
    let (webhooks, tenant) = (&request.console.webhooks, request.tenant()?);
    let endpoints = list_endpoints(webhooks, tenant).await?.into_iter();
    let failing = endpoints.filter(|endpoint| {
        endpoint.failing_since.is_some() || endpoint.status == EndpointStatus::Disabled
    });
    let failing = counted(failing.count(), false);
    let (label, href) = ("Webhook endpoints failing", "/console/webhooks");
    Ok(tile(label, href, failing, "endpoints that nothing reaches"))
}

async fn newest(request: &PageRequest) -> Result<Vec<OrderRow>, Problem> {
    let (orders, tenant) = (&request.console.orders, request.tenant()?);
    let listing = OrderListing {
        filter: OrderFilter::default(),
        sort: OrderSort::NewestFirst,
    };
    let found = list_orders(orders, tenant, &listing, None, size(NEWEST)).await?;
    let names = warehouses(request).await?;
    rows(request, &found.page.items, &names).await
}

fn size(rows: u32) -> PageSize {
    PageSize::new(rows).unwrap_or_default()
}

fn counted(number: usize, has_more: bool) -> String {
    match has_more {
        true => format!("{number}+"),
        false => number.to_string(),
    }
}

fn tile(label: &'static str, href: &'static str, value: String, hint: &'static str) -> Tile {
    Tile {
        label,
        href,
        tone: if value == "0" { "ok" } else { "bad" },
        value,
        hint,
    }
}
