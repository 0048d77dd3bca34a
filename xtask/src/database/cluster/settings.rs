//! The configuration of a cluster, by its purpose.

/// Settings of all clusters. Unix sockets are off: their paths may be too long, and the programs use TCP. PostGIS is
/// loaded once, not by each new session, which would take it 30 ms.
pub(super) const COMMON: &str = "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\n\
                      lc_messages = 'C'\nshared_preload_libraries = 'postgis-3'\n";

/// Settings of a cluster whose data may be lost at any time.
pub(super) const THROW_AWAY: &str = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n\
                          max_connections = 500\nshared_buffers = 256MB\n";

/// Settings of the benchmark cluster: as durable as in production. Checkpoints are rare, so that none affects only one
/// of two runs that are compared.
pub(super) const DURABLE: &str = "fsync = on\nsynchronous_commit = on\nfull_page_writes = on\n\
                       max_connections = 500\nshared_buffers = 512MB\nmax_wal_size = 4GB\n";
