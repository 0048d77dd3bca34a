//! A place on earth.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Latitude and longitude in degrees, WGS 84 (EPSG:4326). Both are finite and in range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "LatLng", into = "LatLng", deny_unknown_fields)]
pub struct Location {
    /// Degrees north of the equator.
    #[schema(minimum = -90, maximum = 90, examples(33.7578))]
    lat: f64,
    /// Degrees east of Greenwich.
    #[schema(minimum = -180, maximum = 180, examples(-84.3876))]
    lng: f64,
}

/// A latitude or longitude is out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("lat must be between -90 and 90, lng between -180 and 180")]
pub struct InvalidLocation;

impl Location {
    /// A place with these coordinates.
    ///
    /// # Errors
    /// If one is not finite or out of range.
    pub fn new(lat: f64, lng: f64) -> Result<Self, InvalidLocation> {
        // A range contains no NaN, and these contain no infinity.
        if !(-90.0..=90.0).contains(&lat) || !(-180.0..=180.0).contains(&lng) {
            return Err(InvalidLocation);
        }
        // Adding zero turns negative zero, which is the same place in another notation, into zero.
        Ok(Self {
            lat: lat + 0.0,
            lng: lng + 0.0,
        })
    }

    /// Degrees north of the equator.
    pub fn lat(self) -> f64 {
        self.lat
    }

    /// Degrees east of Greenwich.
    pub fn lng(self) -> f64 {
        self.lng
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LatLng {
    lat: f64,
    lng: f64,
}

impl TryFrom<LatLng> for Location {
    type Error = InvalidLocation;

    fn try_from(degrees: LatLng) -> Result<Self, Self::Error> {
        Self::new(degrees.lat, degrees.lng)
    }
}

impl From<Location> for LatLng {
    fn from(location: Location) -> Self {
        Self {
            lat: location.lat,
            lng: location.lng,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_zero_degrees_are_written_as_zero() {
        let negative = Location::new(-0.0, -0.0).unwrap();
        let written = serde_json::to_string(&negative).unwrap();
        assert_eq!(written, r#"{"lat":0.0,"lng":0.0}"#);
    }

    #[test]
    fn places_out_of_range_are_refused() {
        for (lat, lng) in [
            (90.1, 0.0),
            (0.0, -180.1),
            (f64::NAN, 0.0),
            (0.0, f64::INFINITY),
        ] {
            assert_eq!(Location::new(lat, lng), Err(InvalidLocation), "{lat} {lng}");
        }
        assert!(Location::new(-90.0, 180.0).is_ok());
    }
}
