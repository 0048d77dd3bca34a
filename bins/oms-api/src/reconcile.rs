//! `oms-api reconcile`: compares the gateway's charges of a time span with the orders of all tenants, once, and prints
//! the differences.

use std::collections::HashMap;
use std::convert;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use oms_orders::{
    Finding, FindingFilter, FindingId, FindingState, Going, OrderContext, OrderSettings,
    ReconcileObserver, ReconcileSummary, ReconcileWindow, compared_tenants, get_finding,
    list_findings, reconcile_charges,
};
use oms_validation::{Money, PageSize, TenantId, Time};

use crate::config::Config;
use crate::{database, installation, serve};

/// Exit code if findings are open at the end.
const FINDINGS_ARE_OPEN: u8 = 2;

/// Parses an RFC 3339 time.
pub(crate) fn parse_time(text: &str) -> Result<DateTime<Utc>, String> {
    let parsed = Time::parse(text).map(Time::get);
    parsed.map_err(|_| "must be a time such as 2026-11-24T00:00:00Z".to_owned())
}

/// Compares, and prints a summary and a table of the findings that it met or that are open.
pub(crate) async fn reconcile(
    config: &Config,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> anyhow::Result<ExitCode> {
    let window = ReconcileWindow::new(from, to, SystemTime::now().into())
        .context("can't compare from --from to --to")?;
    let database = database::connect(config).await?;
    let installation = installation::establish(&database).await?.id.into();
    let context = OrderContext::new(
        database.clone(),
        serve::gateway(config, installation)?,
        serve::geocoder(config, &database, convert::identity)?,
        OrderSettings {
            sweep_lease: config.sweep.lease(),
            sweep_backoff: config.sweep.backoff,
            sweep_max_tries: config.sweep.max_tries,
            ..OrderSettings::new(config.currency)
        },
    );
    let context = Arc::new(context.with_installation(installation));
    let own = config.tenant;
    let comparing = {
        let context = context.clone();
        let progress = Progress::new();
        // In a task of its own, so that nothing can drop it halfway.
        tokio::spawn(async move {
            let compared = reconcile_charges(&context, own, &window, &progress).await;
            progress.end();
            compared
        })
    };
    let summary = comparing.await?.context("can't compare")?;
    let findings = findings(&context, own, &summary).await?;
    print(&mut std::io::stdout().lock(), &findings, &summary)?;
    database.close();
    if !summary.failed.is_empty() {
        bail!("{} tenant(s) could not be compared", summary.failed.len());
    }
    Ok(match summary.open {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(FINDINGS_ARE_OPEN),
    })
}

/// The findings that this comparison met, and all other open ones, each with its tenant; the oldest first.
async fn findings(
    context: &OrderContext,
    own: TenantId,
    summary: &ReconcileSummary,
) -> anyhow::Result<Vec<(TenantId, Finding)>> {
    let mut findings: HashMap<FindingId, (TenantId, Finding)> = HashMap::new();
    for (id, tenant) in &summary.owners {
        findings.insert(*id, (*tenant, get_finding(context, *tenant, *id).await?));
    }
    for tenant in compared_tenants(context, own).await? {
        for finding in open_findings(context, tenant).await? {
            findings.insert(finding.id, (tenant, finding));
        }
    }
    let mut findings: Vec<(TenantId, Finding)> = findings.into_values().collect();
    findings.sort_by_key(|(_, finding)| (finding.found_at, finding.id));
    Ok(findings)
}

async fn open_findings(context: &OrderContext, tenant: TenantId) -> anyhow::Result<Vec<Finding>> {
    let filter = FindingFilter {
        state: FindingState::Open,
        kind: None,
    };
    let mut findings = Vec::new();
    let mut after = None;
    loop {
        let page = list_findings(context, tenant, filter, after, PageSize::DEFAULT).await?;
        findings.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(findings);
        }
    }
}

const HEADINGS: [&str; 8] = [
    "finding", "tenant", "state", "kind", "charge", "order", "expected", "found",
];

fn print(
    out: &mut impl Write,
    findings: &[(TenantId, Finding)],
    summary: &ReconcileSummary,
) -> anyhow::Result<()> {
    if !findings.is_empty() {
        let rows: Vec<[String; 8]> = findings.iter().map(row).collect();
        let mut widths = HEADINGS.map(str::len);
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.len());
            }
        }
        print_row(out, &HEADINGS.map(str::to_owned), &widths)?;
        for row in &rows {
            print_row(out, row, &widths)?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "{} charges compared, {} orders looked up: {} new findings, {} settled, {} open",
        summary.charges,
        summary.orders,
        summary.found.len(),
        summary.settled.len(),
        summary.open
    )?;
    Ok(())
}

fn print_row(
    out: &mut impl Write,
    cells: &[String; 8],
    widths: &[usize; 8],
) -> std::io::Result<()> {
    let cells: Vec<String> = cells
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:width$}"))
        .collect();
    writeln!(out, "{}", cells.join("  ").trim_end())
}

fn row((tenant, finding): &(TenantId, Finding)) -> [String; 8] {
    let money = |money: Option<Money>| match money {
        Some(money) => format!("{} {}", money.amount_minor, money.currency),
        None => "-".to_owned(),
    };
    let charge = finding.charge.as_ref().map(ToString::to_string);
    let payment = finding.payment.as_ref().map(ToString::to_string);
    let state = match finding.resolved {
        Some(_) => "resolved",
        None => "open",
    };
    [
        finding.id.to_string(),
        tenant.to_string(),
        state.to_owned(),
        finding.kind.as_str().to_owned(),
        charge.or(payment).unwrap_or_else(|| "-".to_owned()),
        finding
            .order_id
            .map_or_else(|| "-".to_owned(), |id| id.to_string()),
        money(finding.expected),
        money(finding.found),
    ]
}

/// A line on standard error that shows the progress, if that is a terminal.
struct Progress {
    is_seen: bool,
}

impl Progress {
    fn new() -> Self {
        Self {
            is_seen: std::io::stderr().is_terminal(),
        }
    }

    fn end(&self) {
        if self.is_seen {
            eprintln!();
        }
    }
}

impl ReconcileObserver for Progress {
    fn progressed(&self, summary: &ReconcileSummary) -> Going {
        if self.is_seen {
            let (charges, orders) = (summary.charges, summary.orders);
            eprint!(
                "\r{charges} charges, {orders} orders, {} findings",
                summary.found.len()
            );
        }
        Going::On
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_must_have_an_offset() {
        let midnight = parse_time("2026-11-24T00:00:00Z").unwrap();
        assert_eq!(parse_time("2026-11-24T01:00:00+01:00"), Ok(midnight));
        for text in [
            "",
            "now",
            "2026-11-24",
            "2026-11-24T00:00:00",
            "+10000-01-01T00:00:00Z",
        ] {
            assert!(parse_time(text).is_err(), "{text:?}");
        }
    }
}
