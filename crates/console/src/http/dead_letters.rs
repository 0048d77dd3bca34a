//! Dead letters: the orders that the sweeper gave up on, and how they are settled.

use askama::Template;
use chrono::{DateTime, Utc};
use oms_errors::{Problem, invalid_field};
use oms_orders::{
    DeadLetter, DeadLetterError, DeadLetterFilter, DeadLetterId, ExplainedOrder, GatewaySaid,
    OrderStatus, Settlement, Verdict, ask_gateway, explain_order, get_dead_letter,
    list_dead_letters, resolve_dead_letter, retry_dead_letter,
};
use oms_validation::{Cursor, PageSize};

use super::form::Form;
use super::frame::{Frame, Section};
use super::listing::explained;
use super::notice::Notice;
use super::order_names::OrderNames;
use super::page::{Answer, page, page_with, see};
use super::page_request::PageRequest;
use crate::display;
use crate::words;

/// A dead letter in the list.
struct Row {
    id: String,
    order: String,
    name: String,
    status: &'static str,
    tone: &'static str,
    reason: String,
    tries: u32,
    since: String,
    age: String,
    resolved: Option<String>,
}

#[derive(Template)]
#[template(path = "dead_letters.html")]
struct List {
    frame: Frame,
    rows: Vec<Row>,
    is_resolved: bool,
    next: Option<String>,
}

/// A way to settle the order.
struct Way {
    word: &'static str,
    label: &'static str,
    hint: &'static str,
}

#[derive(Template)]
#[template(path = "dead_letter.html")]
struct Show {
    frame: Frame,
    row: Row,
    notice: Option<Notice>,
    happened: String,
    money: String,
    goods: String,
    /// What the gateway says now, if it was asked.
    said: Option<Said>,
    ways: Vec<Way>,
    /// What was filled in.
    chosen: String,
    reason: String,
    /// Whether the gateway's report must be confirmed.
    needs_confirmation: bool,
}

/// What the gateway says.
struct Said {
    tone: &'static str,
    text: String,
    /// What it proves.
    proves: &'static str,
}

/// `GET /console/dead-letters`.
pub(super) async fn list(request: Box<PageRequest>) -> Answer {
    let query = request.query();
    let is_resolved = query.value("show") == "resolved";
    let filter = match is_resolved {
        true => DeadLetterFilter::Resolved,
        false => DeadLetterFilter::Open,
    };
    let after: Option<Cursor<(DateTime<Utc>, DeadLetterId)>> =
        query.parsed("after", |text| text.parse().ok())?;
    let (orders, tenant) = (&request.console.orders, request.tenant()?);
    let found = list_dead_letters(orders, tenant, filter, after, PageSize::default()).await?;
    let names = OrderNames::read(&request, found.items.iter().map(|it| it.order_id)).await?;
    page(&List {
        frame: request.frame(Section::DeadLetters, "Dead letters"),
        rows: found.items.iter().map(|it| Row::of(it, &names)).collect(),
        is_resolved,
        next: found.next.map(|cursor| {
            let show = if is_resolved { "resolved" } else { "open" };
            format!("/console/dead-letters?show={show}&after={cursor}")
        }),
    })
}

/// `GET /console/dead-letters/{id}`.
pub(super) async fn show(request: Box<PageRequest>) -> Answer {
    page(&read(&request, id_of(request.id())?).await?)
}

/// `POST /console/dead-letters/{id}/ask`: asks the gateway what it has of the payment now.
pub(super) async fn ask(request: Box<PageRequest>) -> Answer {
    let (form, id) = (request.form()?, id_of(request.id())?);
    let (orders, operator) = (&request.console.orders, request.operator()?);
    let order = find(&request, id).await?.order_id;
    match ask_gateway(orders, operator.tenant(), order, &operator.name).await {
        Ok(said) => {
            let mut shown = read(&request, id).await?;
            shown.said = Some(Said::of(&said));
            page(&shown)
        }
        Err(error) => refused(&request, id, form, error.into()).await,
    }
}

/// `POST /console/dead-letters/{id}/retry`.
pub(super) async fn retry(request: Box<PageRequest>) -> Answer {
    let (form, id) = (request.form()?, id_of(request.id())?);
    let (orders, operator) = (&request.console.orders, request.operator()?);
    let (tenant, name) = (operator.tenant(), &operator.name);
    let retrying = async {
        let key = form.key()?;
        let retried = retry_dead_letter(orders, tenant, id, Some(&key), name).await?;
        Ok(retried.into_inner().order_id)
    };
    match retrying.await {
        Ok(order) => see(&format!("/console/orders/{order}?done=retried")),
        Err(problem) => refused(&request, id, form, problem).await,
    }
}

/// `POST /console/dead-letters/{id}/resolve`.
pub(super) async fn resolve(request: Box<PageRequest>) -> Answer {
    let (form, id) = (request.form()?, id_of(request.id())?);
    let (orders, operator) = (&request.console.orders, request.operator()?);
    let (tenant, name) = (operator.tenant(), &operator.name);
    let resolving = async {
        let (key, verdict, reason) = (form.key()?, verdict(form)?, form.reason()?);
        let key = Some(&key);
        let resolved = resolve_dead_letter(orders, tenant, id, key, verdict, name, &reason).await?;
        Ok(resolved.into_inner().order_id)
    };
    match resolving.await {
        Ok(order) => see(&format!("/console/orders/{order}?done=resolved")),
        Err(problem) => refused(&request, id, form, problem).await,
    }
}

