//! What clients are told.

use oms_errors::Problem;

use crate::GeocodeError;

/// A guess: the first cool-down of the breaker.
const RETRY_AFTER_S: u32 = 5;

oms_errors::problem_types! {
    /// The address is not known.
    ADDRESS_NOT_FOUND = "geocoding.address_not_found", InvalidRequest, "The address can't be served";
    /// The geocoding service does not answer. Nothing was kept.
    UNAVAILABLE = "geocoding.unavailable", Unavailable, "The geocoding service is not available";
}

impl From<GeocodeError> for Problem {
    fn from(error: GeocodeError) -> Self {
        match error {
            GeocodeError::NotFound => Self::of(&ADDRESS_NOT_FOUND),
            GeocodeError::Unavailable(_) => Self::of(&UNAVAILABLE)
                .with_retry_after_s(RETRY_AFTER_S)
                .with_source(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_address_is_the_clients_and_a_silent_service_is_ours() {
        let unknown = Problem::from(GeocodeError::NotFound);
        assert_eq!(unknown.problem_type().kind.status(), 400);
        let unavailable = Problem::from(GeocodeError::Unavailable("timed out".into()));
        assert_eq!(unavailable.problem_type().kind.status(), 503);
        assert!(!unavailable.body(None).to_string().contains("timed out"));
    }
}
