//! The workloads: what is ordered, where it goes, and what the answers must be.

use clap::ValueEnum;
use serde::Serialize;

use crate::dataset::{self, Dataset};

/// A workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Workload {
    /// Two lines of random products, to random places.
    Uniform,
    /// Every order is for one unit of the same product, near one warehouse.
    Hot,
    /// 5,000 concurrent buyers for 500 units.
    Flash,
    /// Ten lines in random order out of 20 products, near one warehouse.
    Baskets,
    /// One line; only the farthest 1 % of 2,000 warehouses can fill it.
    Far,
    /// Keys that were used before.
    Replay,
    /// Orders by ID.
    Reads,
    /// 70 % orders, 20 % reads, 5 % replays, 5 % cancellations.
    Mixed,
    /// One unit of an order of 50 leaves in each request.
    Ship,
    /// 100 such shipments in each request.
    Bulk,
    /// Uniform at half of the highest measured rate, whether or not the answers keep pace.
    Open,
}

impl Workload {
    /// All workloads, in the order of the report. `Open` needs the rates of `Uniform`, so it comes later.
    pub(crate) const ALL: [Self; 11] = [
        Self::Uniform,
        Self::Hot,
        Self::Baskets,
        Self::Far,
        Self::Flash,
        Self::Replay,
        Self::Reads,
        Self::Mixed,
        Self::Ship,
        Self::Bulk,
        Self::Open,
    ];

    /// Its name on the command line and in the report.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Hot => "hot",
            Self::Flash => "flash",
            Self::Baskets => "baskets",
            Self::Far => "far",
            Self::Replay => "replay",
            Self::Reads => "reads",
            Self::Mixed => "mixed",
            Self::Ship => "ship",
            Self::Bulk => "bulk",
            Self::Open => "open",
        }
    }

    /// The catalogue, and what is ordered of it.
    pub(crate) const fn scene(self) -> Scene {
        let dataset = match self {
            Self::Flash => dataset::FLASH,
            Self::Baskets => dataset::BASKETS,
            Self::Far => dataset::FAR,
            Self::Uniform
            | Self::Hot
            | Self::Replay
            | Self::Reads
            | Self::Mixed
            | Self::Ship
            | Self::Bulk
            | Self::Open => dataset::UNIFORM,
        };
        let demand = self.demand();
        Scene { dataset, demand }
    }

    const fn demand(self) -> Demand {
        match self {
            Self::Hot | Self::Flash => Demand {
                near: Near::First,
                lines: Lines::Same,
                units: 1,
            },
            Self::Baskets => Demand {
                near: Near::First,
                lines: Lines::Random(10),
                units: 1,
            },
            Self::Far => Demand {
                near: Near::First,
                lines: Lines::Random(1),
                units: 1,
            },
            Self::Ship | Self::Bulk => Demand {
                near: Near::Any,
                lines: Lines::Random(1),
                units: SHIPMENTS,
            },
            Self::Uniform | Self::Replay | Self::Reads | Self::Mixed | Self::Open => Demand {
                near: Near::Any,
                lines: Lines::Random(2),
                units: 1,
            },
        }
    }

    /// Whether its requests need existing orders.
    pub(crate) const fn asks_for_orders(self) -> bool {
        matches!(self, Self::Replay | Self::Reads | Self::Mixed) || self.ships()
    }

    /// Whether its requests ship existing orders.
    pub(crate) const fn ships(self) -> bool {
        matches!(self, Self::Ship | Self::Bulk)
    }

    /// Whether the database alone can process its orders one at a time, for comparison.
    pub(crate) const fn has_ceiling(self) -> bool {
        matches!(self, Self::Uniform | Self::Hot | Self::Baskets | Self::Far)
    }
}

/// A catalogue, and what is ordered of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scene {
    pub(crate) dataset: Dataset,
    pub(crate) demand: Demand,
}

/// What a workload's orders contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Demand {
    pub(crate) near: Near,
    pub(crate) lines: Lines,
    /// Units of each line.
    pub(crate) units: u32,
}

/// As many shipments as an order may have, and the units of an order that is shipped one by one.
pub(crate) const SHIPMENTS: u32 = 50;

/// Where orders are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Near {
    /// Near any warehouse that has stock, which is then the nearest.
    Any,
    /// Near warehouse 1; the first warehouse with stock is then the nearest one with stock.
    First,
}

/// The lines of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lines {
    /// Product 1.
    Same,
    /// This many different products.
    Random(u32),
}

/// How far an order's place may be from its warehouse, in steps of the grid, so that no other warehouse is nearer.
pub(crate) const JITTER: f64 = 0.4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_is_measured_and_open_follows_uniform() {
        let named: Vec<_> = Workload::ALL.iter().map(|it| it.name()).collect();
        for workload in Workload::value_variants() {
            assert!(named.contains(&workload.name()), "{workload:?}");
        }
        assert!(named.first() == Some(&"uniform") && named.last() == Some(&"open"));
    }
}
