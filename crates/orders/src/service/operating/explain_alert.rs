//! The texts of alerts about dead letters and findings.

use oms_events::Subject;
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::error::OrderError;
use crate::store::{dead_letters, findings};

/// Returns the text of the alert about a dead letter or a finding: 1 to 500 characters. `None` if the subject is neither,
/// or the tenant has none with its ID. The text is not in the event, because it has words of the gateway and of
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
