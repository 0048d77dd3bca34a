//! `POST /console/returns/{id}/decision`: approves, declines, cancels or closes a return.

use oms_errors::{Problem, invalid_field};
use oms_fulfilment::{Note, return_id_of};
use oms_orders::{RequestedDecision, decide_return};

use super::one::leave;
use crate::http::form::Form;
use crate::http::page::Answer;
use crate::http::page_request::PageRequest;

/// `POST /console/returns/{id}/decision`.
pub(in crate::http) async fn decide(request: Box<PageRequest>) -> Answer {
    let (form, id) = (request.form()?, return_id_of(request.id())?);
    let (orders, operator) = (&request.console.orders, request.operator()?);
    let (tenant, actor) = (operator.tenant(), operator.actor());
    let word = form.text("decision").unwrap_or_default();
    let done = async {
        let (key, expected, decision) = (form.key()?, form.version()?, decision(form, word)?);
        let key = Some(&key);
        decide_return(orders, tenant, id, &expected, &decision, key, &actor).await?;
        Ok(())
    };
    leave(done.await, &request, id, word).await
}

fn decision(form: &Form, word: &str) -> Result<RequestedDecision, Problem> {
    let reason = form.text("reason").map(Note::parse).transpose();
    let reason = reason.map_err(|error| invalid_field("reason", error.to_string()))?;
    match word {
        "approve" => {
            let warehouse_id = form.text("warehouse").map(str::parse).transpose();
            Ok(RequestedDecision::Approve {
                warehouse_id: warehouse_id
                    .map_err(|_| invalid_field("warehouse", "is not a warehouse"))?,
                expires_at: None,
            })
        }
        "decline" => {
            let reason = reason.ok_or_else(|| invalid_field("reason", "is required"))?;
            Ok(RequestedDecision::Decline(reason))
        }
        "cancel" => Ok(RequestedDecision::Cancel(reason)),
        "close" => Ok(RequestedDecision::Close {
            kept: form.is_ticked("kept"),
            reason,
        }),
        _ => Err(invalid_field("decision", "is not a decision")),
    }
}
