//! Findings: differences between the gateway's books and ours.

use askama::Template;
use chrono::{DateTime, Utc};
use oms_errors::Problem;
use oms_orders::{
    Finding, FindingAction, FindingFilter, FindingId, FindingKind, FindingState, OrderError,
    ReconcilingError, Who, explain_order, get_finding, list_findings, resolve_finding,
};
use oms_validation::{Cursor, PageSize, Scope};

use super::frame::{Frame, Section};
use super::listing::explained;
use super::notice::Notice;
use super::order_names::OrderNames;
use super::page::{Answer, page, page_with, see};
use super::page_request::PageRequest;
use crate::display;

/// The order of a finding.
struct OrderLink {
    id: String,
    name: String,
}

/// A finding.
struct Row {
    id: String,
    kind: &'static str,
    says: String,
    detail: String,
    charge: Option<String>,
    payment: Option<String>,
    order: Option<OrderLink>,
    expected: Option<String>,
    found: Option<String>,
    by_itself: &'static str,
    since: String,
    seen: String,
    note: Option<String>,
    resolved: Option<String>,
}

#[derive(Template)]
#[template(path = "findings.html")]
struct List {
    frame: Frame,
    rows: Vec<Row>,
    is_resolved: bool,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "finding.html")]
struct Show {
    frame: Frame,
    row: Row,
    /// What an operator does about its order, while it is open.
    advice: Option<String>,
    notice: Option<Notice>,
    reason: String,
}

/// `GET /console/findings`.
pub(super) async fn list(request: Box<PageRequest>) -> Answer {
    let query = request.query();
    let is_resolved = query.value("show") == "resolved";
    let filter = FindingFilter {
        state: match is_resolved {
            true => FindingState::Resolved,
            false => FindingState::Open,
        },
        kind: None,
    };
    let after: Option<Cursor<(DateTime<Utc>, FindingId)>> =
        query.parsed("after", |text| text.parse().ok())?;
    let (orders, tenant) = (&request.console.orders, request.tenant()?);
    let found = list_findings(orders, tenant, filter, after, PageSize::default()).await?;
    let names = OrderNames::read(&request, found.items.iter().filter_map(|it| it.order_id)).await?;
    page(&List {
        frame: request.frame(Section::Findings, "Findings"),
        rows: found.items.iter().map(|it| Row::of(it, &names)).collect(),
        is_resolved,
        next: found.next.map(|cursor| {
            let show = if is_resolved { "resolved" } else { "open" };
            format!("/console/findings?show={show}&after={cursor}")
        }),
    })
}

/// `GET /console/findings/{id}`.
pub(super) async fn show(request: Box<PageRequest>) -> Answer {
    page(&read(&request, id_of(request.id())?).await?)
}

/// `POST /console/findings/{id}/resolve`.
pub(super) async fn resolve(request: Box<PageRequest>) -> Answer {
    let (form, id) = (request.form()?, id_of(request.id())?);
    let (orders, operator) = (&request.console.orders, request.operator()?);
    let (tenant, name) = (operator.tenant(), &operator.name);
    let resolving = async {
        let (key, reason) = (form.key()?, form.reason()?);
        resolve_finding(orders, tenant, id, Some(&key), name, &reason).await?;
        Ok(())
    };
    match resolving.await {
        Ok(()) => see(&format!("/console/findings/{id}")),
        Err(problem) => {
            let (status, problem) = explained(problem)?;
            let mut shown = read(&request, id).await?;
            shown.notice = Some(Notice::of_problem(&problem));
            shown.reason = form.text("reason").unwrap_or_default().to_owned();
            page_with(status, &shown)
        }
    }
}

async fn read(request: &PageRequest, id: FindingId) -> Result<Show, Problem> {
    let (orders, tenant) = (&request.console.orders, request.tenant()?);
    let finding = get_finding(orders, tenant, id).await?;
    let names = OrderNames::read(request, finding.order_id.into_iter()).await?;
    let advice = advice(request, &finding).await?;
    Ok(Show {
        frame: request.frame(Section::Findings, "Finding"),
        row: Row::of(&finding, &names),
        advice,
        notice: None,
        reason: String::new(),
    })
}

