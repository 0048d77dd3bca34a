//! `POST /imports/stock`.

use actix_web::{HttpRequest, HttpResponse, web};
use oms_errors::Problem;
use oms_validation::{InvalidReason, Reason};
use oms_web::paging::{parameter, parse_query};
use oms_web::{CurrentOperator, CurrentTenant, IdempotencyKeyHeader, ProblemResponse, reason_of};

use super::representation::ReportBody;
use super::{Refusals, acceptance_of, answer, format_of};
use crate::domain::import::StockMode;
use crate::http::InventoryApi;
use crate::service;
use crate::service::import::ImportRequest;

/// 201 with a report of what was imported and of each row that was not; 200 with the report of an earlier request with this
/// key. `mode` is `set` (the default: quantities were counted) or `receive` (they come in addition), `reason` stands on the
/// movements. `allOrNothing=true` imports nothing if a row is rejected: 422 then, with each of them. The body is CSV with
/// the columns `sku,warehouseId,quantity`, or JSON lines with the same members.
#[utoipa::path(
    post,
    path = "/imports/stock",
    operation_id = "importStock",
    tag = "inventory",
    summary = "Import stock",
    description = "Sets or receives stock, each difference as a movement. Up to 250,000 lines of 16,384 bytes.",
    params(
        ("allOrNothing" = Option<bool>, Query, description = "Imports nothing if a row is rejected."),
        ("mode" = Option<StockMode>, Query, description = "Without it quantities are set."),
        ("reason" = Option<Reason>, Query, description = "Stands on the movements; without it `imported`."),
        IdempotencyKeyHeader,
    ),
    request_body(description = "One row in each line, in UTF-8.", content(
        (String = "text/csv", example = json!("sku,warehouseId,quantity\nMUG-BLUE,01a2057d-fe6d-70bb-8eed-a7de1ae0065e,98\n")),
        (String = "application/x-ndjson", example = json!("{\"sku\":\"MUG-BLUE\",\"warehouseId\":\"01a2057d-fe6d-70bb-8eed-a7de1ae0065e\",\"quantity\":98}\n")),
        (String = "application/jsonl", example = json!("{\"sku\":\"MUG-BLUE\",\"warehouseId\":\"01a2057d-fe6d-70bb-8eed-a7de1ae0065e\",\"quantity\":98}\n")),
    )),
    responses(
        (status = 201, description = "What was imported, and each row that was not.", body = ReportBody, headers(("Location"))),
        (status = 200, description = "The report of an earlier request with this key.", body = ReportBody,
            headers(("Location"), ("Idempotent-Replayed"))),
        Refusals,
    ),
)]
pub(crate) async fn import(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    operator: CurrentOperator,
    key: IdempotencyKeyHeader,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ProblemResponse> {
    let query = parse_query(request.query_string(), &["allOrNothing", "mode", "reason"])?;
    let (format, acceptance) = (format_of(&request)?, acceptance_of(&query)?);
    let mode = parameter(&query, "mode", |text| {
        StockMode::parse(text).ok_or_else(|| "must be set or receive".to_owned())
    })?;
    let mode = mode.unwrap_or(StockMode::Set);
    let reason = parameter(&query, "reason", |text| {
        Reason::parse(text).map_err(|error: InvalidReason| error.to_string())
    })?;
    let reason = reason.map_or_else(|| reason_of("imported"), Ok)?;
    let received = api.imports.receive(tenant.0, payload).await?;
    let request = ImportRequest {
        file: received.file,
        format,
        acceptance,
        actor: operator.0.as_actor(),
    };
    let (context, on_disk) = (api.context.clone(), received.on_disk);
    let imports = api.imports.clone();
    let importing = async move {
        let (tenant, key) = (tenant.0, key.0);
        let _places = (on_disk, imports.work(tenant).await?);
        let report = service::import_stock::import_stock(
            &context,
            tenant,
            &key,
            mode,
            &reason,
            request,
            &(),
        );
        Ok::<_, Problem>(report.await?)
    };
    Ok(answer(api.detached(importing).await??))
}
