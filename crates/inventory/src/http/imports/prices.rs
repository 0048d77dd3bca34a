//! `POST /imports/prices`.

use actix_web::{HttpRequest, HttpResponse, web};
use oms_errors::Problem;
use oms_web::{CurrentOperator, CurrentTenant, IdempotencyKeyHeader, ProblemResponse, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use super::representation::ReportBody;
use super::{Refusals, acceptance_of, answer, format_of};
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
}

/// Returns 201 with a report that lists the rejected rows, or 200 with the report of an earlier request with this key.
/// With `allOrNothing=true`, a rejected row prevents the import: 422 with all rejected rows. The body is CSV with the
/// columns `priceList,sku,minQuantity,amountMinor,currency`, or JSON lines.
#[utoipa::path(
    post,
    path = "/imports/prices",
    operation_id = "importPrices",
    tag = "inventory",
    summary = "Import prices of price lists",
    description = "Sets prices of existing lists; other prices stay. A row without an amount and a currency, in JSON with a `unitPrice` of null, removes a price. Up to 250,000 lines of 16,384 bytes each.",
    params(
        Parameters,
        IdempotencyKeyHeader,
    ),
    request_body(description = "One row per line, in UTF-8.", content(
        (String = "text/csv", example = json!("priceList,sku,minQuantity,amountMinor,currency\nwholesale,MUG-BLUE,10,900,USD\n")),
        (String = "application/x-ndjson", example = json!("{\"priceList\":\"wholesale\",\"sku\":\"MUG-BLUE\",\"minQuantity\":10,\"unitPrice\":{\"amountMinor\":900,\"currency\":\"USD\"}}\n")),
        (String = "application/jsonl", example = json!("{\"priceList\":\"wholesale\",\"sku\":\"MUG-BLUE\",\"minQuantity\":10,\"unitPrice\":{\"amountMinor\":900,\"currency\":\"USD\"}}\n")),
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
    let format = format_of(&request)?;
    let received = api.imports.receive(tenant.0, payload).await?;
    let request = ImportRequest {
        file: received.file,
        format,
        acceptance: acceptance_of(query.0.all_or_nothing),
        actor: operator.0.as_actor(),
    };
    let (imports, on_disk) = (api.imports.clone(), received.on_disk);
    let importing = api.work.run(|context| async move {
        let _places = (on_disk, imports.work(tenant.0).await?);
        let report =
            service::import_prices::import_prices(&context, tenant.0, &key.0, request, &());
        Ok::<_, Problem>(report.await?)
    });
    Ok(answer(importing.await?))
}
