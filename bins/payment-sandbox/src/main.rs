#![doc = include_str!("../README.md")]

mod answer;
mod api_error;
mod authentication;
mod cards;
mod charges;
mod cli;
mod collection;
mod connection;
mod control_api;
mod customer_page;
mod disputes;
mod endpoint;
mod events;
mod faults;
mod gateway;
mod idempotency;
mod intents;
mod journal;
mod ledger;
mod limits;
mod overview;
mod params;
mod refunds;
mod rendering;
mod requests;
mod server;
mod slow_body;
mod stripe_api;
mod webhooks;

use std::process::ExitCode;

use clap::Parser;

#[actix_web::main]
async fn main() -> ExitCode {
    match server::run(cli::Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("payment-sandbox: {error:#}");
            ExitCode::FAILURE
        }
    }
}
