//! Who may pass: failsafe's state machine, plus what it lacks: a limit of probes, permits that free their place when
//! they are dropped, and results that are only counted in the state in which their call began.

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

/// Held for every step of the state machine, so that the watch sees its changes in the order in which they happen.
struct Turn {
    machine: StateMachine<ConsecutiveFailures<CoolDowns>, Watch>,
    probes_out: Probes,
}

/// The probes of one half-open phase that are under way.
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

    /// Lets a call through, or not.
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
        // Nothing panics while it is held, and every write leaves it whole.
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call under way. Dropping it without a result frees its place and records nothing.
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
        // Permits of the closed state, and of an earlier half-open one, hold no place.
        if probes.generation == self.generation {
            probes.count -= 1;
        }
    }
}
