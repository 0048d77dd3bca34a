//! `GET /console`: what needs an operator, and the newest orders.

use actix_web::web;
use askama::Template;
use oms_events::{EndpointStatus, list_endpoints};
use oms_orders::{
    DeadLetterFilter, FindingFilter, FindingState, OrderFilter, OrderListing, OrderSort,
    list_dead_letters, list_findings, list_orders,
};
use oms_validation::{PageSize, Scope};

use super::Console;
use super::frame::{Frame, Section, View};
use super::operator::Operator;
use super::orders::{OrderRow, rows, warehouses};
use super::page::{Answer, page};

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

pub(super) async fn home(console: web::Data<Console>, view: View, operator: Operator) -> Answer {
    let mut tiles = Vec::new();
    if operator.may(Scope::Operations) {
        tiles.extend(operations(&console, &operator).await?);
    }
    if operator.may(Scope::WebhooksRead) {
        tiles.push(endpoints(&console, &operator).await?);
    }
    let newest = match operator.may(Scope::OrdersRead) {
        true => Some(newest(&console, &operator).await?),
        false => None,
    };
    page(&Home {
        frame: view.frame(Section::Home, "Home"),
        needs_nothing: tiles.iter().all(|tile| tile.tone == "ok"),
        tiles,
        newest,
    })
}

async fn operations(
    console: &Console,
    operator: &Operator,
) -> Result<[Tile; 2], oms_web::ProblemResponse> {
    let tenant = operator.tenant();
    let reading = console.orders.run(|context| async move {
        let (open, size) = (DeadLetterFilter::Open, size(MOST));
        let letters = list_dead_letters(&context, tenant, open, None, size).await?;
        let open = FindingFilter {
            state: FindingState::Open,
            kind: None,
        };
        let findings = list_findings(&context, tenant, open, None, size).await?;
        Ok::<_, oms_orders::OrderError>([
            counted(letters.items.len(), letters.next.is_some()),
            counted(findings.items.len(), findings.next.is_some()),
        ])
    });
    let [letters, findings] = reading.await?;
    Ok([
        tile(
            "Dead letters",
            "/console/dead-letters",
            letters,
            "orders that oms gave up on",
        ),
        tile(
            "Findings",
            "/console/findings",
            findings,
            "differences to the gateway's books",
        ),
    ])
}

async fn endpoints(
    console: &Console,
    operator: &Operator,
) -> Result<Tile, oms_web::ProblemResponse> {
    let tenant = operator.tenant();
    let reading = console
        .webhooks
        .run(|context| async move { list_endpoints(&context, tenant).await });
    let endpoints = reading.await?.into_iter();
    let failing = endpoints.filter(|endpoint| {
        endpoint.failing_since.is_some() || endpoint.status == EndpointStatus::Disabled
    });
    let failing = counted(failing.count(), false);
    let (label, href) = ("Webhook endpoints failing", "/console/webhooks");
    Ok(tile(label, href, failing, "endpoints that nothing reaches"))
}

async fn newest(
    console: &Console,
    operator: &Operator,
) -> Result<Vec<OrderRow>, oms_web::ProblemResponse> {
    let tenant = operator.tenant();
    let listing = OrderListing {
        filter: OrderFilter::default(),
        sort: OrderSort::NewestFirst,
    };
    let reading = console.orders.run(|context| async move {
        list_orders(&context, tenant, &listing, None, size(NEWEST)).await
    });
    let orders = reading.await?.page.items;
    let names = warehouses(console, operator).await?;
    rows(console, operator, &orders, &names).await
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
