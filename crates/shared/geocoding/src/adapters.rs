//! Implementations of the port `Geocoder`.

mod address_book;
mod nominatim;
mod tenant_breakers;

pub use address_book::{AddressBook, AddressBookError};
pub use nominatim::{Nominatim, NominatimConfig, NominatimError};
