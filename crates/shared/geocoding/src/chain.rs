//! A chain of geocoders.

use std::sync::Arc;

use async_trait::async_trait;
use oms_circuit_breaker::CircuitBreaker;
use oms_database::DbError;
use uuid::Uuid;

use crate::{Address, Coordinates, GeocodeError, Geocoder};

/// Calls geocoders in order, until one finds the address or fails.
pub struct Chain(Vec<Arc<dyn Geocoder>>);

impl Chain {
    /// Creates a chain. An empty chain finds no address.
    pub fn new(geocoders: Vec<Arc<dyn Geocoder>>) -> Self {
        Self(geocoders)
    }
}

#[async_trait]
impl Geocoder for Chain {
    async fn locate(&self, tenant: Uuid, address: &Address) -> Result<Coordinates, GeocodeError> {
        for geocoder in &self.0 {
            match geocoder.locate(tenant, address).await {
                // An unavailable geocoder might know the address, so later ones can't prove that it is unknown.
                Err(GeocodeError::NotFound) => {}
                decided => return decided,
            }
        }
        Err(GeocodeError::NotFound)
    }

    async fn forget(&self, tenant: Uuid, addresses: &[Address]) -> Result<(), DbError> {
        for geocoder in &self.0 {
            geocoder.forget(tenant, addresses).await?;
        }
        Ok(())
    }

    fn is_available(&self) -> bool {
        self.0.iter().all(|geocoder| geocoder.is_available())
    }

    /// The first breaker in the chain.
    fn breaker(&self) -> Option<&CircuitBreaker> {
        self.0.iter().find_map(|geocoder| geocoder.breaker())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Answers(fn() -> Result<Coordinates, GeocodeError>);

    #[async_trait]
    impl Geocoder for Answers {
        async fn locate(&self, _: Uuid, _: &Address) -> Result<Coordinates, GeocodeError> {
            (self.0)()
        }

        fn breaker(&self) -> Option<&CircuitBreaker> {
            None
        }
    }

    const UNKNOWN: Answers = Answers(|| Err(GeocodeError::NotFound));
    const DOWN: Answers = Answers(|| Err(GeocodeError::Unavailable("down".into())));
    const KNOWN: Answers = Answers(|| Ok(Coordinates::new(1.0, 2.0).unwrap()));

    async fn ask(
        geocoders: impl IntoIterator<Item = Answers>,
    ) -> Result<Coordinates, GeocodeError> {
        let shared = geocoders
            .into_iter()
            .map(|one| Arc::new(one) as Arc<dyn Geocoder>);
        let address = Address::new("anywhere").unwrap();
        Chain::new(shared.collect())
            .locate(Uuid::nil(), &address)
            .await
    }

    #[tokio::test]
    async fn an_unknown_address_is_passed_to_the_next_geocoder() {
        assert!(ask([UNKNOWN, KNOWN]).await.is_ok());
        assert!(ask([KNOWN, DOWN]).await.is_ok());
        assert!(matches!(
            ask([UNKNOWN, UNKNOWN]).await,
            Err(GeocodeError::NotFound)
        ));
        assert!(matches!(ask([]).await, Err(GeocodeError::NotFound)));
    }

    #[tokio::test]
    async fn an_unavailable_geocoder_ends_the_chain() {
        let down = ask([DOWN, UNKNOWN]).await;
        assert!(matches!(down, Err(GeocodeError::Unavailable(_))));
    }
}
