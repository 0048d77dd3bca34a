//! Refunding an order: what to refund, then what that does to the ledger, then the refund itself.

use askama::Template;
use oms_errors::{Problem, invalid_field};
use oms_orders::{
    Disputed, OrderDetails, RefundPreview, Refunded, RequestedCredit, RequestedParts,
    RequestedRefund, get_order, get_timeline, preview_refund, refund_order,
};
use oms_validation::{Currency, Money, OrderId, PageSize};

use super::money::{LineRow, lines};
use super::{order_id_of, refused};
use crate::display;
use crate::http::form::Form;
use crate::http::frame::{Frame, Section};
use crate::http::listing::explained;
use crate::http::notice::Notice;
use crate::http::page::{Answer, page, page_with, see};
use crate::http::page_request::PageRequest;
use crate::words;

/// A field of a form as it was filled in.
struct Filled {
    name: String,
    value: String,
}

/// What a refund would do.
struct Preview {
    amount: String,
    amount_minor: i64,
    owed: (String, String),
    held: (String, String),
    balance: (String, String),
    becomes: &'static str,
}

#[derive(Template)]
#[template(path = "refund.html")]
struct RefundPage {
    frame: Frame,
    id: String,
    /// The name of the order.
    name: String,
    notice: Option<Notice>,
    lines: Vec<LineRow>,
    currency: String,
    held: String,
    /// What is owed to the customer.
    owed: Option<Money>,
    has_dispute: bool,
    /// What was filled in, to be confirmed or changed.
    filled: Vec<Filled>,
    preview: Option<Preview>,
}

impl RefundPage {
    /// What was filled in for a field.
    fn value(&self, name: &str) -> &str {
        let filled = self.filled.iter().find(|field| field.name == name);
        filled.map_or("", |field| field.value.as_str())
    }

    /// What was filled in for the units of a line.
    fn units(&self, number: &usize) -> &str {
        self.value(&format!("units.{number}"))
    }
}

/// `GET /console/orders/{id}/refund`.
pub(in crate::http) async fn form(request: Box<PageRequest>) -> Answer {
    let id = order_id_of(request.id())?;
    let mut shown = read(&request, id, Vec::new()).await?;
    shown.filled = shown.owed.map(in_full).unwrap_or_default();
    page(&shown)
}

/// `POST /console/orders/{id}/refund/preview`.
pub(in crate::http) async fn preview(request: Box<PageRequest>) -> Answer {
    let (form, id) = (request.form()?, order_id_of(request.id())?);
    let (orders, tenant) = (&request.console.orders, request.tenant()?);
    let mut shown = read(&request, id, filled(form)).await?;
    let previewing = async {
        let wish = requested(form, currency_of(&shown.currency)?)?;
        Ok(preview_refund(orders, tenant, id, &wish).await?)
    };
    match previewing.await {
        Ok(preview) => {
            shown.preview = Some(Preview::of(&preview));
            page(&shown)
        }
        Err(problem) => {
            let (status, problem) = explained(problem)?;
            shown.notice = Some(Notice::of_problem(&problem));
            page_with(status, &shown)
        }
    }
}

/// `POST /console/orders/{id}/refund`.
pub(in crate::http) async fn refund(request: Box<PageRequest>) -> Answer {
    let (form, id) = (request.form()?, order_id_of(request.id())?);
    let (orders, operator) = (&request.console.orders, request.operator()?);
    let (tenant, actor) = (operator.tenant(), operator.actor());
    let refunding = async {
        let (key, currency) = (form.key()?, currency_of(form.required("currency")?)?);
        let wish = requested(form, currency)?;
        refund_order(orders, tenant, id, &key, &wish, &actor).await?;
        Ok(())
    };
    match refunding.await {
        Ok(()) => see(&format!("/console/orders/{id}?done=refunded")),
        Err(problem) => refused(&request, id, problem).await,
    }
}

async fn read(
    request: &PageRequest,
    id: OrderId,
    filled: Vec<Filled>,
) -> Result<RefundPage, Problem> {
    let (orders, tenant) = (&request.console.orders, request.tenant()?);
    let details = get_order(orders, tenant, id).await?;
    let timeline = get_timeline(orders, tenant, id, None, PageSize::default()).await?;
    let OrderDetails {
        order, disputes, ..
    } = &details;
    let ledger = details.ledger();
    let owed = Money {
        amount_minor: -ledger.balance.amount_minor,
        ..ledger.balance
    };
    let name = display::order_name(order.id, order.external_reference.as_ref());
    Ok(RefundPage {
        frame: request.frame(Section::Orders, format!("Refund order {name}")),
        name,
        id: id.to_string(),
        notice: None,
        lines: lines(&details, &timeline.skus),
        currency: order.total.currency.to_string(),
        held: ledger.held.to_string(),
        owed: (owed.amount_minor > 0).then_some(owed),
        has_dispute: !disputes.is_empty(),
        filled,
        preview: None,
    })
}

/// A form that refunds all of an amount.
fn in_full(owed: Money) -> Vec<Filled> {
    let amount = owed.to_string();
    let amount = amount.split(' ').next().unwrap_or_default();
    let fields = [("what", "amount"), ("amount", amount)];
    let filled = fields.map(|(name, value)| Filled {
        name: name.to_owned(),
        value: value.to_owned(),
    });
    filled.into()
}

