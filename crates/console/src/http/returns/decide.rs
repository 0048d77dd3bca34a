//! `POST /console/returns/{id}/decision`: approves, declines, cancels or closes a return.

use actix_web::web;
use oms_errors::{Problem, invalid_field};
use oms_fulfilment::{Note, return_id_of};
use oms_orders::{RequestedDecision, decide_return};

use super::one::leave;
use crate::http::Console;
use crate::http::form::Form;
use crate::http::frame::View;
use crate::http::operator::Operator;
use crate::http::page::Answer;

/// `POST /console/returns/{id}/decision`.
pub(in crate::http) async fn decide(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    id: web::Path<String>,
    form: Form,
) -> Answer {
    let id = return_id_of(&id)?;
    let (tenant, actor) = (operator.tenant(), operator.actor());
    let word = form.text("decision").unwrap_or_default();
    let done = async {
        let (key, expected, decision) = (form.key()?, form.version()?, decision(&form, word)?);
        let deciding = console.orders.run(|context| async move {
            let decided = decide_return(
                &context,
                tenant,
                id,
                &expected,
                &decision,
                Some(&key),
                &actor,
            );
            decided.await.map(drop)
        });
        deciding.await
    };
    leave(done.await, &console, &view, &operator, id, word).await
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
