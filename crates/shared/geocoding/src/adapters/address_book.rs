//! Addresses from a data file, matched exactly. For development, tests, and installations with few addresses.

use std::collections::HashMap;
use std::path::Path;
use std::{fmt, fs};

use async_trait::async_trait;
use oms_circuit_breaker::CircuitBreaker;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{Address, Coordinates, GeocodeError, Geocoder};

const DEVELOPMENT: &str = include_str!("../../data/address-book.json");

/// The contents of a file of the form `[{"address": …, "lat": …, "lng": …}]`.
pub struct AddressBook(HashMap<Address, Coordinates>);

/// The error for an invalid file, with all its problems.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct AddressBookError(Vec<String>);

impl fmt::Display for AddressBookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the address book is not valid: {}", self.0.join("; "))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    address: String,
    lat: f64,
    lng: f64,
}

impl AddressBook {
    /// Returns the five addresses of the development data.
    ///
    /// # Panics
    /// Never, because the file is embedded and tested.
    pub fn development() -> Self {
        Self::parse("(built in)", DEVELOPMENT).expect("the built-in file is valid")
    }

    /// Reads a file.
    ///
    /// # Errors
    /// All problems, each with the file and the entry.
    pub fn from_file(path: &Path) -> Result<Self, AddressBookError> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|error| AddressBookError(vec![format!("{name}: {error}")]))?;
        Self::parse(&name, &text)
    }

    fn parse(name: &str, text: &str) -> Result<Self, AddressBookError> {
        let entries: Vec<Value> = serde_json::from_str(text)
            .map_err(|error| AddressBookError(vec![format!("{name}: {error}")]))?;
        let mut book = HashMap::with_capacity(entries.len());
        let mut problems = Vec::new();
        for (number, entry) in (1..).zip(entries) {
            match read(entry) {
                Ok((address, coordinates)) => {
                    if book.insert(address, coordinates).is_some() {
                        problems.push(format!(
                            "{name}, entry {number}: the address is a duplicate"
                        ));
                    }
                }
                Err(problem) => problems.push(format!("{name}, entry {number}: {problem}")),
            }
        }
        match problems.is_empty() {
            true => Ok(Self(book)),
            false => Err(AddressBookError(problems)),
        }
    }
}

fn read(entry: Value) -> Result<(Address, Coordinates), String> {
    let entry: Entry = serde_json::from_value(entry).map_err(|error| error.to_string())?;
    let address = Address::new(&entry.address).map_err(|error| format!("address {error}"))?;
    let coordinates = Coordinates::new(entry.lat, entry.lng).map_err(|error| error.to_string())?;
    Ok((address, coordinates))
}

#[async_trait]
impl Geocoder for AddressBook {
    async fn locate(&self, _tenant: Uuid, address: &Address) -> Result<Coordinates, GeocodeError> {
        self.0.get(address).copied().ok_or(GeocodeError::NotFound)
    }

    fn breaker(&self) -> Option<&CircuitBreaker> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn locate(text: &str) -> Result<Coordinates, GeocodeError> {
        let address = Address::new(text).unwrap();
        AddressBook::development()
            .locate(Uuid::nil(), &address)
            .await
    }

    #[tokio::test]
    async fn the_development_addresses_are_known() {
        let atlanta = locate("191 Peachtree St NE, Atlanta, GA").await.unwrap();
        assert_eq!(atlanta, Coordinates::new(33.7578, -84.3876).unwrap());
        assert_eq!(AddressBook::development().0.len(), 5);
    }

    #[tokio::test]
    async fn other_addresses_are_unknown() {
        for text in [
            "191 peachtree st ne, atlanta, ga",
            "__proto__",
            "constructor",
        ] {
            assert!(
                matches!(locate(text).await, Err(GeocodeError::NotFound)),
                "{text}"
            );
        }
    }

    #[test]
    fn every_problem_of_a_file_is_reported_with_its_entry() {
        let text = r#"[
            {"address": "a", "lat": 1, "lng": 2},
            {"address": " a ", "lat": 1, "lng": 2},
            {"address": "", "lat": 1, "lng": 2},
            {"address": "b", "lat": 91, "lng": 2},
            {"address": "c", "lat": 1},
            {"address": "d", "lat": 1, "lng": 2, "lon": 3},
            7
        ]"#;
        let AddressBookError(problems) = AddressBook::parse("f.json", text).err().unwrap();
        let entries: Vec<&str> = problems
            .iter()
            .map(|one| one.split(':').next().unwrap())
            .collect();
        assert_eq!(
            entries,
            [2, 3, 4, 5, 6, 7].map(|entry| format!("f.json, entry {entry}"))
        );
    }

    #[test]
    fn the_error_of_a_missing_or_malformed_file_names_the_file() {
        let missing = AddressBook::from_file(Path::new("/nowhere/book.json"))
            .err()
            .unwrap();
        assert!(
            missing.to_string().contains("/nowhere/book.json"),
            "{missing}"
        );
        let no_list = AddressBook::parse("f.json", "{}").err().unwrap();
        assert!(no_list.to_string().contains("f.json"), "{no_list}");
    }
}