impl Preview {
    fn of(preview: &RefundPreview) -> Self {
        let (before, after) = (preview.before, preview.after);
        let both = |one: Money, other: Money| (one.to_string(), other.to_string());
        Self {
            amount: preview.amount.to_string(),
            amount_minor: preview.amount.amount_minor,
            owed: both(before.owed, after.owed),
            held: both(before.held, after.held),
            balance: (
                words::balance(before.balance).0,
                words::balance(after.balance).0,
            ),
            becomes: display::status(preview.status),
        }
    }
}

/// The fields that say what to refund, so that the confirmation sends the same.
fn filled(form: &Form) -> Vec<Filled> {
    let fields = form.fields("").filter(|(name, _)| {
        let of_what = [
            "what",
            "amount",
            "shipping",
            "fees",
            "reason",
            "despite_dispute",
        ];
        of_what.contains(name) || name.starts_with("units.")
    });
    let filled = fields.map(|(name, value)| Filled {
        name: name.to_owned(),
        value: value.to_owned(),
    });
    filled.collect()
}

/// The refund that a form requests. The amount that was previewed is the expected one: a refund of parts that would
/// come to another amount is rejected.
fn requested(form: &Form, currency: Currency) -> Result<RequestedRefund, Problem> {
    let money = |name: &str| {
        form.text(name)
            .map(|text| money_of(name, text, currency))
            .transpose()
    };
    let what = match form.text("what") {
        Some("rest") => Refunded::Rest,
        Some("amount") => {
            form.required("amount")?;
            Refunded::Amount(
                money("amount")?.ok_or_else(|| invalid_field("amount", "is required"))?,
            )
        }
        _ => {
            let parts = RequestedParts {
                lines: lines_of(form)?,
                shipping: money("shipping")?,
                fees: money("fees")?,
                expected: expected(form, currency)?,
            };
            let names_none =
                parts.lines.is_empty() && parts.shipping.is_none() && parts.fees.is_none();
            if names_none {
                return Err(invalid_field("units", "say what to refund"));
            }
            Refunded::Parts(parts)
        }
    };
    Ok(RequestedRefund {
        what,
        reason: Some(form.reason()?),
        disputed: match form.is_ticked("despite_dispute") {
            true => Disputed::Refund,
            false => Disputed::Refuse,
        },
    })
}

fn expected(form: &Form, currency: Currency) -> Result<Option<Money>, Problem> {
    let Some(text) = form.text("expected_minor") else {
        return Ok(None);
    };
    let amount_minor = text.parse();
    let amount_minor =
        amount_minor.map_err(|_| invalid_field("expected_minor", "must be a whole number"))?;
    Ok(Some(Money {
        amount_minor,
        currency,
    }))
}

fn lines_of(form: &Form) -> Result<Vec<RequestedCredit>, Problem> {
    let mut lines = Vec::new();
    for (line, quantity) in form.fields("units.") {
        let field = || format!("units.{line}");
        let number = line
            .parse()
            .map_err(|_| invalid_field(field(), "is not a line"))?;
        let quantity: i32 = quantity
            .parse()
            .map_err(|_| invalid_field(field(), "must be a whole number"))?;
        match quantity {
            0 => {}
            1..=1_000_000 => lines.push(RequestedCredit {
                line: number,
                quantity: Some(quantity),
                amount: None,
            }),
            _ => return Err(invalid_field(field(), "must be between 1 and 1000000")),
        }
    }
    Ok(lines)
}

fn currency_of(text: &str) -> Result<Currency, Problem> {
    let currency = Currency::parse(text);
    currency.map_err(|error| invalid_field("currency", error.to_string()))
}

/// Reads an amount as people write it, such as `12.50`, exactly.
fn money_of(field: &str, text: &str, currency: Currency) -> Result<Money, Problem> {
    let invalid = || {
        let decimals = currency.exponent();
        invalid_field(
            field,
            format!("must be an amount with at most {decimals} decimals, such as 12"),
        )
    };
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let places = usize::from(currency.exponent());
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || decimals.len() > places || !is_number(whole) || !is_number(decimals) {
        return Err(invalid());
    }
    let digits = format!("{whole}{decimals:0<places$}");
    let amount_minor = digits.parse().map_err(|_| invalid())?;
    let money = Money {
        amount_minor,
        currency,
    };
    money
        .check_payable()
        .map_err(|error| invalid_field(field, error.to_string()))?;
    Ok(money)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_exactly() {
        let read = |text: &str, code: &str| {
            let money = money_of("amount", text, Currency::parse(code).unwrap());
            money.ok().map(|money| money.amount_minor)
        };
        for (text, code, minor) in [
            ("12.50", "USD", 1250),
            ("12.5", "USD", 1250),
            ("12", "USD", 1200),
            ("0.29", "USD", 29),
            ("2000", "JPY", 2000),
            ("1.234", "KWD", 1234),
        ] {
            assert_eq!(read(text, code), Some(minor), "{text} {code}");
        }
        for (text, code) in [
            ("12.505", "USD"),
            ("1,50", "USD"),
            ("-1", "USD"),
            (".5", "USD"),
            ("1e3", "USD"),
            ("0", "USD"),
            ("1.5", "JPY"),
            ("99999999999999999999", "USD"),
            ("٣", "USD"),
        ] {
            assert_eq!(read(text, code), None, "{text} {code}");
        }
    }
}
