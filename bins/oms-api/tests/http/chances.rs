//! Random decisions that are derived from a seed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::request::{ATLANTA, DECLINED_CARD, GADGET_C, WIDGET_A, WIDGET_B, order, with};

/// The random decisions of one racer.
pub struct Chances(StdRng);

/// The decisions for one round.
pub struct Round {
    pub order: Value,
    pub pays: Pays,
    /// The process that gets the request first.
    pub api: usize,
    /// Pauses before placing the order, before the bank decides, before the order is requested again, and before it is
    /// cancelled.
    pub pauses: [Duration; 4],
    pub asks_again: bool,
    pub cancels: bool,
}

/// How an order is paid.
#[derive(Clone, Copy)]
pub enum Pays {
    ByCard,
    /// The bank decides later.
    ByBank {
        outcome: &'static str,
    },
}

impl Chances {
    /// The decisions of racer `number`.
    pub fn new(seed: u64, number: u64) -> Self {
        let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self(StdRng::seed_from_u64(seed ^ spread))
    }

    /// A number from 0 to `most`.
    pub fn up_to(&mut self, most: usize) -> usize {
        self.0.random_range(0..=most)
    }

    /// A pause of at most this many milliseconds.
    pub fn pause(&mut self, most_ms: u64) -> Duration {
        Duration::from_millis(self.0.random_range(0..=most_ms))
    }

    fn percent(&mut self, percent: u32) -> bool {
        self.0.random_range(0..100) < percent
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.up_to(all.len() - 1)].clone()
    }

    pub fn round(&mut self) -> Round {
        let product = self.one_of(&[WIDGET_A, WIDGET_B, GADGET_C]);
        let order = order(ATLANTA, &[(product, self.0.random_range(1..=3))]);
        let (order, pays) = match self.up_to(9) {
            0 => {
                let order = with(order, "creditCardNumber", json!(DECLINED_CARD));
                (order, Pays::ByCard)
            }
            1 => {
                let order = with(order, "creditCardNumber", Value::Null);
                let order = with(order, "paymentMethod", json!("pm_usBankAccount_processing"));
                let outcome = self.one_of(&["succeeded", "failed"]);
                (order, Pays::ByBank { outcome })
            }
            _ => (order, Pays::ByCard),
        };
        Round {
            order,
            pays,
            api: self.up_to(1),
            pauses: [100, 200, 300, 300].map(|most_ms| self.pause(most_ms)),
            asks_again: self.percent(50),
            cancels: self.percent(20),
        }
    }

    /// A fault plan for this many orders: which calls of each kind fail, and how.
    pub fn faults(&mut self, orders: u64) -> Value {
        type Fault = fn(&mut Chances) -> Value;
        let operations: [(&str, u32, u64, Fault); 6] = [
            ("create", 5, orders, Self::fault_of_create),
            ("confirm", 40, orders, Self::fault_of_confirm),
            ("retrieve", 25, 2 * orders, Self::fault_of_retrieve),
            ("cancel", 20, orders / 2, Self::fault_of_cancel),
            ("refund", 30, orders / 2, Self::fault_of_cancel),
            ("webhook", 60, 3 * orders, Self::fault_of_webhook),
        ];
        let mut rules = Vec::new();
        for (operation, percent, calls, fault) in operations {
            // A rule does not see the calls for which an earlier rule fires.
            let mut passed = 0;
            for _ in 0..calls {
                match self.percent(percent) {
                    true => {
                        let action = fault(self);
                        let rule =
                            json!({ "operation": operation, "skip": passed, "action": action });
                        rules.push(rule);
                    }
                    false => passed += 1,
                }
            }
        }
        Value::Array(rules)
    }

    fn delay(&mut self) -> Value {
        json!({ "type": "delay", "ms": self.0.random_range(0..=200) })
    }

    fn error(&mut self, when: &str) -> Value {
        json!({ "type": when, "status": self.one_of(&[500, 502, 503]) })
    }

    fn fault_of_create(&mut self) -> Value {
        match self.up_to(2) {
            0 => self.error("error_before"),
            1 => self.error("error_after"),
            _ => self.delay(),
        }
    }

    fn fault_of_confirm(&mut self) -> Value {
        match self.up_to(9) {
            0 => json!({ "type": self.one_of(&["no_answer_before", "no_answer_after"]) }),
            1 => json!({ "type": self.one_of(&["truncate", "refuse"]) }),
            2 | 3 => self.error("error_before"),
            4 | 5 => self.error("error_after"),
            6 => json!({ "type": "decline", "code": "card_declined", "declineCode": "lost_card" }),
            _ => self.delay(),
        }
    }

    fn fault_of_retrieve(&mut self) -> Value {
        match self.up_to(2) {
            0 => json!({ "type": "truncate" }),
            1 => self.error("error_before"),
            _ => self.delay(),
        }
    }

    fn fault_of_cancel(&mut self) -> Value {
        match self.up_to(2) {
            0 => self.error("error_before"),
            1 => self.error("error_after"),
            _ => self.delay(),
        }
    }

    fn fault_of_webhook(&mut self) -> Value {
        match self.up_to(5) {
            0 => json!({ "type": "duplicate", "times": self.0.random_range(1..=3) }),
            1 => json!({ "type": "reorder" }),
            2 => json!({ "type": "drop" }),
            3 => self.delay(),
            _ => json!({ "type": "early" }),
        }
    }
}