/// What the explanation of its order says that an operator does next, if the session may read orders.
async fn advice(request: &PageRequest, finding: &Finding) -> Result<Option<String>, Problem> {
    let Some(order) = finding.order_id.filter(|_| finding.resolved.is_none()) else {
        return Ok(None);
    };
    let (orders, operator) = (&request.console.orders, request.operator()?);
    if !operator.may(Scope::OrdersRead) {
        return Ok(None);
    }
    let next = match explain_order(orders, operator.tenant(), order).await {
        Err(OrderError::NotFound) => return Ok(None),
        explained => explained?.explanation.next,
    };
    Ok((next.who == Who::Operator).then(|| display::quoted(&next.text)))
}

fn id_of(path: &str) -> Result<FindingId, Problem> {
    path.parse()
        .map_err(|_| ReconcilingError::FindingNotFound.into())
}

impl Row {
    fn of(finding: &Finding, names: &OrderNames) -> Self {
        Self {
            id: finding.id.to_string(),
            kind: kind(finding.kind),
            says: says(finding),
            detail: finding.detail.clone(),
            charge: finding.charge.as_ref().map(ToString::to_string),
            payment: finding.payment.as_ref().map(ToString::to_string),
            order: finding.order_id.map(|id| OrderLink {
                id: id.to_string(),
                name: names.of(id),
            }),
            expected: finding.expected.map(|amount| amount.to_string()),
            found: finding.found.map(|amount| amount.to_string()),
            by_itself: match finding.action {
                FindingAction::Refund => "oms refunds it",
                FindingAction::Void => "oms cancels it",
                FindingAction::None | FindingAction::Other(_) => "Nothing: it needs an operator",
            },
            since: display::time(finding.found_at),
            seen: display::time(finding.last_seen_at),
            note: finding.note.clone(),
            resolved: finding.resolved.as_ref().map(|resolved| {
                format!(
                    "Resolved by {} at {}",
                    resolved.by,
                    display::time(resolved.at)
                )
            }),
        }
    }
}

/// The difference in a sentence.
fn says(finding: &Finding) -> String {
    let found = finding.found.map(|found| found.to_string());
    let found = found.as_deref().unwrap_or("money");
    match (finding.kind, finding.expected) {
        (FindingKind::ChargeWithoutOrder, _) => {
            format!("The gateway has {found} that belongs to no order.")
        }
        (FindingKind::PaidWithoutCharge, _) => {
            "The order is paid, and the gateway has no money for it.".to_owned()
        }
        (FindingKind::AmountMismatch, Some(expected)) => {
            format!("The gateway took {found} instead of {expected}.")
        }
        (FindingKind::AmountMismatch, None) => {
            format!("The gateway took {found}, which is not the total of the order.")
        }
        (FindingKind::ChargeOnEndedOrder, _) => {
            format!("The gateway has {found} for an order that has ended.")
        }
        (FindingKind::AuthorisationOnEndedOrder, _) => {
            format!("The bank has reserved {found} for an order that has ended.")
        }
        (FindingKind::RefundFailed, _) => {
            format!("A refund of {found} failed. The customer does not have the money.")
        }
        (FindingKind::PaymentDisputed, _) => {
            format!("The customer disputed {found} of the payment at the bank.")
        }
        (FindingKind::Other(_), _) => finding.detail.clone(),
    }
}

fn kind(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::ChargeWithoutOrder => "Charge without an order",
        FindingKind::PaidWithoutCharge => "Paid order without a charge",
        FindingKind::AmountMismatch => "Another amount",
        FindingKind::ChargeOnEndedOrder => "Charge on an ended order",
        FindingKind::AuthorisationOnEndedOrder => "Authorisation on an ended order",
        FindingKind::RefundFailed => "Refund failed",
        FindingKind::PaymentDisputed => "Payment disputed",
        FindingKind::Other(word) => word,
    }
}
