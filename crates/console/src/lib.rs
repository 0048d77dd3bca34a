#![doc = include_str!("../README.md")]

mod display;
pub mod http;
mod live;
pub mod pictures;
mod words;

pub use http::{
    ClientAddress, Console, ConsoleRoute, ConsoleSettings, PageAccess, ROUTES, configure,
};
pub use live::{Live, SAMPLE_EVERY};
