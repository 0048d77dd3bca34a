//! Admission of calls: failsafe's state machine, extended with a limit on probes, permits that free their slot on drop,
//! and results that count only in the state in which their call began.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use failsafe::failure_policy::{ConsecutiveFailures, consecutive_failures};
use failsafe::{Config, StateMachine};

use crate::cool_down::CoolDowns;
use crate::watch::Watch;
use crate::{BreakerConfig, BreakerState};

pub(crate) struct Gate {
    watch: Watch,
    max_probes: usize,
    turn: Mutex<Turn>,
}

/// Locked for every step of the state machine, so that the watch sees changes in order.
struct Turn {
    machine: StateMachine<ConsecutiveFailures<CoolDowns>, Watch>,
    probes_out: Probes,
}

/// The probes in progress of one half-open phase.
#[derive(Clone, Copy)]
struct Probes {
    generation: u64,
    count: usize,
}

impl Probes {
    fn in_generation(self, generation: u64) -> usize {
        if self.generation == generation {
            self.count
        } else {
            0
        }
    }
}

impl Gate {
    pub(crate) fn new(name: &'static str, config: BreakerConfig) -> Self {
        let watch = Watch::new(name);
        let cool_downs = CoolDowns::new(&config, watch.clone());
        let machine = Config::new()
            .failure_policy(consecutive_failures(config.failures.max(1), cool_downs))
            .instrument(watch.clone())
            .build();
        Self {
            watch,
            max_probes: config.half_open_probes.max(1),
            turn: Mutex::new(Turn {
                machine,
                probes_out: Probes {
                    generation: 0,
                    count: 0,
                },
            }),
        }
    }

    pub(crate) fn state(&self) -> BreakerState {
        self.watch.seen().state
    }

    pub(crate) fn refuses(&self) -> bool {
        let turn = self.lock();
        let seen = self.watch.seen();
        match seen.state {
            BreakerState::Closed => false,
            BreakerState::HalfOpen => {
                turn.probes_out.in_generation(seen.generation) >= self.max_probes
            }
            BreakerState::Open => Instant::now() <= seen.open_until,
        }
    }

    /// Returns a permit if a call is allowed.
    pub(crate) fn enter(&self) -> Option<Permit<'_>> {
        let mut turn = self.lock();
        if !turn.machine.is_call_permitted() {
            return None;
        }
        let seen = self.watch.seen();
        if seen.state == BreakerState::HalfOpen {
            let out = turn.probes_out.in_generation(seen.generation);
            if out >= self.max_probes {
                return None;
            }
            turn.probes_out = Probes {
                generation: seen.generation,
                count: out + 1,
            };
        }
        Some(Permit {
            gate: self,
            generation: seen.generation,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Turn> {
        // No code panics while it holds the lock, and every write is consistent.
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call in progress. Dropping it without a result frees its slot and records nothing.
pub(crate) struct Permit<'gate> {
    gate: &'gate Gate,
    generation: u64,
}

impl Permit<'_> {
    pub(crate) fn succeeded(self) {
        self.record(|machine| machine.on_success());
    }

    pub(crate) fn failed(self) {
        self.record(|machine| machine.on_error());
    }

    fn record(&self, result: impl FnOnce(&StateMachine<ConsecutiveFailures<CoolDowns>, Watch>)) {
        let turn = self.gate.lock();
        if self.gate.watch.seen().generation == self.generation {
            result(&turn.machine);
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut turn = self.gate.lock();
        let probes = &mut turn.probes_out;
        // Permits of the closed state and of earlier half-open phases occupy no slot.
        if probes.generation == self.generation {
            probes.count -= 1;
        }
    }
}
