//! What leaves the process: webhooks over HTTP, and the cryptography of their secrets.

pub(crate) mod nats;
pub(crate) mod resolver;
pub(crate) mod sealing;
pub(crate) mod sender;
pub(crate) mod signing;
