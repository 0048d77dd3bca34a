//! `POST /imports/stock`.

use actix_web::{HttpRequest, HttpResponse, web};
use oms_errors::Problem;
use oms_validation::Reason;
use oms_web::{
    CurrentOperator, CurrentTenant, IdempotencyKeyHeader, ProblemResponse, Query, reason_of,
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::representation::ReportBody;
use super::{Refusals, acceptance_of, answer, format_of};
use crate::domain::import::StockMode;
use crate::http::InventoryApi;
use crate::service;
use crate::service::import::ImportRequest;

/// The parameters of the import.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    /// Whether a rejected row prevents the whole import.
    #[serde(default)]
    all_or_nothing: bool,
    /// Defaults to `set`.
    #[serde(default)]
    mode: StockMode,
    /// Reason of the movements. Defaults to `imported`.
    reason: Option<Reason>,
}

/// Returns 201 with a report that lists the rejected rows, or 200 with the report of an earlier request with this key.
/// `mode` is `set` (the default: quantities are counts) or `receive` (quantities are added); `reason` is stored with
/// the movements. With `allOrNothing=true`, a rejected row prevents the import: 422 with all rejected rows. The body is
/// CSV with the columns `sku,warehouseId,quantity`, or JSON lines with the same members.
#[utoipa::path(
    post,
    path = "/imports/stock",
    operation_id = "importStock",
    tag = "inventory",
    summary = "Import stock",
    description = "Sets or receives stock, and records a movement for each difference. Up to 250,000 lines of 16,384 bytes each.",
    params(
        Parameters,
        IdempotencyKeyHeader,
    ),
    request_body(description = "One row per line, in UTF-8.", content(
        (String = "text/csv", example = json!("sku,warehouseId,quantity\nMUG-BLUE,01a2057d-fe6d-70bb-8eed-a7de1ae0065e,98\n")),
        (String = "application/x-ndjson", example = json!("{\"sku\":\"MUG-BLUE\",\"warehouseId\":\"01a2057d-fe6d-70bb-8eed-a7de1ae0065e\",\"quantity\":98}\n")),
        (String = "application/jsonl", example = json!("{\"sku\":\"MUG-BLUE\",\"warehouseId\":\"01a2057d-fe6d-70bb-8eed-a7de1ae0065e\",\"quantity\":98}\n")),
    )),
    responses(
        (status = 201, description = "The report of the import, with its rejected rows.", body = ReportBody, headers(("Location"))),
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
    query: Query<Parameters>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ProblemResponse> {
    let Parameters {
        all_or_nothing,
        mode,
        reason,
    } = query.0;
    let format = format_of(&request)?;
    let reason = reason.map_or_else(|| reason_of("imported"), Ok)?;
    let received = api.imports.receive(tenant.0, payload).await?;
    let request = ImportRequest {
        file: received.file,
        format,
        acceptance: acceptance_of(all_or_nothing),
        actor: operator.0.as_actor(),
    };
    let (imports, on_disk) = (api.imports.clone(), received.on_disk);
    let importing = api.work.run(|context| async move {
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
    });
    Ok(answer(importing.await?))
}
