//! The outlines of the continents: Natural Earth, land at 1:110m, which is in the public domain. `land.path` says in
//! `make-land.mjs` how it was made.

use std::fmt::Write;
use std::sync::LazyLock;

use super::view::View;

/// What `build.rs` wrote of `land.path`: numbers of two bytes.
static LAND: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/land"));

static RINGS: LazyLock<Vec<Ring>> = LazyLock::new(|| {
    let (numbers, _) = LAND.as_chunks();
    let mut numbers = numbers.iter().map(|bytes| i16::from_le_bytes(*bytes));
    let mut rings = Vec::new();
    while let Some(count) = numbers.next() {
        let mut degrees = || numbers.next().map(|it| f64::from(it) / 100.0);
        let points = (0..count).map_while(|_| degrees().zip(degrees()));
        rings.push(Ring::around(points.collect()));
    }
    rings
});

/// Points nearer than this to the last one are left out, in units of the picture.
const NEAREST: f64 = 1.8;
/// How much more than the view is drawn, so that no cut is seen.
const SPARE: f64 = 2.0;

/// A closed line, as longitude and latitude.
struct Ring {
    points: Vec<(f64, f64)>,
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

impl Ring {
    fn around(points: Vec<(f64, f64)>) -> Self {
        let all = |of: fn(&(f64, f64)) -> f64, pick: fn(f64, f64) -> f64, from: f64| {
            points.iter().map(of).fold(from, pick)
        };
        Self {
            west: all(|point| point.0, f64::min, f64::INFINITY),
            east: all(|point| point.0, f64::max, f64::NEG_INFINITY),
            south: all(|point| point.1, f64::min, f64::INFINITY),
            north: all(|point| point.1, f64::max, f64::NEG_INFINITY),
            points,
        }
    }
}

/// What of the land is in the view, as a path whose unit is a tenth of the picture's.
pub(super) fn path(view: &View) -> String {
    let mut path = String::new();
    for ring in RINGS.iter() {
        for turn in [-360.0, 0.0, 360.0] {
            if ring.east + turn > view.west()
                && ring.west + turn < view.east()
                && ring.north > view.south()
                && ring.south < view.north()
            {
                write(&mut path, view, &clipped(ring, turn, view));
            }
        }
    }
    path
}

/// How far a point is inside of one edge of a picture of this size.
type Depth = fn((f64, f64), (f64, f64)) -> f64;

/// The ring within the view, in units of the picture: Sutherland and Hodgman's way, edge by edge.
fn clipped(ring: &Ring, turn: f64, view: &View) -> Vec<(f64, f64)> {
    let drawn = |&(lng, lat): &(f64, f64)| (view.x(lng + turn), view.y(lat));
    let mut points: Vec<_> = ring.points.iter().map(drawn).collect();
    let depths: [Depth; 4] = [
        |(x, _), _| x + SPARE,
        |(x, _), (width, _)| width + SPARE - x,
        |(_, y), _| y + SPARE,
        |(_, y), (_, height)| height + SPARE - y,
    ];
    for depth in depths {
        let depth = |point: (f64, f64)| depth(point, view.size());
        let mut kept = Vec::with_capacity(points.len() + 4);
        let Some(mut previous) = points.last().copied() else {
            break;
        };
        for point in points {
            let (before, after) = (depth(previous), depth(point));
            if (before < 0.0) != (after < 0.0) {
                let share = before / (before - after);
                kept.push((
                    previous.0 + (point.0 - previous.0) * share,
                    previous.1 + (point.1 - previous.1) * share,
                ));
            }
            if after >= 0.0 {
                kept.push(point);
            }
            previous = point;
        }
        points = kept;
    }
    points
}

/// Writes a ring in whole tenths, each point as the step from the last one.
fn write(path: &mut String, view: &View, points: &[(f64, f64)]) {
    let tenths = |&(x, y): &(f64, f64)| ((x * 10.0).round(), (y * 10.0).round());
    let (width, height) = view.size();
    let is_edge = |&(x, y): &(f64, f64)| x <= 0.0 || y <= 0.0 || x >= width || y >= height;
    let mut kept = Vec::with_capacity(points.len());
    let mut last: Option<(f64, f64)> = None;
    for point in points {
        let near = last.is_some_and(|last| {
            (point.0 - last.0).abs() < NEAREST && (point.1 - last.1).abs() < NEAREST
        });
        if !near || is_edge(point) {
            kept.push(tenths(point));
            last = Some(*point);
        }
    }
    // What has fewer than three points is too small to be seen.
    let [first, _, _, ..] = kept[..] else { return };
    let _ = write!(path, "M{:.0} {:.0}l", first.0, first.1 + 0.0);
    for (index, pair) in kept.windows(2).enumerate() {
        let space = if index == 0 { "" } else { " " };
        // Adding zero turns negative zero into zero.
        let step = (pair[1].0 - pair[0].0 + 0.0, pair[1].1 - pair[0].1 + 0.0);
        let _ = write!(path, "{space}{:.0} {:.0}", step.0, step.1);
    }
    path.push('z');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_outlines_are_the_earth() {
        assert_eq!(RINGS.len(), 126);
        let points: usize = RINGS.iter().map(|ring| ring.points.len()).sum();
        assert_eq!(points, 4999);
        assert!(RINGS.iter().all(|ring| ring.west >= -181.0
            && ring.east <= 191.0
            && ring.south >= -90.0
            && ring.north <= 90.0));
    }
}
