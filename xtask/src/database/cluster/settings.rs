//! What is written into the configuration of a cluster, by what it is for.

/// Settings of every cluster. Socket files are off: their paths may be too long, and TCP is what the programs use.
pub(super) const COMMON: &str =
    "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nlc_messages = 'C'\n";

/// Settings of a cluster whose data may be lost at any time.
pub(super) const THROW_AWAY: &str = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n\
                          max_connections = 500\nshared_buffers = 256MB\n";

/// Settings of the cluster that is measured on: as durable as one in production. Its checkpoints are far apart, so that
/// none falls into one of two runs that are compared.
pub(super) const DURABLE: &str = "fsync = on\nsynchronous_commit = on\nfull_page_writes = on\n\
                       max_connections = 500\nshared_buffers = 512MB\nmax_wal_size = 4GB\n";
