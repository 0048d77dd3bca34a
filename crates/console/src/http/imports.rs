//! `GET` and `POST /console/imports`: imports rows that were pasted into a form.

pub(super) mod report;

use actix_web::http::StatusCode;
use askama::Template;
use oms_errors::{Problem, invalid_field};
use oms_inventory::{
    Acceptance, ImportFileWriter, ImportFormat, ImportId, ImportReport, ImportRequest,
    InventoryContext, InventoryError, StockMode, import_prices, import_products, import_stock,
};
use oms_validation::{IdempotencyKey, Once, Reason, TenantId};

use super::form::Form;
use super::frame::{Frame, Section};
use super::listing::explained;
use super::notice::Notice;
use super::page::{Answer, page_with, see};
use super::page_request::PageRequest;

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
pub(super) async fn form(request: Box<PageRequest>) -> Answer {
    answer(&request, StatusCode::OK, None, Kept::default())
}

/// `POST /console/imports`.
pub(super) async fn import(request: Box<PageRequest>) -> Answer {
    let form = request.form()?;
    let kept = Kept::of(form);
    match run(&request, form, kept.is_all_or_nothing).await {
        Ok(id) => see(&format!("/console/imports/{id}")),
        Err(problem) => {
            let (status, problem) = explained(problem)?;
            answer(&request, status, Some(Notice::of_problem(&problem)), kept)
        }
    }
}

fn answer(request: &PageRequest, status: StatusCode, notice: Option<Notice>, kept: Kept) -> Answer {
    let frame = request.frame(Section::Imports, "Imports");
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
    request: &PageRequest,
    form: &Form,
    is_all_or_nothing: bool,
) -> Result<ImportId, Problem> {
    let (inventory, operator) = (&request.console.inventory, request.operator()?);
    let (key, wish) = (form.key()?, wish(form)?);
    let rows = form.required("rows")?;
    let mut file = ImportFileWriter::new(MAX_BYTES).map_err(InventoryError::ImportFile)?;
    file.write(rows.as_bytes())
        .await
        .map_err(InventoryError::ImportFile)?;
    let import = ImportRequest {
        file: file.finish().await.map_err(InventoryError::ImportFile)?,
        format: ImportFormat::Csv,
        acceptance: match is_all_or_nothing {
            true => Acceptance::AllOrNothing,
            false => Acceptance::EachRow,
        },
        actor: operator.actor(),
    };
    let report = import_rows(inventory, operator.tenant(), &key, &wish, import).await?;
    Ok(report.into_inner().import.id)
}

async fn import_rows(
    context: &InventoryContext,
    tenant: TenantId,
    key: &IdempotencyKey,
    wish: &Wish,
    request: ImportRequest,
) -> Result<Once<ImportReport>, InventoryError> {
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
