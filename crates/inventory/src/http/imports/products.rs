//! `POST /imports/products`.

use actix_web::{HttpRequest, HttpResponse, web};
use oms_errors::Problem;
use oms_web::paging::parse_query;
use oms_web::{CurrentOperator, CurrentTenant, IdempotencyKeyHeader, ProblemResponse};

use super::representation::ReportBody;
use super::{Refusals, acceptance_of, answer, format_of};
use crate::http::InventoryApi;
use crate::service;
use crate::service::import::ImportRequest;

/// 201 with a report of what was imported and of each row that was not; 200 with the report of an earlier request with this
/// key. `allOrNothing=true` imports nothing if a row is rejected: 422 then, with each of them. The body is CSV with the
/// columns `sku,name,amountMinor,currency`, or JSON lines like the body of `POST /products`.
#[utoipa::path(
    post,
    path = "/imports/products",
    operation_id = "importProducts",
    tag = "inventory",
    summary = "Import products",
    description = "Creates those whose SKU is not there, and gives the others the name and the prices of their rows. Up to 250,000 lines of 16,384 bytes.",
    params(
        ("allOrNothing" = Option<bool>, Query, description = "Imports nothing if a row is rejected."),
        IdempotencyKeyHeader,
    ),
    request_body(description = "One row in each line, in UTF-8.", content(
        (String = "text/csv", example = json!("sku,name,amountMinor,currency\nMUG-BLUE,\"Mug, blue\",1000,USD\n")),
        (String = "application/x-ndjson", example = json!("{\"sku\":\"MUG-BLUE\",\"name\":\"Mug, blue\",\"prices\":[{\"amountMinor\":1000,\"currency\":\"USD\"}]}\n")),
        (String = "application/jsonl", example = json!("{\"sku\":\"MUG-BLUE\",\"name\":\"Mug, blue\",\"prices\":[{\"amountMinor\":1000,\"currency\":\"USD\"}]}\n")),
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
    let query = parse_query(request.query_string(), &["allOrNothing"])?;
    let (format, acceptance) = (format_of(&request)?, acceptance_of(&query)?);
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
        let _places = (on_disk, imports.work(tenant.0).await?);
        let report =
            service::import_products::import_products(&context, tenant.0, &key.0, request, &());
        Ok::<_, Problem>(report.await?)
    };
    Ok(answer(api.detached(importing).await??))
}
