//! The limit of open files, which limits how many clients can be served.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::config::Config;

/// Files that the process opens besides client and database connections: listeners, imports, calls of the gateway.
const OTHERS: u64 = 200;

/// Maximum client connections of each HTTP worker: the configured number, or fewer if the limit of open files allows
/// fewer. The limit is raised first, as far as the process may raise it.
pub(crate) fn connections_per_worker(config: &Config) -> usize {
    let wanted = config.http.max_connections;
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let others = OTHERS + config.database.max_connections as u64;
    let needed = (wanted * workers) as u64 + others;
    let Some(limit) = raise_limit(needed) else {
        return wanted;
    };
    let fit = fit(wanted, workers, limit, others);
    if fit < wanted {
        tracing::warn!(
            limit,
            needed,
            connections = fit * workers,
            "OMS_MAX_CONNECTIONS needs more open files than the process may have (ulimit -n); fewer clients can connect"
        );
    }
    fit
}

/// Raises the limit and returns it. `None` if it can't be read.
fn raise_limit(needed: u64) -> Option<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    let raised = needed.min(hard);
    if soft >= raised {
        return Some(soft);
    }
    match setrlimit(Resource::RLIMIT_NOFILE, raised, hard) {
        Ok(()) => Some(raised),
        Err(_) => Some(soft),
    }
}

fn fit(wanted: usize, workers: usize, limit: u64, others: u64) -> usize {
    let left = limit.saturating_sub(others) / workers as u64;
    usize::try_from(left)
        .map_or(wanted, |left| wanted.min(left))
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_connections_are_limited_by_the_open_files() {
        assert_eq!(fit(10_000, 2, 1_000_000, 220), 10_000);
        assert_eq!(fit(10_000, 2, 1024, 220), 402);
        assert_eq!(fit(10_000, 2, 100, 220), 1);
    }
}
