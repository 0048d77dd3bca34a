//! The table that is printed on the terminal.

use std::io::Write;

use anyhow::Result;

use super::{Report, Row, Run};
use crate::latencies::median;
use crate::targets::{Bound, Target, judge};

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
    write_columns(&lines, &[0, 1, 3], out)?;
    writeln!(
        out,
        "per order or answer: WAL bytes, flushes, processor time of database, API and generator (with the gateway). \
         MB: the API's memory, idle → loaded."
    )?;
    explain_marks(report, out)?;
    print_targets(&judge(report), out)
}

/// Writes texts in columns as wide as needed; the named columns are left-aligned.
pub(super) fn write_columns<const N: usize>(
    lines: &[[String; N]],
    left: &[usize],
    out: &mut impl Write,
) -> Result<()> {
    let width = |column: usize| {
        let cells = lines.iter().map(|line| line[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    for line in lines {
        let cells = line.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| match left.contains(&column) {
            true => format!("{cell:<width$}"),
            false => format!("{cell:>width$}"),
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// Prints measured targets with their bounds, and only the names of the others.
pub(crate) fn print_targets(targets: &[Target], out: &mut impl Write) -> Result<()> {
    let mut lines = vec![["target", "bound", "measured", ""].map(str::to_owned)];
    for target in targets {
        let Some((figure, holds)) = target.measured.zip(target.holds) else {
            continue;
        };
        let (sign, bound) = match target.bound {
            Bound::AtLeast(least) => ('≥', least),
            Bound::AtMost(most) => ('≤', most),
        };
        let unit = target.unit;
        lines.push([
            target.name.clone(),
            format!("{sign} {bound} {unit}"),
            format!("{figure:.2} {unit}"),
            if holds { "holds" } else { "does not hold" }.to_owned(),
        ]);
    }
    writeln!(out)?;
    write_columns(&lines, &[0, 3], out)?;
    let missing = targets.iter().filter(|target| target.measured.is_none());
    let missing: Vec<&str> = missing.map(|target| target.name.as_str()).collect();
    if !missing.is_empty() {
        writeln!(out, "not measured: {}", missing.join("; "))?;
    }
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
            "* disturbed: other programs used more than 10 % of the machine; measure again: {}",
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

#[cfg(test)]
mod tests {
    use super::super::tests::{report, row};
    use super::*;

    #[test]
    fn measured_targets_have_their_bounds_and_the_others_only_their_names() {
        let mut told = Vec::new();
        let mut ours = row(64, "oms", &[250.0]);
        ours.compare(&row(64, "ceiling", &[50.0]).runs);
        print(&report(vec![ours]), &mut told).unwrap();
        let told = String::from_utf8(told).unwrap();
        let line = |beginning: &str| {
            let found = told.lines().find(|line| line.starts_with(beginning));
            found.unwrap_or_else(|| panic!("{beginning} is not in {told}"))
        };
        let uniform = line("uniform, c=64: ÷ the ceiling");
        assert!(
            uniform.contains("≥ 5 ×") && uniform.contains("5.00 ×"),
            "{uniform}"
        );
        assert!(uniform.ends_with("  holds"), "{uniform}");
        assert!(line("uniform, c=64: ÷ the older").ends_with("does not hold"));
        assert!(line("not measured: ").contains("hot, c=64: ÷ the ceiling"));
    }
}
