//! What operators are told about an event that needs one of them.

use oms_events::Subject;
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::error::OrderError;
use crate::store::{dead_letters, findings};

/// Returns what operators are told about a dead letter or a finding: 1 to 500 characters. `None` if the subject is
/// neither, or the tenant has none with its ID. It is not in the event, because it has words of the gateway and of
/// operators, and events go to others.
///
/// # Errors
/// If the database fails.
pub async fn explain_alert(
    context: &OrderContext,
    tenant: TenantId,
    subject: &Subject,
) -> Result<Option<String>, OrderError> {
    let mut connection = context.database.acquire().await?;
    let connection = &mut connection;
    Ok(match subject.kind.as_ref() {
        "dead_letter" => {
            let found = dead_letters::find(connection, tenant, subject.id.into()).await?;
            found.map(|dead_letter| dead_letter.alert())
        }
        "finding" => {
            let found = findings::find(connection, tenant, subject.id.into()).await?;
            found.map(|finding| finding.detail)
        }
        _ => None,
    })
}
