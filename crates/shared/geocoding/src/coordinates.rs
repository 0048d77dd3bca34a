//! Coordinates of an address.

/// Latitude and longitude in degrees, WGS 84 (EPSG:4326). Both are finite and in range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coordinates {
    lat: f64,
    lng: f64,
}

/// The error for a latitude or longitude that is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("lat must be between -90 and 90, lng between -180 and 180")]
pub struct InvalidCoordinates;

impl Coordinates {
    /// Creates coordinates from degrees.
    ///
    /// # Errors
    /// If a value is not finite or out of range.
    pub fn new(lat: f64, lng: f64) -> Result<Self, InvalidCoordinates> {
        // No range contains NaN, and these ranges contain no infinity.
        if !(-90.0..=90.0).contains(&lat) || !(-180.0..=180.0).contains(&lng) {
            return Err(InvalidCoordinates);
        }
        Ok(Self { lat, lng })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_out_of_range_are_refused() {
        for (lat, lng) in [
            (90.1, 0.0),
            (0.0, -180.1),
            (f64::NAN, 0.0),
            (0.0, f64::INFINITY),
        ] {
            assert_eq!(
                Coordinates::new(lat, lng),
                Err(InvalidCoordinates),
                "{lat} {lng}"
            );
        }
        assert!(Coordinates::new(-90.0, 180.0).is_ok());
    }
}
