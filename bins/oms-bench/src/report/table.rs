//! The table on the terminal.

use std::io::Write;

use anyhow::Result;

use super::{Report, Row, Run};
use crate::latencies::median;

const HEAD: [&str; 15] = [
    "workload",
    "gateway",
    "c",
    "system",
    "per s",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "÷ceiling",
    "WAL B",
    "flushes",
    "db µs",
    "api µs",
    "gen µs",
    "MB",
];

/// Prints all rows.
pub(crate) fn print(report: &Report, out: &mut impl Write) -> Result<()> {
    let machine = &report.machine;
    writeln!(
        out,
        "\n{} × {}, {} MB, Linux {}, {}, a flush takes {:.2} ms; commit {}",
        machine.cpus,
        machine.model,
        machine.memory_mb,
        machine.kernel,
        machine.database,
        machine.flush_ms,
        report.commit
    )?;
    let mut lines = vec![HEAD.map(str::to_owned)];
    lines.extend(report.rows.iter().map(cells));
    let width = |column: usize| {
        lines
            .iter()
            .map(|line| line[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    for line in &lines {
        let cells =
            line.iter()
                .zip(&widths)
                .enumerate()
                .map(|(column, (cell, width))| match column {
                    0 | 1 | 3 => format!("{cell:<width$}"),
                    _ => format!("{cell:>width$}"),
                });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    explain_marks(report, out)
}

/// What the columns mean, once.
pub(crate) fn explain(out: &mut impl Write) -> Result<()> {
    writeln!(
        out,
        "per order or answer: WAL bytes, flushes, processor time of database, API and generator (with the gateway). \
         MB: the API's memory, idle → loaded."
    )?;
    Ok(())
}

fn explain_marks(report: &Report, out: &mut impl Write) -> Result<()> {
    let disturbed = report.rows.iter().filter(|row| row.is_disturbed());
    let disturbed: Vec<String> = disturbed
        .map(|row| {
            format!(
                "{} {} c={}",
                row.workload.name(),
                row.system,
                row.concurrency
            )
        })
        .collect();
    if disturbed.is_empty() {
        writeln!(out, "no run was disturbed by other programs")?;
    } else {
        writeln!(
            out,
            "* disturbed, others took more than 10 % of the machine; measure again: {}",
            disturbed.join(", ")
        )?;
    }
    Ok(())
}

fn cells(row: &Row) -> [String; HEAD.len()] {
    let mark = if row.is_disturbed() { "*" } else { "" };
    let of_runs = |value: fn(&Run) -> Option<f64>, digits: usize| {
        let values: Vec<f64> = row.runs.iter().filter_map(value).collect();
        if values.is_empty() {
            String::new()
        } else {
            format!("{:.digits$}", median(values))
        }
    };
    let idle = of_runs(|run| run.memory_idle_mb, 0);
    let loaded = of_runs(|run| run.memory_loaded_mb, 0);
    [
        row.workload.name().to_owned(),
        format!("{:?}", row.gateway).to_lowercase(),
        row.concurrency.to_string(),
        format!("{}{mark}", row.system),
        format!("{:.0}", row.per_s),
        format!("{:.1}", row.p50_ms),
        format!("{:.1}", row.p95_ms),
        format!("{:.1}", row.p99_ms),
        row.ratio_to_ceiling
            .map_or_else(String::new, |ratio| format!("{ratio:.2}")),
        of_runs(|run| run.wal_bytes_per_order, 0),
        of_runs(|run| run.flushes_per_order, 2),
        of_runs(
            |run| Some(run.cpu_us_per_order.database).filter(|it| *it > 0.0),
            0,
        ),
        of_runs(
            |run| Some(run.cpu_us_per_order.server).filter(|it| *it > 0.0),
            0,
        ),
        of_runs(|run| Some(run.cpu_us_per_order.generator), 0),
        if idle.is_empty() {
            String::new()
        } else {
            format!("{idle}→{loaded}")
        },
    ]
}
