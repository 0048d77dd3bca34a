//! `POST /console/stock/{warehouse}/{product}`: proposes a change of a level, and makes it once it is confirmed.

use actix_web::http::StatusCode;
use oms_errors::{Problem, invalid_field};
use oms_inventory::{InventoryError, Shortfall, change_stock, set_safety_stock};
use oms_validation::{ExpectedVersion, ProductId, Scope, WarehouseId};

use super::level::{answer, level_of, read};
use super::proposal::{Kept, Wish, proposal, wish};
use crate::http::form::Form;
use crate::http::listing::explained;
use crate::http::notice::Notice;
use crate::http::page::{Answer, see};
use crate::http::page_request::PageRequest;

/// `POST /console/stock/{warehouse}/{product}`. A form without `confirmed` changes nothing: the page shows what it would
/// do.
pub(in crate::http) async fn change(request: Box<PageRequest>) -> Answer {
    let form = request.form()?;
    request.operator()?.require(Scope::InventoryRead)?;
    let level = level_of(&request)?;
    let kept = Kept::of(form);
    let outcome = match wish(form, level) {
        Ok(wish) if form.is_ticked("confirmed") => {
            match make(&request, form, level, &wish).await? {
                Some(outcome) => outcome,
                None => {
                    let ((warehouse, product), kind) = (level, &kept.kind);
                    let done = format!("/console/stock/{warehouse}/{product}?done={kind}");
                    return see(&done);
                }
            }
        }
        Ok(wish) => match form.reason() {
            Err(problem) if needs_reason(&wish) => Outcome::Refused(problem),
            _ => Outcome::Proposed(wish),
        },
        Err(problem) => Outcome::Refused(problem),
    };
    let read = read(&request, level, None).await?;
    let (status, notice, proposal) = match outcome {
        Outcome::Proposed(wish) => (
            StatusCode::OK,
            None,
            Some(proposal(&kept, &wish, &read.level, &read.warehouses)),
        ),
        Outcome::Short(shortfalls) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Some(short(&shortfalls)),
            None,
        ),
        Outcome::Changed(version) => {
            let notice = Notice {
                tone: "bad",
                title: "Somebody has changed the safety stock.",
                text: format!("It is {version} now. What you typed is still in the form."),
            };
            (StatusCode::PRECONDITION_FAILED, Some(notice), None)
        }
        Outcome::Refused(problem) => {
            let (status, problem) = explained(problem)?;
            (status, Some(Notice::of_problem(&problem)), None)
        }
    };
    answer(&request, read, status, notice, proposal, kept)
}

/// Why the page is shown after a form was sent.
enum Outcome {
    Proposed(Wish),
    Short(Vec<Shortfall>),
    Changed(i32),
    Refused(Problem),
}

/// Makes a change. `None` if it is made, or was before.
async fn make(
    request: &PageRequest,
    form: &Form,
    level: (WarehouseId, ProductId),
    wish: &Wish,
) -> Result<Option<Outcome>, Problem> {
    let (inventory, operator) = (&request.console.inventory, request.operator()?);
    let tenant = operator.tenant();
    let made = match wish {
        Wish::Change(change) => {
            let (key, reason) = (form.key()?, form.reason()?);
            let name = &operator.name;
            let made = change_stock(inventory, tenant, &key, change, &reason, name).await;
            made.map(drop)
        }
        Wish::Safety { units, seen } => {
            let expected = ExpectedVersion::OneOf(vec![*seen]);
            set_safety_stock(inventory, tenant, level, &expected, *units).await
        }
    };
    Ok(Some(match made {
        Ok(()) => return Ok(None),
        Err(InventoryError::InsufficientStock(shortfalls)) => Outcome::Short(shortfalls),
        // The safety stock is its own version, so the button was pressed twice.
        Err(InventoryError::Changed { version }) if wish.is_so(version) => return Ok(None),
        Err(InventoryError::Changed { version }) => Outcome::Changed(version),
        Err(InventoryError::StockLevelNotFound) => Outcome::Refused(invalid_field(
            "units",
            "the warehouse has never stocked the product; receive it first",
        )),
        Err(error) => Outcome::Refused(error.into()),
    }))
}

fn needs_reason(wish: &Wish) -> bool {
    matches!(wish, Wish::Change(_))
}

fn short(shortfalls: &[Shortfall]) -> Notice {
    let sentences = shortfalls.iter().map(|it| {
        let (free, wanted) = (it.removable, it.wanted);
        let free = match free {
            0 => "No unit is free".to_owned(),
            1 => "Only 1 unit is free".to_owned(),
            many => format!("Only {many} units are free"),
        };
        format!("{free}, {wanted} were to be removed. Units that orders hold, or that are set aside, stay.")
    });
    Notice {
        tone: "bad",
        title: "Not enough unreserved stock",
        text: sentences.collect::<Vec<_>>().join(" "),
    }
}
