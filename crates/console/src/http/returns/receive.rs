//! `POST /console/returns/{id}/receipts`: records what arrived of a return, and what was done with it.

use std::collections::BTreeMap;

use oms_errors::{Problem, invalid_field};
use oms_fulfilment::{ReceiptDraft, ReceiptId, Received, return_id_of};
use oms_orders::receive_return;

use super::one::leave;
use crate::http::form::Form;
use crate::http::page::Answer;
use crate::http::page_request::PageRequest;

/// `POST /console/returns/{id}/receipts`.
pub(in crate::http) async fn receive(request: Box<PageRequest>) -> Answer {
    let (form, id) = (request.form()?, return_id_of(request.id())?);
    let (orders, operator) = (&request.console.orders, request.operator()?);
    let (tenant, actor) = (operator.tenant(), operator.actor());
    let done = async {
        let (key, expected, draft) = (form.key()?, form.version()?, draft(form)?);
        receive_return(orders, tenant, id, &expected, &draft, &key, &actor).await?;
        Ok(())
    };
    leave(done.await, &request, id, "receive").await
}

/// The fields are `restock.1`, `quarantine.1`, `discard.1` and `missing.1` for line 1. Blank counts as 0, and a line of
/// which nothing is said is left out.
fn draft(form: &Form) -> Result<ReceiptDraft, Problem> {
    let mut lines: BTreeMap<i32, [i64; 4]> = BTreeMap::new();
    for (index, what) in ["restock.", "quarantine.", "discard.", "missing."]
        .into_iter()
        .enumerate()
    {
        for (line, units) in form.fields(what) {
            let invalid = |message: &str| invalid_field(format!("{what}{line}"), message);
            let number = line.parse().map_err(|_| invalid("is not a line"))?;
            let units = units
                .parse()
                .map_err(|_| invalid("must be a whole number"))?;
            lines.entry(number).or_default()[index] = units;
        }
    }
    let said = lines.into_iter().filter(|(_, units)| *units != [0; 4]);
    let lines = Received::of_lines(&said.collect::<Vec<_>>());
    let warehouse = form.required("warehouse")?.parse();
    Ok(ReceiptDraft {
        id: ReceiptId::generate(),
        warehouse_id: warehouse.map_err(|_| invalid_field("warehouse", "is not a warehouse"))?,
        lines: lines.map_err(|error| invalid_field("lines", error.to_string()))?,
    })
}
