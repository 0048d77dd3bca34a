//! The batches in which one instance of the program writes payments.

use oms_batching::Limits;
use oms_database::Database;
use oms_payments::PaymentBatches;

pub(crate) fn batches(database: &Database) -> PaymentBatches {
    PaymentBatches::new(database.clone(), Limits::of_batches(8, 1, 4))
}
