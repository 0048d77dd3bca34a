//! The problems of geocoding.

use std::time::Duration;

use oms_errors::Problem;

use crate::GeocodeError;

/// `Retry-After` of an unavailable service, in seconds: the first cool-down of the breaker.
const RETRY_AFTER_S: u32 = 5;

oms_errors::problem_types! {
    /// The address has no `location` and can't be found. Correct it, or send coordinates in `shippingAddress.location`.
    ADDRESS_NOT_FOUND = "geocoding.address_not_found", InvalidRequest, "Address not found";
    /// The tenant has looked up too many addresses within a minute. Nothing was saved. Coordinates in
    /// `shippingAddress.location` need no lookup.
    TOO_MANY_LOOK_UPS = "geocoding.too_many_look_ups", TooManyRequests, "Too many address lookups";
    /// The geocoding service does not answer. Nothing was saved. Repeat the request after `Retry-After` seconds.
    UNAVAILABLE = "geocoding.unavailable", Unavailable, "Geocoding service unavailable";
}

impl From<GeocodeError> for Problem {
    fn from(error: GeocodeError) -> Self {
        match error {
            GeocodeError::NotFound => Self::of(&ADDRESS_NOT_FOUND),
            GeocodeError::TooManyLookUps {
                per_minute,
                retry_after,
            } => too_many_look_ups(per_minute, retry_after),
            GeocodeError::Unavailable(_) => Self::of(&UNAVAILABLE)
                .with_retry_after_s(RETRY_AFTER_S)
                .with_source(error),
        }
    }
}

fn too_many_look_ups(per_minute: u32, retry_after: Duration) -> Problem {
    let detail = format!(
        "at most {per_minute} addresses may be looked up per minute; wait, or send coordinates in shippingAddress.location"
    );
    let seconds = retry_after.as_secs_f64().ceil().max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the wait is 1 to 60 s"
    )]
    Problem::new(&TOO_MANY_LOOK_UPS, detail).with_retry_after_s(seconds as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_address_is_a_client_error_and_an_unavailable_service_a_server_error() {
        let unknown = Problem::from(GeocodeError::NotFound);
        assert_eq!(unknown.problem_type().kind.status(), 400);
        let unavailable = Problem::from(GeocodeError::Unavailable("timed out".into()));
        assert_eq!(unavailable.problem_type().kind.status(), 503);
        assert!(!unavailable.body(None).to_string().contains("timed out"));
    }
}
