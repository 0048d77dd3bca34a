//! Documents, pages and tables, compared with what the program serves.

mod deployed_monitoring;
mod documentation;
pub mod every_route;
mod pages;
mod problem_codes;
mod readme;
