//! A small line of the latest values.

use std::fmt::Write;

use super::svg::{Escaped, Length};

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 32.0;
/// Above the highest value, so that the stroke is not cut.
const MARGIN: f64 = 2.0;

/// The latest values of something, oldest first.
#[derive(Clone, Copy, Debug)]
pub struct Sparkline<'a> {
    /// What it shows, in words, such as "Orders per second, last 15 minutes".
    pub label: &'a str,
    /// At equal distances; `None` where nothing was measured.
    pub values: &'a [Option<f64>],
    /// The value at the top, at least: without one, the highest value is there.
    pub top: Option<f64>,
}

/// Draws a line from 0 to the highest value. A gap stays a gap, and a lone value is a short line.
pub fn sparkline(sparkline: &Sparkline<'_>) -> String {
    let mut svg = format!(
        r#"<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img"><title>{}</title>"#,
        Escaped(sparkline.label)
    );
    let (area, stroke) = paths(sparkline);
    if !stroke.is_empty() {
        let _ = write!(
            svg,
            r#"<path class="area" d="{area}"/><path class="stroke" d="{stroke}"/>"#
        );
    }
    svg.push_str("</svg>");
    svg
}

fn paths(sparkline: &Sparkline<'_>) -> (String, String) {
    let values = sparkline.values;
    let finite = |value: &Option<f64>| value.filter(|value| value.is_finite());
    let highest = values.iter().filter_map(finite).fold(0.0, f64::max);
    let top = highest.max(sparkline.top.unwrap_or_default());
    let step = WIDTH / as_f64(values.len().saturating_sub(1).max(1));
    let point = |(index, value): (usize, f64)| {
        let share = match top > 0.0 {
            true => (value / top).clamp(0.0, 1.0),
            false => 0.0,
        };
        let y = HEIGHT - 1.0 - share * (HEIGHT - 1.0 - MARGIN);
        (as_f64(index) * step, y)
    };
    let mut area = String::new();
    let mut stroke = String::new();
    let indexed: Vec<_> = values.iter().map(finite).enumerate().collect();
    for run in indexed.chunk_by(|(_, left), (_, right)| left.is_some() && right.is_some()) {
        let run = run
            .iter()
            .filter_map(|&(index, value)| value.map(|value| (index, value)));
        let mut points: Vec<_> = run.map(point).collect();
        if let [(x, y)] = points[..] {
            let end = (x + step / 2.0).min(WIDTH);
            points = vec![((end - step / 2.0).max(0.0), y), (end, y)];
        }
        if let (Some(first), Some(last)) = (points.first(), points.last()) {
            let line = points
                .iter()
                .map(|(x, y)| format!("{} {}", Length(*x), Length(*y)));
            let line = line.collect::<Vec<_>>().join("L");
            let _ = write!(
                area,
                "M{} {HEIGHT}L{line}L{} {HEIGHT}Z",
                Length(first.0),
                Length(last.0)
            );
            let _ = write!(stroke, "M{line}");
        }
    }
    (area, stroke)
}

/// A count, which is far below 2^32.
fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[Option<f64>]) -> String {
        sparkline(&Sparkline {
            label: "Orders per second",
            values,
            top: None,
        })
    }

    #[test]
    fn the_highest_value_is_at_the_top_and_zero_at_the_bottom() {
        let drawn = of(&[Some(0.0), Some(5.0), Some(10.0)]);
        insta::assert_snapshot!(drawn);
    }

    #[test]
    fn a_gap_splits_the_line() {
        insta::assert_snapshot!(of(&[Some(1.0), Some(1.0), None, Some(2.0)]));
    }

    #[test]
    fn a_picture_without_values_is_empty() {
        assert!(!of(&[]).contains("<path"));
        assert!(!of(&[None, Some(f64::NAN)]).contains("<path"));
    }

    #[test]
    fn a_fixed_top_keeps_small_values_small() {
        let drawn = sparkline(&Sparkline {
            label: "Share",
            values: &[Some(1.0), Some(1.0)],
            top: Some(100.0),
        });
        assert!(
            drawn.contains(r#"class="stroke" d="M0 30.7L120 30.7""#),
            "{drawn}"
        );
    }

    #[test]
    fn the_label_is_escaped() {
        let drawn = sparkline(&Sparkline {
            label: "</title><script>",
            values: &[],
            top: None,
        });
        assert!(
            drawn.contains("<title>&lt;/title&gt;&lt;script&gt;</title>"),
            "{drawn}"
        );
    }
}
