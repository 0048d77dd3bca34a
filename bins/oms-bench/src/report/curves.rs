//! Throughput and latency against concurrency, one picture each for every workload that has more than one point.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::Row;

const SIZE: (u32, u32) = (760, 440);
const COLOURS: [RGBColor; 5] = [
    RGBColor(31, 119, 180),
    RGBColor(214, 39, 40),
    RGBColor(44, 160, 44),
    RGBColor(148, 103, 189),
    RGBColor(255, 127, 14),
];

/// Points of a line: concurrency and value.
type Lines = BTreeMap<String, Vec<(f64, f64)>>;

/// Draws what there is to draw, and returns the names of the files.
pub(crate) fn draw(rows: &[Row], folder: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut workloads: Vec<_> = rows.iter().map(|row| row.workload).collect();
    workloads.dedup();
    for workload in workloads {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.workload == workload).collect();
        let throughput = lines(&rows, &[("", |row| row.per_s)]);
        let latency = lines(
            &rows,
            &[(" p50", |row| row.p50_ms), (" p99", |row| row.p99_ms)],
        );
        for (what, unit, lines) in [
            ("throughput", "answers/s", throughput),
            ("latency", "ms", latency),
        ] {
            if lines.values().all(|points| points.len() < 2) {
                continue;
            }
            let name = format!("{}-{what}.svg", workload.name());
            let caption = format!("{}: {what}", workload.name());
            picture(&folder.join(&name), &caption, unit, &lines)
                .map_err(|error| anyhow!("{name} can't be drawn: {error}"))?;
            files.push(name);
        }
    }
    Ok(files)
}

type Value = (&'static str, fn(&Row) -> f64);

fn lines(rows: &[&Row], values: &[Value]) -> Lines {
    let mut lines = Lines::new();
    for row in rows {
        let concurrency = f64::from(u32::try_from(row.concurrency).unwrap_or(u32::MAX));
        for (suffix, value) in values {
            let line = lines.entry(format!("{}{suffix}", row.system)).or_default();
            line.push((concurrency, value(row)));
        }
    }
    lines
}

fn picture(
    path: &Path,
    caption: &str,
    unit: &str,
    lines: &Lines,
) -> Result<(), Box<dyn std::error::Error>> {
    let points = || lines.values().flatten();
    let least = points().map(|(x, _)| *x).fold(f64::INFINITY, f64::min);
    let most = points().map(|(x, _)| *x).fold(1.0, f64::max);
    let highest = points().map(|(_, y)| *y).fold(0.0, f64::max);
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(caption, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d((least..most * 1.05).log_scale(), 0.0..highest * 1.1)?;
    chart
        .configure_mesh()
        .x_desc("connections")
        .y_desc(unit)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .draw()?;
    for ((name, points), colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        chart
            .draw_series(
                LineSeries::new(points.iter().copied(), colour.stroke_width(2)).point_size(3),
            )?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .draw()?;
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::row;
    use super::*;

    #[test]
    fn a_workload_with_several_points_gets_two_pictures_and_one_with_one_point_none() {
        let folder = tempfile::tempdir().unwrap();
        let single = [row(64, "oms", &[10.0])];
        assert!(draw(&single, folder.path()).unwrap().is_empty());
        let several = [
            row(1, "oms", &[10.0]),
            row(8, "oms", &[50.0]),
            row(8, "ceiling", &[40.0]),
        ];
        let files = draw(&several, folder.path()).unwrap();
        assert_eq!(files, ["uniform-throughput.svg", "uniform-latency.svg"]);
        let svg = std::fs::read_to_string(folder.path().join(&files[0])).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("ceiling"), "{svg}");
    }
}
