//! Dead letters: the orders that the sweeper gave up on, and how they are settled.

use actix_web::web;
use askama::Template;
use chrono::{DateTime, Utc};
use oms_errors::{Problem, invalid_field};
use oms_orders::{
    DeadLetter, DeadLetterError, DeadLetterFilter, DeadLetterId, ExplainedOrder, GatewaySaid,
    OrderStatus, Settlement, Verdict, ask_gateway, explain_order, get_dead_letter,
    list_dead_letters, resolve_dead_letter, retry_dead_letter,
};
use oms_validation::{Cursor, PageSize};
use oms_web::ProblemResponse;
use serde::Deserialize;

use super::Console;
use super::form::Form;
use super::frame::{Frame, Section, View};
use super::listing::explained;
use super::notice::Notice;
use super::operator::Operator;
use super::order_names::OrderNames;
use super::page::{Answer, page, page_with, see};
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

/// Which dead letters are listed, and where the list continues.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    show: String,
    after: String,
}

/// `GET /console/dead-letters`.
pub(super) async fn list(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    wanted: web::Query<Wanted>,
) -> Answer {
    let tenant = operator.tenant();
    let is_resolved = wanted.show == "resolved";
    let filter = match is_resolved {
        true => DeadLetterFilter::Resolved,
        false => DeadLetterFilter::Open,
    };
    let after: Option<Cursor<(DateTime<Utc>, DeadLetterId)>> = match wanted.after.as_str() {
        "" => None,
        text => Some(
            text.parse()
                .map_err(|_| invalid_field("after", "is not a cursor"))?,
        ),
    };
    let reading = console.orders.run(|context| async move {
        list_dead_letters(&context, tenant, filter, after, PageSize::default()).await
    });
    let found = reading.await?;
    let orders = found.items.iter().map(|it| it.order_id);
    let names = OrderNames::read(&console, &operator, orders).await?;
    page(&List {
        frame: view.frame(Section::DeadLetters, "Dead letters"),
        rows: found.items.iter().map(|it| Row::of(it, &names)).collect(),
        is_resolved,
        next: found.next.map(|cursor| {
            let show = if is_resolved { "resolved" } else { "open" };
            format!("/console/dead-letters?show={show}&after={cursor}")
        }),
    })
}

/// `GET /console/dead-letters/{id}`.
pub(super) async fn show(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    id: web::Path<String>,
) -> Answer {
    let id = id_of(&id)?;
    page(&read(&console, &view, &operator, id).await?)
}

/// `POST /console/dead-letters/{id}/ask`: asks the gateway what it has of the payment now.
pub(super) async fn ask(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    id: web::Path<String>,
    form: Form,
) -> Answer {
    let id = id_of(&id)?;
    let dead_letter = find(&console, &operator, id).await?;
    let (tenant, name) = (operator.tenant(), operator.name.clone());
    let asking = console.orders.run(|context| async move {
        ask_gateway(&context, tenant, dead_letter.order_id, &name).await
    });
    match asking.await {
        Ok(said) => {
            let mut shown = read(&console, &view, &operator, id).await?;
            shown.said = Some(Said::of(&said));
            page(&shown)
        }
        Err(ProblemResponse(problem)) => {
            refused(&console, &view, &operator, id, &form, problem).await
        }
    }
}

/// `POST /console/dead-letters/{id}/retry`.
pub(super) async fn retry(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    id: web::Path<String>,
    form: Form,
) -> Answer {
    let id = id_of(&id)?;
    let (tenant, name) = (operator.tenant(), operator.name.clone());
    let retrying = async {
        let key = form.key()?;
        let retrying = console.orders.run(|context| async move {
            let retried = retry_dead_letter(&context, tenant, id, Some(&key), &name).await;
            retried.map(oms_validation::Once::into_inner)
        });
        retrying.await
    };
    match retrying.await {
        Ok(done) => Ok(see(&format!(
            "/console/orders/{}?done=retried",
            done.order_id
        ))),
        Err(ProblemResponse(problem)) => {
            refused(&console, &view, &operator, id, &form, problem).await
        }
    }
}

/// `POST /console/dead-letters/{id}/resolve`.
pub(super) async fn resolve(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    id: web::Path<String>,
    form: Form,
) -> Answer {
    let id = id_of(&id)?;
    let (tenant, name) = (operator.tenant(), operator.name.clone());
    let resolving = async {
        let (key, verdict, reason) = (form.key()?, verdict(&form)?, form.reason()?);
        let resolving = console.orders.run(|context| async move {
            let key = Some(&key);
            let resolved =
                resolve_dead_letter(&context, tenant, id, key, verdict, &name, &reason).await;
            resolved.map(oms_validation::Once::into_inner)
        });
        resolving.await
    };
    match resolving.await {
        Ok(done) => Ok(see(&format!(
            "/console/orders/{}?done=resolved",
            done.order_id
        ))),
        Err(ProblemResponse(problem)) => {
            refused(&console, &view, &operator, id, &form, problem).await
        }
    }
}

/// The page of a dead letter after a refused action.
async fn refused(
    console: &Console,
    view: &View,
    operator: &Operator,
    id: DeadLetterId,
    form: &Form,
    problem: Problem,
) -> Answer {
    let (status, problem) = explained(problem)?;
    let mut shown = read(console, view, operator, id).await?;
    shown.notice = Some(Notice::of_problem(&problem));
    let code = problem.problem_type().code;
    shown.needs_confirmation = code == "orders.confirmation_required";
    shown.chosen = form.text("as").unwrap_or_default().to_owned();
    shown.reason = form.text("reason").unwrap_or_default().to_owned();
    page_with(status, &shown)
}

async fn find(
    console: &Console,
    operator: &Operator,
    id: DeadLetterId,
) -> Result<DeadLetter, ProblemResponse> {
    let tenant = operator.tenant();
    let finding = console
        .orders
        .run(|context| async move { get_dead_letter(&context, tenant, id).await });
    Ok(finding.await?.dead_letter)
}

async fn read(
    console: &Console,
    view: &View,
    operator: &Operator,
    id: DeadLetterId,
) -> Result<Show, ProblemResponse> {
    let dead_letter = find(console, operator, id).await?;
    let (tenant, order) = (operator.tenant(), dead_letter.order_id);
    let explaining = console
        .orders
        .run(|context| async move { explain_order(&context, tenant, order).await });
    let ExplainedOrder { explanation, .. } = explaining.await?;
    let names = OrderNames::read(console, operator, std::iter::once(order)).await?;
    Ok(Show {
        frame: view.frame(Section::DeadLetters, "Dead letter"),
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
