//! `GET` and `POST /console/imports`: imports rows that were pasted into a form.

pub(super) mod report;

use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;
use oms_errors::{Problem, invalid_field};
use oms_inventory::{
    Acceptance, ImportFileWriter, ImportFormat, ImportRequest, InventoryError, StockMode,
    import_prices, import_products, import_stock,
};
use oms_validation::{IdempotencyKey, Once, Reason, TenantId};
use oms_web::ProblemResponse;

use super::Console;
use super::form::Form;
use super::frame::{Frame, Section, View};
use super::listing::explained;
use super::notice::Notice;
use super::operator::Operator;
use super::page::{Answer, page_with, see};

/// More rows than this are for the API or for `oms-api import`, which read files piece by piece.
const MAX_BYTES: u64 = 1_000_000;

#[derive(Template)]
#[template(path = "imports.html")]
struct Imports {
    frame: Frame,
    notice: Option<Notice>,
    kept: Kept,
}

/// What was typed into a form that was refused.
#[derive(Clone, Debug, Default)]
struct Kept {
    kind: String,
    mode: String,
    rows: String,
    reason: String,
    is_all_or_nothing: bool,
}

/// `GET /console/imports`.
pub(super) async fn form(view: View) -> Answer {
    answer(&view, StatusCode::OK, None, Kept::default())
}

/// `POST /console/imports`.
pub(super) async fn import(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    form: Form,
) -> Answer {
    let kept = Kept::of(&form);
    match run(&console, &operator, &form, &kept).await {
        Ok(id) => Ok(see(&format!("/console/imports/{id}"))),
        Err(ProblemResponse(problem)) => {
            let (status, problem) = explained(problem)?;
            answer(&view, status, Some(Notice::of_problem(&problem)), kept)
        }
    }
}

fn answer(view: &View, status: StatusCode, notice: Option<Notice>, kept: Kept) -> Answer {
    let frame = view.frame(Section::Imports, "Imports");
    page_with(
        status,
        &Imports {
            frame,
            notice,
            kept,
        },
    )
}

/// What a file has, and what is done with it.
enum Wish {
    Products,
    Prices,
    Stock(StockMode, Reason),
}

async fn run(
    console: &Console,
    operator: &Operator,
    form: &Form,
    kept: &Kept,
) -> Result<oms_inventory::ImportId, ProblemResponse> {
    let (tenant, key, wish) = (operator.tenant(), form.key()?, wish(form)?);
    let rows = form.required("rows")?.to_owned();
    let (actor, is_all_or_nothing) = (operator.actor(), kept.is_all_or_nothing);
    let importing = console.inventory.run(|context| async move {
        let mut file = ImportFileWriter::new(MAX_BYTES).map_err(InventoryError::ImportFile)?;
        file.write(rows.as_bytes())
            .await
            .map_err(InventoryError::ImportFile)?;
        let request = ImportRequest {
            file: file.finish().await.map_err(InventoryError::ImportFile)?,
            format: ImportFormat::Csv,
            acceptance: match is_all_or_nothing {
                true => Acceptance::AllOrNothing,
                false => Acceptance::EachRow,
            },
            actor,
        };
        let report = import_rows(&context, tenant, &key, &wish, request).await?;
        let (Once::Now(report) | Once::Before(report)) = report;
        Ok::<_, InventoryError>(report.import.id)
    });
    importing.await
}

async fn import_rows(
    context: &oms_inventory::InventoryContext,
    tenant: TenantId,
    key: &IdempotencyKey,
    wish: &Wish,
    request: ImportRequest,
) -> Result<Once<oms_inventory::ImportReport>, InventoryError> {
    match wish {
        Wish::Products => import_products(context, tenant, key, request, &()).await,
        Wish::Prices => import_prices(context, tenant, key, request, &()).await,
        Wish::Stock(mode, reason) => {
            import_stock(context, tenant, key, *mode, reason, request, &()).await
        }
    }
}

fn wish(form: &Form) -> Result<Wish, Problem> {
    match form.required("kind")? {
        "products" => Ok(Wish::Products),
        "prices" => Ok(Wish::Prices),
        "stock" => {
            let mode = match form.required("mode")? {
                "receive" => StockMode::Receive,
                "set" => StockMode::Set,
                _ => return Err(invalid_field("mode", "must be `set` or `receive`")),
            };
            Ok(Wish::Stock(mode, form.reason()?))
        }
        _ => Err(invalid_field("kind", "is not a kind of import")),
    }
}

impl Kept {
    fn of(form: &Form) -> Self {
        let text = |name| form.text(name).unwrap_or_default().to_owned();
        Self {
            kind: text("kind"),
            mode: text("mode"),
            rows: text("rows"),
            reason: text("reason"),
            is_all_or_nothing: form.is_ticked("all_or_nothing"),
        }
    }
}
