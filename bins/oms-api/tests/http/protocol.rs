//! HTTP itself: headers, methods, paths, limits, bodies, and clients that are slow or disconnect.

mod answer_headers;
mod cut_connections;
mod every_body;
mod limits;
mod methods;
mod paths;
mod pipelining;
mod refusals;
mod slow_readers;
