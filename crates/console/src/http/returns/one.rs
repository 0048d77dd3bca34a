//! `GET /console/returns/{id}`: a return, its receipts, and what can be done with it.

use actix_web::http::StatusCode;
use askama::Template;
use oms_errors::Problem;
use oms_fulfilment::{Receipt, Return, ReturnId, ReturnStatus, get_return, return_id_of};
use oms_inventory::{list_warehouses, load_skus};
use oms_validation::{ProductId, Scope};

use super::tone;
use crate::display;
use crate::http::frame::{Frame, Section};
use crate::http::listing::{explained, most};
use crate::http::notice::Notice;
use crate::http::page::{Answer, page_with, see};
use crate::http::page_request::PageRequest;
use crate::http::stock::{Choice, choices};

#[derive(Template)]
#[template(path = "return.html")]
struct ReturnPage {
    frame: Frame,
    notice: Option<Notice>,
    id: String,
    order: String,
    number: i32,
    version: i32,
    status: String,
    tone: &'static str,
    requested: String,
    requested_by: String,
    expires: Option<String>,
    warehouse: String,
    /// What was written about it: a label and a text.
    notes: Vec<(&'static str, String)>,
    lines: Vec<LineRow>,
    receipts: Vec<ReceiptRow>,
    warehouses: Vec<Choice>,
    may_decide: bool,
    may_withdraw: bool,
    may_close: bool,
    may_receive: bool,
}

struct LineRow {
    number: i32,
    sku: String,
    reason: String,
    quantity: i32,
    restocked: i32,
    quarantined: i32,
    discarded: i32,
    missing: i32,
    expected: i32,
}

struct ReceiptRow {
    time: String,
    actor: String,
    warehouse: String,
    units: String,
}

/// `GET /console/returns/{id}`.
pub(in crate::http) async fn show(request: Box<PageRequest>) -> Answer {
    let id = return_id_of(request.id())?;
    let notice = request.query().text("done").and_then(done);
    answer(&request, id, StatusCode::OK, notice).await
}

fn done(word: &str) -> Option<Notice> {
    let title = match word {
        "approve" => "The return was approved.",
        "decline" => "The return was declined.",
        "cancel" => "The return was cancelled.",
        "close" => "The return was closed.",
        "receive" => "The units were received.",
        _ => return None,
    };
    Some(Notice::done(title))
}

/// Leads back to a return after an action, or shows there why it was refused.
pub(super) async fn leave(
    done: Result<(), Problem>,
    request: &PageRequest,
    id: ReturnId,
    word: &str,
) -> Answer {
    match done {
        Ok(()) => see(&format!("/console/returns/{id}?done={word}")),
        Err(problem) => {
            request.operator()?.require(Scope::ReturnsRead)?;
            let (status, problem) = explained(problem)?;
            let notice = Some(Notice::of_problem(&problem));
            answer(request, id, status, notice).await
        }
    }
}

async fn answer(
    request: &PageRequest,
    id: ReturnId,
    status: StatusCode,
    notice: Option<Notice>,
) -> Answer {
    let (console, operator) = (&request.console, request.operator()?);
    let tenant = operator.tenant();
    let it = get_return(&console.fulfilment, tenant, id).await?;
    let products: Vec<ProductId> = it.lines.iter().map(|line| line.product_id).collect();
    let skus = load_skus(&console.inventory, tenant, &products).await?;
    let warehouses = list_warehouses(&console.inventory, tenant, None, None, most()).await?;
    let expected = it.warehouse_id.map(|id| id.to_string()).unwrap_or_default();
    let warehouses = choices(&warehouses.items, &expected);
    let name_of = |id: &str| {
        let found = warehouses.iter().find(|choice| choice.id == id);
        found.map_or_else(|| id.to_owned(), |choice| choice.name.clone())
    };
    let (may_write, may_receive) = (
        operator.may(Scope::ReturnsWrite),
        operator.may(Scope::ReturnsReceive),
    );
    let is = |statuses: &[ReturnStatus]| statuses.contains(&it.status);
    let lines = it.lines.iter().map(|line| LineRow {
        number: line.number,
        sku: match skus.get(&line.product_id) {
            Some(sku) => sku.clone(),
            None => line.product_id.to_string(),
        },
        reason: display::sentence(line.reason.as_str()),
        quantity: line.quantity,
        restocked: line.restocked,
        quarantined: line.quarantined,
        discarded: line.discarded,
        missing: line.missing,
        expected: line.expected(),
    });
    let page = ReturnPage {
        frame: request.frame(Section::Returns, format!("Return {}", it.number)),
        notice,
        id: it.id.to_string(),
        order: it.order_id.to_string(),
        number: it.number,
        version: it.version,
        status: display::sentence(it.status.as_str()),
        tone: tone(it.status),
        requested: display::time(it.requested_at),
        requested_by: display::sentence(it.requested_by.as_str()),
        expires: it.expires_at.map(display::time),
        warehouse: match expected.as_str() {
            "" => "not decided".to_owned(),
            id => name_of(id),
        },
        notes: notes(&it),
        lines: lines.collect(),
        receipts: it
            .receipts
            .iter()
            .map(|receipt| row(receipt, &name_of))
            .collect(),
        may_decide: may_write && is(&[ReturnStatus::Requested]),
        may_withdraw: may_write && is(&[ReturnStatus::Requested, ReturnStatus::Approved]),
        may_close: may_write && is(&[ReturnStatus::Approved, ReturnStatus::Received]),
        may_receive: may_receive && is(&[ReturnStatus::Approved, ReturnStatus::Received]),
        warehouses,
    };
    page_with(status, &page)
}

fn notes(it: &Return) -> Vec<(&'static str, String)> {
    let notes = [
        ("The customer says", &it.note),
        ("Accepted after its window because", &it.override_reason),
        ("Decided because", &it.decision_reason),
    ];
    let written = notes
        .into_iter()
        .filter_map(|(label, note)| Some((label, note.as_ref()?)));
    written
        .map(|(label, note)| (label, note.as_str().to_owned()))
        .collect()
}

fn row(receipt: &Receipt, name_of: &impl Fn(&str) -> String) -> ReceiptRow {
    let all = receipt.lines.values();
    let sum = |of: fn(&oms_fulfilment::Received) -> i32| all.clone().map(of).sum::<i32>();
    let parts = [
        (sum(|it| it.restock), "restocked"),
        (sum(|it| it.quarantine), "set aside"),
        (sum(|it| it.discard), "thrown away"),
        (sum(|it| it.missing), "missing"),
    ];
    let parts = parts.into_iter().filter(|(units, _)| *units > 0);
    let parts = parts.map(|(units, what)| format!("{units} {what}"));
    ReceiptRow {
        time: display::time(receipt.received_at),
        actor: receipt.actor.clone(),
        warehouse: name_of(&receipt.warehouse_id.to_string()),
        units: parts.collect::<Vec<_>>().join(", "),
    }
}