/// The page of a dead letter after a refused action.
async fn refused(request: &PageRequest, id: DeadLetterId, form: &Form, problem: Problem) -> Answer {
    let (status, problem) = explained(problem)?;
    let mut shown = read(request, id).await?;
    shown.notice = Some(Notice::of_problem(&problem));
    let code = problem.problem_type().code;
    shown.needs_confirmation = code == "orders.confirmation_required";
    shown.chosen = form.text("as").unwrap_or_default().to_owned();
    shown.reason = form.text("reason").unwrap_or_default().to_owned();
    page_with(status, &shown)
}

async fn find(request: &PageRequest, id: DeadLetterId) -> Result<DeadLetter, Problem> {
    let (orders, tenant) = (&request.console.orders, request.tenant()?);
    let found = get_dead_letter(orders, tenant, id).await?;
    Ok(found.dead_letter)
}

async fn read(request: &PageRequest, id: DeadLetterId) -> Result<Show, Problem> {
    let dead_letter = find(request, id).await?;
    let (orders, tenant) = (&request.console.orders, request.tenant()?);
    let order = dead_letter.order_id;
    let explained = explain_order(orders, tenant, order).await?;
    let ExplainedOrder { explanation, .. } = explained;
    let names = OrderNames::read(request, std::iter::once(order)).await?;
    Ok(Show {
        frame: request.frame(Section::DeadLetters, "Dead letter"),
        ways: match dead_letter.resolved {
            None => ways(dead_letter.order_status),
            Some(_) => Vec::new(),
        },
        row: Row::of(&dead_letter, &names),
        notice: None,
        happened: display::quoted(&explanation.happened),
        money: explanation.money,
        goods: explanation.goods,
        said: None,
        chosen: String::new(),
        reason: String::new(),
        needs_confirmation: false,
    })
}

/// The ways to settle an order, by its status.
fn ways(status: OrderStatus) -> Vec<Way> {
    let elsewhere = |becomes: &'static str| Way {
        word: "settled_elsewhere",
        label: "Settled elsewhere",
        hint: becomes,
    };
    match status {
        OrderStatus::PendingPayment => vec![
            Way {
                word: "paid",
                label: "Paid",
                hint: "The gateway must say that the payment was taken.",
            },
            Way {
                word: "failed",
                label: "Failed",
                hint: "The payment is cancelled, which the gateway must confirm. The stock is released.",
            },
            elsewhere(
                "The money is settled outside oms. The order becomes failed, and its stock is released.",
            ),
        ],
        OrderStatus::Cancelling => vec![elsewhere(
            "The money is settled outside oms. The order becomes cancelled, and its stock is released.",
        )],
        OrderStatus::Refunding => vec![
            elsewhere(
                "The money is settled outside oms. The order becomes refunded, and its stock is released.",
            ),
            Way {
                word: "refund_given_up",
                label: "Refund given up",
                hint: "No refund is made. The order is paid again, with its stock.",
            },
        ],
        _ => Vec::new(),
    }
}

fn verdict(form: &Form) -> Result<Verdict, Problem> {
    let confirmed = form.is_ticked("confirmed");
    match form.required("as")? {
        "paid" => Ok(Verdict::Paid),
        "failed" => Ok(Verdict::Failed),
        "settled_elsewhere" => Ok(Verdict::SettledElsewhere { confirmed }),
        "refund_given_up" => Ok(Verdict::RefundGivenUp { confirmed }),
        _ => Err(invalid_field("as", "is no way to settle an order")),
    }
}

fn id_of(path: &str) -> Result<DeadLetterId, Problem> {
    path.parse().map_err(|_| DeadLetterError::NotFound.into())
}

impl Row {
    fn of(dead_letter: &DeadLetter, names: &OrderNames) -> Self {
        Self {
            id: dead_letter.id.to_string(),
            order: dead_letter.order_id.to_string(),
            name: names.of(dead_letter.order_id),
            status: display::status(dead_letter.order_status),
            tone: match dead_letter.resolved {
                None => "bad",
                Some(_) => display::tone(dead_letter.order_status),
            },
            reason: display::capital(&dead_letter.in_words()),
            tries: dead_letter.tries,
            since: display::time(dead_letter.created_at),
            age: display::ago(dead_letter.created_at, display::now()),
            resolved: dead_letter.resolved.as_ref().map(|resolved| {
                let how = words::resolution(resolved.resolution);
                let note = resolved.note.as_deref().map(|note| format!(": {note}"));
                let note = note.unwrap_or_default();
                format!(
                    "{how} by {} at {}{note}",
                    resolved.by,
                    display::time(resolved.at)
                )
            }),
        }
    }
}

impl Said {
    fn of(said: &Settlement) -> Self {
        let (tone, proves) = match said.gateway_said {
            GatewaySaid::NothingLeft => (
                "ok",
                "This proves “failed”, “settled elsewhere” and “refund given up”, unless a payment or a refund is in progress.",
            ),
            GatewaySaid::MoneyLeft => (
                "note",
                "This proves “paid”, also with another amount, if it is in the currency of the order.",
            ),
            GatewaySaid::Open => (
                "wait",
                "This proves nothing yet. “Failed” cancels the payment first.",
            ),
            GatewaySaid::Unknown | GatewaySaid::Other(_) => (
                "bad",
                "This proves nothing. Try again when the gateway answers.",
            ),
        };
        Self {
            tone,
            text: format!("The gateway says: {}.", said.detail),
            proves,
        }
    }
}
