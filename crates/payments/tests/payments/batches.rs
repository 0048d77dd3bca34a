//! What is written together with other payments, as in one instance of the program.

use oms_batching::Limits;
use oms_database::Database;
use oms_payments::PaymentBatches;

pub(crate) fn batches(database: &Database) -> PaymentBatches {
    PaymentBatches::new(database.clone(), Limits::of_batches(8, 1, 4))
}
