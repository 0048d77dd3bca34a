//! Findings as JSON.

use chrono::{DateTime, Utc};
use oms_validation::{InstallationId, Money, OrderId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::finding::{Finding, FindingAction, FindingKind};
use crate::domain::id::FindingId;
use crate::http::examples;
use crate::http::representation::Openness;

/// A finding.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Finding, examples(examples::finding))]
pub(super) struct FindingBody {
    id: FindingId,
    state: Openness,
    kind: FindingKind,
    gateway: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    charge: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<OrderId>,
    /// The oms installation that the charge names. Another installation may share the gateway account.
    #[serde(skip_serializing_if = "Option::is_none")]
    installation_id: Option<InstallationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<Money>,
    detail: String,
    action: FindingAction,
    tries: u32,
    found_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    /// How the finding was resolved, or why the action failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved: Option<ResolvedBody>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FindingEnd)]
struct ResolvedBody {
    by: String,
    at: DateTime<Utc>,
}

impl From<Finding> for FindingBody {
    fn from(finding: Finding) -> Self {
        Self {
            id: finding.id,
            state: match finding.resolved {
                Some(_) => Openness::Resolved,
                None => Openness::Open,
            },
            kind: finding.kind,
            gateway: finding.gateway,
            charge: finding.charge.map(|charge| charge.to_string()),
            payment: finding.payment.map(|payment| payment.to_string()),
            order_id: finding.order_id,
            installation_id: finding.installation_id,
            expected: finding.expected,
            found: finding.found,
            detail: finding.detail,
            action: finding.action,
            tries: finding.lease.tries,
            found_at: finding.found_at,
            last_seen_at: finding.last_seen_at,
            note: finding.note,
            resolved: finding.resolved.map(|resolved| ResolvedBody {
                by: resolved.by,
                at: resolved.at,
            }),
        }
    }
}
