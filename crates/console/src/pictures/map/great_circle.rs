//! The shortest way on the earth.

use std::fmt::Write;

use oms_validation::Location;

use super::view::View;
use crate::pictures::svg::Length;

/// A path along the great circle. Where it leaves the map at one side it comes in at the other, in a piece of its own.
pub(super) fn path(view: &View, from: Location, to: Location) -> String {
    let mut path = String::new();
    let mut last: Option<(f64, f64)> = None;
    for (lng, lat) in points(from, to) {
        let lng = view.near(lng);
        match last {
            Some((last_lng, last_lat)) if (lng - last_lng).abs() > 180.0 => {
                // The edge is half a turn from the middle.
                let side = (last_lng - view.centre_lng()).signum() * 180.0;
                let (leaves, enters) = (view.centre_lng() + side, view.centre_lng() - side);
                let whole = (leaves - last_lng).abs() + (lng - enters).abs();
                let share = match whole > 0.0 {
                    true => (leaves - last_lng).abs() / whole,
                    false => 0.0,
                };
                let lat_there = last_lat + (lat - last_lat) * share;
                step(&mut path, 'L', view, leaves, lat_there);
                step(&mut path, 'M', view, enters, lat_there);
                step(&mut path, 'L', view, lng, lat);
            }
            Some(_) => step(&mut path, 'L', view, lng, lat),
            None => step(&mut path, 'M', view, lng, lat),
        }
        last = Some((lng, lat));
    }
    path
}

fn step(path: &mut String, command: char, view: &View, lng: f64, lat: f64) {
    let _ = write!(
        path,
        "{command}{} {}",
        Length(view.x(lng)),
        Length(view.y(lat))
    );
}

/// Points on the way, as longitude and latitude: one for each two degrees or so.
fn points(from: Location, to: Location) -> Vec<(f64, f64)> {
    let (a, b) = (unit(from), unit(to));
    let angle = dot(a, b).clamp(-1.0, 1.0).acos();
    let ends = |t: f64| match t {
        0.0 => (from.lng(), from.lat()),
        _ => (to.lng(), to.lat()),
    };
    // Opposite points have no shortest way: a straight line is as good as any.
    if angle < 0.02 || angle.sin() < 1e-6 {
        return vec![ends(0.0), ends(1.0)];
    }
    let pieces = (1..=90u8).find(|pieces| angle / f64::from(*pieces) < 0.035);
    let pieces = pieces.unwrap_or(90);
    let between = |index: u8| {
        let t = f64::from(index) / f64::from(pieces);
        let (left, right) = (
            ((1.0 - t) * angle).sin() / angle.sin(),
            (t * angle).sin() / angle.sin(),
        );
        let [x, y, z] = [0, 1, 2].map(|axis| a[axis] * left + b[axis] * right);
        (y.atan2(x).to_degrees(), z.atan2(x.hypot(y)).to_degrees())
    };
    (0..=pieces).map(between).collect()
}

fn unit(place: Location) -> [f64; 3] {
    let (lat, lng) = (place.lat().to_radians(), place.lng().to_radians());
    [lat.cos() * lng.cos(), lat.cos() * lng.sin(), lat.sin()]
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(left, right)| left * right).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lat: f64, lng: f64) -> Location {
        Location::new(lat, lng).unwrap()
    }

    #[test]
    fn the_way_over_the_north_is_shorter() {
        // From Frankfurt to San Francisco, by way of Greenland.
        let way = points(at(50.0, 8.6), at(37.6, -122.4));
        let highest = way.iter().map(|point| point.1).fold(0.0, f64::max);
        assert!(highest > 65.0, "{highest}");
        let (lng, lat) = *way.last().unwrap();
        assert!((lng + 122.4).abs() < 1e-9 && (lat - 37.6).abs() < 1e-9);
    }

    #[test]
    fn a_way_over_the_edge_is_in_two_pieces() {
        // The middle of this view is near Greenwich, so its edge is the date line.
        let (tokyo, los_angeles) = (at(35.7, 139.7), at(34.1, -118.2));
        let view = View::fit(
            &[
                tokyo,
                los_angeles,
                at(50.0, 0.0),
                at(-20.0, 70.0),
                at(4.0, -60.0),
            ],
            960.0,
            420.0,
        );
        let view = view.unwrap();
        let way = path(&view, tokyo, los_angeles);
        assert_eq!(way.matches('M').count(), 2, "{way}");
    }

    #[test]
    fn a_way_in_the_middle_of_the_map_is_one_piece_over_the_date_line() {
        let (tokyo, los_angeles) = (at(35.7, 139.7), at(34.1, -118.2));
        let view = View::fit(&[tokyo, los_angeles], 960.0, 420.0).unwrap();
        assert_eq!(path(&view, tokyo, los_angeles).matches('M').count(), 1);
    }

    #[test]
    fn ways_without_a_direction_are_straight() {
        for to in [at(10.0, 10.0), at(10.001, 10.0), at(-10.0, -170.0)] {
            let way = points(at(10.0, 10.0), to);
            assert_eq!(way.len(), 2, "{to:?}");
        }
    }
}
