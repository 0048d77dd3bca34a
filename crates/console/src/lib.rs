#![doc = include_str!("../README.md")]

mod display;
pub mod http;
pub mod pictures;

pub use http::{
    ClientAddress, Console, ConsoleRoute, ConsoleSettings, PageAccess, ROUTES, configure,
};
