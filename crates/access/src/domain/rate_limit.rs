//! Rate limits of credentials, and their representation in the `RateLimit-Policy` and `RateLimit` fields of
//! draft-ietf-httpapi-ratelimit-headers.
//!
//! Each instance counts on its own. The algorithm is GCRA, which restores a used quota evenly instead of all at once.

mod bounded_states;

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::StateInformationMiddleware;
use governor::{Quota, RateLimiter};

use super::credential::Credential;
use bounded_states::BoundedStates;

/// The rate limit of each credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests that are restored per minute.
    pub per_minute: NonZeroU32,
    /// Maximum requests in a burst.
    pub burst: NonZeroU32,
}

impl RateLimit {
    fn quota(self) -> Quota {
        Quota::per_minute(self.per_minute).allow_burst(self.burst)
    }

    /// The time in which this many requests are restored, in seconds.
    fn seconds_for(self, requests: u32) -> u32 {
        let seconds = (u64::from(requests) * 60).div_ceil(self.per_minute.get().into());
        u32::try_from(seconds).unwrap_or(u32::MAX)
    }
}

/// The value of `RateLimit-Policy`.
impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let window_s = self.seconds_for(self.burst.get());
        write!(f, "\"credential\";q={};w={window_s}", self.burst)
    }
}

/// The remaining quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Requests that are allowed now.
    pub remaining: u32,
    /// Seconds until the whole quota is restored, or, if the limit was exceeded, until one request is allowed.
    pub resets_in_s: u32,
}

/// The value of `RateLimit`.
impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            remaining,
            resets_in_s,
        } = self;
        write!(f, "\"credential\";r={remaining};t={resets_in_s}")
    }
}

/// Counts the requests of credentials.
pub struct RateLimits<C: Clock = MonotonicClock> {
    limit: RateLimit,
    limiter: RateLimiter<u64, BoundedStates, C, StateInformationMiddleware>,
    fingerprints: RandomState,
}

impl RateLimits {
    /// Creates counters with one limit for all credentials. `most_credentials` bounds the memory, at about 40 bytes
    /// each.
    pub fn new(limit: RateLimit, most_credentials: usize) -> Self {
        Self::on_clock(limit, most_credentials, MonotonicClock)
    }
}

impl<C: Clock> RateLimits<C> {
    fn on_clock(limit: RateLimit, most_credentials: usize, clock: C) -> Self {
        let states = BoundedStates::new(most_credentials);
        Self {
            limit,
            limiter: RateLimiter::new(limit.quota(), states, clock),
            fingerprints: RandomState::new(),
        }
    }

    /// The limit.
    pub fn limit(&self) -> RateLimit {
        self.limit
    }

    /// Counts a request for the tenant and the name of the credential. Both keys of a rotation share the quota.
    ///
    /// # Errors
    /// If the request exceeds the limit.
    pub fn count(&self, credential: &Credential) -> Result<Allowance, Allowance> {
        self.count_for(&(credential.tenant, credential.name.as_str()))
    }

    /// Counts a request of anything that can be hashed.
    ///
    /// # Errors
    /// If the request exceeds the limit.
    pub(crate) fn count_for(&self, whose: &impl Hash) -> Result<Allowance, Allowance> {
        let counted = self.limiter.check_key(&self.fingerprints.hash_one(whose));
        match counted {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let used = self.limit.burst.get().saturating_sub(remaining);
                Ok(Allowance {
                    remaining,
                    resets_in_s: self.limit.seconds_for(used),
                })
            }
            Err(not_until) => {
                let wait = not_until.wait_time_from(self.limiter.clock().now());
                Err(Allowance {
                    remaining: 0,
                    resets_in_s: whole_seconds(wait),
                })
            }
        }
    }
}

/// Rounds up, to at least 1, so that a client that waits this long is allowed.
fn whole_seconds(wait: Duration) -> u32 {
    let seconds = wait.as_nanos().div_ceil(1_000_000_000).max(1);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;
    use uuid::Uuid;

    use super::*;
    use oms_validation::Scopes;

    fn credential(tenant: u128, name: &str) -> Credential {
        Credential {
            tenant: Uuid::from_u128(tenant).into(),
            name: name.parse().unwrap(),
            scopes: Scopes::all(),
        }
    }

    fn limit(per_minute: u32, burst: u32) -> RateLimit {
        RateLimit {
            per_minute: NonZeroU32::new(per_minute).unwrap(),
            burst: NonZeroU32::new(burst).unwrap(),
        }
    }

    /// Counts one request, and returns whether it is within the limit and the value of the header.
    fn count(limits: &RateLimits<FakeRelativeClock>, whose: &Credential) -> (bool, String) {
        match limits.count(whose) {
            Ok(allowance) => (true, allowance.to_string()),
            Err(allowance) => (false, allowance.to_string()),
        }
    }

    #[test]
    fn a_burst_is_allowed_and_then_the_quota_is_restored_evenly() {
        let clock = FakeRelativeClock::default();
        let limits = RateLimits::on_clock(limit(20, 3), 10, clock.clone());
        let till = credential(1, "till");
        let said = |within: bool, text: &str| (within, format!("\"credential\";{text}"));
        assert_eq!(count(&limits, &till), said(true, "r=2;t=3"));
        assert_eq!(count(&limits, &till), said(true, "r=1;t=6"));
        assert_eq!(count(&limits, &till), said(true, "r=0;t=9"));
        assert_eq!(count(&limits, &till), said(false, "r=0;t=3"));
        clock.advance(Duration::from_millis(2500));
        assert_eq!(count(&limits, &till), said(false, "r=0;t=1"));
        clock.advance(Duration::from_millis(500));
        assert_eq!(count(&limits, &till), said(true, "r=0;t=9"));
        clock.advance(Duration::from_secs(60));
        assert_eq!(count(&limits, &till), said(true, "r=2;t=3"));
    }

    #[test]
    fn each_credential_of_each_tenant_has_its_own_quota() {
        let limits = RateLimits::on_clock(limit(1, 1), 10, FakeRelativeClock::default());
        let others = [
            credential(1, "till"),
            credential(1, "website"),
            credential(2, "till"),
        ];
        for whose in &others {
            assert!(count(&limits, whose).0, "{whose:?}");
        }
        for whose in &others {
            assert!(!count(&limits, whose).0, "{whose:?}");
        }
    }

    #[test]
    fn the_policy_states_the_quota_and_the_time_to_restore_it() {
        for (per_minute, burst, policy) in [
            (60_000, 10_000, "\"credential\";q=10000;w=10"),
            (1, 1, "\"credential\";q=1;w=60"),
            (7, 1, "\"credential\";q=1;w=9"),
            (u32::MAX, u32::MAX, "\"credential\";q=4294967295;w=60"),
        ] {
            assert_eq!(limit(per_minute, burst).to_string(), policy);
        }
    }

    #[test]
    fn concurrent_requests_share_one_quota() {
        let limits = RateLimits::on_clock(limit(1, 100), 10, FakeRelativeClock::default());
        let till = credential(1, "till");
        let let_in: usize = std::thread::scope(|scope| {
            let one = || (0..50).filter(|_| limits.count(&till).is_ok()).count();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(let_in, 100);
    }
}
