//! Compares documents, pages and tables with the running program.

mod deployed_monitoring;
mod documentation;
pub mod every_route;
mod pages;
mod problem_codes;
mod readme;
