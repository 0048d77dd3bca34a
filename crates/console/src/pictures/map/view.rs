//! The part of the earth that a map shows.

use oms_validation::Location;

/// Kilometres of a degree of latitude.
const KM_PER_DEGREE: f64 = 111.195;
/// A map shows this many degrees of latitude at least: nearer, no coast is in sight that says where it is.
const LEAST_DEGREES: f64 = 10.0;
/// Space for symbols, labels and what lies around, at the sides, and above and below: shares of the picture.
const ASIDE: f64 = 0.15;
const ABOVE: f64 = 0.15;

/// A rectangle of the earth, and how it is drawn: x grows to the east, y to the south.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    centre_lng: f64,
    centre_lat: f64,
    /// Of longitude, for one unit of the picture.
    degrees_across: f64,
    /// Of latitude, for one unit of the picture.
    degrees_down: f64,
    width: f64,
    height: f64,
}

impl View {
    /// A view of all of these with space around them; `None` of nothing. It crosses the date line where that is shorter.
    pub(super) fn fit(places: &[Location], width: f64, height: f64) -> Option<Self> {
        let (west, span) = shortest_span(places)?;
        let lats = || places.iter().map(|place| place.lat());
        let south = lats().fold(f64::INFINITY, f64::min);
        let north = lats().fold(f64::NEG_INFINITY, f64::max);
        let centre_lat = f64::midpoint(south, north);
        let narrowing = centre_lat.to_radians().cos().max(0.2);
        let down = (span * narrowing / (width * (1.0 - 2.0 * ASIDE)))
            .max((north - south) / (height * (1.0 - 2.0 * ABOVE)))
            .max(LEAST_DEGREES / height);
        // More than once around the earth is never shown.
        let across = (down / narrowing).min(360.0 / width);
        let down = down.min(180.0 / height);
        let reach = down * height / 2.0;
        Some(Self {
            centre_lng: (west + span / 2.0 + 180.0).rem_euclid(360.0) - 180.0,
            centre_lat: centre_lat.clamp(reach - 90.0, 90.0 - reach),
            degrees_across: across,
            degrees_down: down,
            width,
            height,
        })
    }

    /// Where a place is drawn.
    pub(super) fn point(&self, place: Location) -> (f64, f64) {
        (self.x(self.near(place.lng())), self.y(place.lat()))
    }

    /// The same longitude within 180 degrees of the middle.
    pub(super) fn near(&self, lng: f64) -> f64 {
        let away = (lng - self.centre_lng + 180.0).rem_euclid(360.0) - 180.0;
        self.centre_lng + away
    }

    /// Where a longitude is drawn, which is not brought near the middle.
    pub(super) fn x(&self, lng: f64) -> f64 {
        self.width / 2.0 + (lng - self.centre_lng) / self.degrees_across
    }

    /// Where a latitude is drawn.
    pub(super) fn y(&self, lat: f64) -> f64 {
        self.height / 2.0 - (lat - self.centre_lat) / self.degrees_down
    }

    /// The longitude in the middle.
    pub(super) fn centre_lng(&self) -> f64 {
        self.centre_lng
    }

    /// The longitude at the left edge.
    pub(super) fn west(&self) -> f64 {
        self.centre_lng - self.width / 2.0 * self.degrees_across
    }

    /// The longitude at the right edge.
    pub(super) fn east(&self) -> f64 {
        self.centre_lng + self.width / 2.0 * self.degrees_across
    }

    /// The latitude at the lower edge.
    pub(super) fn south(&self) -> f64 {
        self.centre_lat - self.height / 2.0 * self.degrees_down
    }

    /// The latitude at the upper edge.
    pub(super) fn north(&self) -> f64 {
        self.centre_lat + self.height / 2.0 * self.degrees_down
    }

    /// Degrees of latitude from the lower to the upper edge.
    pub(super) fn degrees_down(&self) -> f64 {
        self.degrees_down * self.height
    }

    /// Kilometres of one unit from west to east, in the middle.
    pub(super) fn km_across(&self) -> f64 {
        self.degrees_across * KM_PER_DEGREE * self.centre_lat.to_radians().cos()
    }

    /// Width and height of the picture.
    pub(super) fn size(&self) -> (f64, f64) {
        (self.width, self.height)
    }
}

/// The west end and the length of the shortest range of longitudes that has all places: what the widest gap leaves.
fn shortest_span(places: &[Location]) -> Option<(f64, f64)> {
    // In their order. A map has a hundred places at most.
    let mut lngs: Vec<f64> = Vec::new();
    for place in places {
        let at = lngs.partition_point(|lng| *lng < place.lng());
        lngs.insert(at, place.lng());
    }
    let (first, last) = (*lngs.first()?, *lngs.last()?);
    let mut west = first;
    let mut widest = first + 360.0 - last;
    for pair in lngs.windows(2) {
        if pair[1] - pair[0] > widest {
            widest = pair[1] - pair[0];
            west = pair[1];
        }
    }
    Some((west, 360.0 - widest))
}
