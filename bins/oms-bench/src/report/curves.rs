//! Charts: throughput and latency against concurrency forevery workload with more than one point, and the charts of
//! growth.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::Row;
use crate::latencies::float;
use crate::options::Gateway;

const SIZE: (u32, u32) = (760, 440);
const COLOURS: [RGBColor; 5] = [
    RGBColor(31, 119, 180),
    RGBColor(214, 39, 40),
    RGBColor(44, 160, 44),
    RGBColor(148, 103, 189),
    RGBColor(255, 127, 14),
];

/// A line of a chart.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    /// Pairs of a count and the value at it.
    pub(crate) points: Vec<(u32, f64)>,
}

/// A chart of values against a count. Counts are spaced equally, because they grow by factors and may begin at zero.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    pub(crate) file: String,
    pub(crate) caption: String,
    /// What the count is of.
    pub(crate) along: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) lines: Vec<Line>,
}

/// Draws throughput and latency against concurrency, and returns the file names.
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
            let chart = Chart {
                file: format!("{}-{what}.svg", workload.name()),
                caption: format!("{}: {what}", workload.name()),
                along: "connections",
                unit,
                lines,
            };
            files.extend(chart.draw(folder)?);
        }
    }
    Ok(files)
}

type Value = (&'static str, fn(&Row) -> f64);

fn lines(rows: &[&Row], values: &[Value]) -> Vec<Line> {
    let mut lines: BTreeMap<String, Vec<(u32, f64)>> = BTreeMap::new();
    for row in rows {
        let concurrency = u32::try_from(row.concurrency).unwrap_or(u32::MAX);
        let behind = match row.gateway {
            Gateway::Instant => "",
            Gateway::Sandbox => " behind the sandbox",
        };
        for (suffix, value) in values {
            let name = format!("{}{behind}{suffix}", row.system);
            lines
                .entry(name)
                .or_default()
                .push((concurrency, value(row)));
        }
    }
    let line = |(name, points)| Line { name, points };
    lines.into_iter().map(line).collect()
}

impl Chart {
    /// Draws the chart if a line has more than one point, and returns the file name.
    pub(crate) fn draw(&self, folder: &Path) -> Result<Option<String>> {
        if self.lines.iter().all(|line| line.points.len() < 2) {
            return Ok(None);
        }
        self.write(&folder.join(&self.file))
            .map_err(|error| anyhow!("could not draw {}: {error}", self.file))?;
        Ok(Some(self.file.clone()))
    }

    fn write(&self, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
        let counts = self.counts();
        let place = |count: &u32| {
            let place = counts.iter().position(|known| known == count);
            float(place.and_then(|place| place.try_into().ok()).unwrap_or(0))
        };
        let last = float(counts.len().saturating_sub(1).try_into()?);
        let values = self.lines.iter().flat_map(|line| &line.points);
        let highest = values.map(|(_, value)| *value).fold(0.0, f64::max);
        let label = |at: &f64| {
            let count = counts.iter().find(|count| (place(count) - at).abs() < 0.01);
            count.map_or_else(String::new, u32::to_string)
        };
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(&self.caption, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(64)
            .build_cartesian_2d(-0.1..last + 0.1, 0.0..highest * 1.1)?;
        chart
            .configure_mesh()
            .x_desc(self.along)
            .y_desc(self.unit)
            .x_labels(counts.len() * 2)
            .x_label_formatter(&label)
            .draw()?;
        for (line, colour) in self.lines.iter().zip(COLOURS.iter().cycle()) {
            let points = line
                .points
                .iter()
                .map(|(count, value)| (place(count), *value));
            chart
                .draw_series(LineSeries::new(points, colour.stroke_width(2)).point_size(3))?
                .label(&line.name)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2))
                });
        }
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK)
            .draw()?;
        area.present()?;
        Ok(())
    }

    fn counts(&self) -> Vec<u32> {
        let points = self.lines.iter().flat_map(|line| &line.points);
        let counts: BTreeSet<u32> = points.map(|(count, _)| *count).collect();
        counts.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::row;
    use super::*;

    #[test]
    fn a_workload_with_several_points_gets_two_charts_and_one_with_a_single_point_none() {
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

    #[test]
    fn counts_are_spaced_equally_and_may_begin_at_zero() {
        let folder = tempfile::tempdir().unwrap();
        let chart = Chart {
            file: "grown.svg".to_owned(),
            caption: "grown".to_owned(),
            along: "stored orders",
            unit: "ms",
            lines: vec![Line {
                name: "uniform".to_owned(),
                points: vec![(0, 1.0), (500_000, 2.0), (5_000_000, 3.0)],
            }],
        };
        assert_eq!(
            chart.draw(folder.path()).unwrap().as_deref(),
            Some("grown.svg")
        );
        let svg = std::fs::read_to_string(folder.path().join("grown.svg")).unwrap();
        let labels: Vec<&str> = svg.lines().map(str::trim).collect();
        for label in ["0", "500000", "5000000"] {
            assert!(labels.contains(&label), "{label} in {svg}");
        }
    }
}
